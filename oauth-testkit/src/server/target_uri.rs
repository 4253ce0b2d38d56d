//! The URI a request is for, and when two are the same.

use http::header::HOST;

use crate::server::http1::Request;

/// The target URI without its query (RFC 9110 §7.1).
pub(crate) fn target_uri(scheme: &str, request: &Request) -> String {
    let host = request
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    format!("{scheme}://{}{}", host.unwrap_or_default(), request.path)
}

/// Syntax- and scheme-based normalization (RFC 3986 §6.2.2 and §6.2.3), without dot segments, which no
/// path of this server has. `None` if it is no URI with an authority.
pub(crate) fn normalized(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let path_at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    let authority = authority.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = authority
        .strip_suffix(default_port)
        .or(authority.strip_suffix(':'))
        .unwrap_or(&authority);
    let path = if path.is_empty() { "/" } else { path };
    Some(format!("{scheme}://{authority}{}", normalized_path(path)?))
}

/// Octets that need no encoding are not encoded, the others in upper case.
fn normalized_path(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let octet = u8::from_str_radix(rest.get(at + 1..at + 3)?, 16).ok()?;
        normal.push_str(&rest[..at]);
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            normal.push(char::from(octet));
        } else {
            normal.push_str(&format!("%{octet:02X}"));
        }
        rest = &rest[at + 3..];
    }
    normal.push_str(rest);
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn rfc3986_6_2_what_means_the_same_is_the_same() {
        let plain = normalized("https://example.com/a~b").unwrap();
        for same in [
            "HTTPS://Example.COM/a~b",
            "https://example.com:443/a~b",
            "https://example.com:/a~b",
            "https://example.com/a%7eb",
            "https://example.com/%61%7Eb",
        ] {
            assert_eq!(normalized(same).as_ref(), Some(&plain), "{same}");
        }
        assert_eq!(normalized("http://a:80"), normalized("http://a/"));
        assert_eq!(normalized("http://a/%3f"), Some("http://a/%3F".to_owned()));
    }

    #[test]
    fn what_means_something_else_is_not() {
        let plain = normalized("https://example.com/a").unwrap();
        for other in [
            "http://example.com/a",
            "https://example.com:80/a",
            "https://example.org/a",
            "https://example.com/A",
            "https://example.com/a/",
            "https://example.com/%2Fa",
        ] {
            assert_ne!(normalized(other).as_ref(), Some(&plain), "{other}");
        }
        for nothing in [
            "",
            "example.com/a",
            "ftp://a/",
            "http://a/%",
            "http://a/%zz",
        ] {
            assert_eq!(normalized(nothing), None, "{nothing}");
        }
    }
}
