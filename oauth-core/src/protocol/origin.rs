//! Where a token may go: origins (RFC 6454) and token endpoints.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::Uri;
use http::uri::InvalidUri;

use crate::error::Error;

/// Scheme, host and port: `https://api.example.com`, `http://127.0.0.1:8080`.
///
/// Two origins are equal as RFC 6454 §4 says: the host in any case, the default port with or without
/// being named.
///
/// # Examples
///
/// ```
/// use oauth_core::Origin;
///
/// let origin: Origin = "https://API.example.com:443".parse()?;
/// assert_eq!(origin.to_string(), "https://api.example.com");
/// assert!("https://api.example.com/v1".parse::<Origin>().is_err());
/// assert!("http://api.example.com".parse::<Origin>().is_err(), "only loopback may do without TLS");
/// # Ok::<(), oauth_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    secure: bool,
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URI, whatever its path.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the URI is not absolute, has
    /// another scheme, or holds user information.
    pub fn of(uri: &Uri) -> Result<Self, Error> {
        Self::read(uri).map_err(|what| {
            let uri = shown(&uri.to_string());
            let message = format!("{uri} has no origin: it has {what}; give an absolute URL");
            Error::configuration(message)
        })
    }

    /// The error does not quote the URI.
    fn read(uri: &Uri) -> Result<Self, &'static str> {
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err("a scheme other than http or https"),
            None => return Err("no scheme (https://…)"),
        };
        let authority = uri.authority().ok_or("no host")?;
        if authority.as_str().contains('@') {
            return Err("user information (user:password@)");
        }
        if authority.host().is_empty() {
            return Err("no host");
        }
        let port_text = authority
            .as_str()
            .get(authority.host().len()..)
            .unwrap_or_default();
        let port = match authority.port_u16() {
            Some(port) => port,
            None if port_text.len() > 1 => return Err("an impossible port"),
            None if secure => 443,
            None => 80,
        };
        let host = match ipv6(authority.host()) {
            // As RFC 5952 writes it, and URL parsers do.
            Some(address) => format!("[{address}]"),
            None => authority.host().to_ascii_lowercase(),
        };
        Ok(Self {
            secure,
            host: host.into(),
            port,
        })
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the connection to it is protected: `https`, or this very machine.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.secure || is_loopback(&self.host)
    }

    /// Whether `scheme`, `host` and `port` name this origin: `scheme` in lower case, as URL parsers leave it, `host`
    /// in any case, an IPv6 address in brackets.
    #[must_use]
    #[inline]
    pub fn matches(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let (scheme_of_self, default_port) = if self.secure {
            ("https", 443)
        } else {
            ("http", 80)
        };
        scheme == scheme_of_self && self.is_host(host) && port.unwrap_or(default_port) == self.port
    }

    fn is_host(&self, host: &str) -> bool {
        // Equal as a rule; `http::Uri` leaves the case of a host as it was written.
        host == &*self.host
            || host.eq_ignore_ascii_case(&self.host)
            || ipv6(host).is_some_and(|address| ipv6(&self.host) == Some(address))
    }
}

impl FromStr for Origin {
    type Err = Error;

    /// Reads an origin that tokens may be sent to.
    fn from_str(text: &str) -> Result<Self, Error> {
        let fault = |what: &str| {
            Error::configuration(format!(
                "{} is not an origin tokens may go to: {what}; write it like https://api.example.com",
                shown(text)
            ))
        };
        if text.contains('@') {
            return Err(fault(
                "user information (user:password@) does not belong there",
            ));
        }
        if text.contains('#') {
            return Err(fault("it has a fragment"));
        }
        let uri: Uri = text.parse().map_err(|cause| fault(&format!("{cause}")))?;
        let origin = Self::read(&uri).map_err(|what| fault(&format!("it has {what}")))?;
        if uri
            .path_and_query()
            .is_some_and(|path| path.as_str() != "/")
        {
            return Err(fault("it has a path or a query"));
        }
        if !origin.is_protected() {
            return Err(fault("plain http is allowed to loopback only"));
        }
        Ok(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default_port) = if self.secure {
            ("https", 443)
        } else {
            ("http", 80)
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != default_port {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

/// Reads the URL of an endpoint that credentials are sent to (RFC 6749 §3.2, §3.2.1); `name` is for errors.
pub(crate) fn endpoint(name: &str, text: &str) -> Result<Uri, Error> {
    let fault = |what: &str| {
        Error::configuration(format!("the {name} {} cannot be used: {what}", shown(text)))
    };
    if authority_part(text).contains('@') {
        return Err(fault(
            "it holds user information (user:password@); credentials go to client_secret()",
        ));
    }
    if text.contains('#') {
        return Err(fault(
            "it has a fragment; leave out what begins with # (RFC 6749 §3.2)",
        ));
    }
    let misshapen =
        |what: String| fault(&format!("{what}; write it like https://id.example.com/…"));
    let uri: Uri = text
        .parse()
        .map_err(|cause: InvalidUri| misshapen(cause.to_string()))?;
    let origin = Origin::read(&uri).map_err(|what| misshapen(format!("it has {what}")))?;
    if !origin.is_protected() {
        return Err(fault(
            "credentials need https; plain http is allowed to loopback only",
        ));
    }
    Ok(uri)
}

fn authority_part(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || ipv6(host).is_some_and(|ip| ip.is_loopback())
}

/// The address of an IPv6 host in brackets.
fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// What was given, in quotes, without what may be secret in it: user information, query and fragment.
pub(crate) fn shown(text: &str) -> String {
    if text.contains('@') {
        return "(not shown: it holds an '@', and a password may stand before it)".to_owned();
    }
    match text.find(['?', '#']) {
        Some(end) => format!("\"{}…\"", &text[..=end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        endpoint("token URL", text).unwrap_err().to_string()
    }

    #[test]
    fn p10_a_token_url_needs_tls_except_on_loopback() {
        assert!(refusal("http://id.example.com/token").contains("http://id.example.com/token"));
        assert!(refusal("http://127.0.0.1.example.com/token").contains("https"));
        for fine in [
            "https://id.example.com/token?tenant=a",
            "http://127.0.0.1:8080/token",
            "http://127.9.9.9/token",
            "http://[::1]:80/token",
            "http://localhost/token",
        ] {
            assert_eq!(endpoint("token URL", fine).unwrap().to_string(), fine);
        }
    }

    #[test]
    fn a_token_url_with_fragment_user_or_no_host_is_refused() {
        assert!(refusal("https://id.example.com/token#x").contains("fragment"));
        assert!(refusal("/token").contains("no scheme"));
        assert!(refusal("ftp://id.example.com/token").contains("scheme"));
        assert!(refusal("https://id.example.com:99999/token").contains("99999"));
        assert!(refusal("https://id example.com").contains("id example.com"));
        let with_password = refusal("https://user:hunter2@id.example.com/token");
        assert!(with_password.contains("user information"));
        assert!(!with_password.contains("hunter2"));
        assert!(endpoint("token URL", "https://id.example.com/a@b").is_ok());
    }

    #[test]
    fn p10_origins_are_compared_as_rfc_6454_says() {
        let origin: Origin = "https://API.example.com".parse().unwrap();
        assert_eq!(origin, "https://api.example.com:443/".parse().unwrap());
        assert_ne!(origin, "https://api.example.com:8443".parse().unwrap());
        assert!(origin.matches("https", "api.example.com", None));
        assert!(origin.matches("https", "API.Example.com", None));
        assert!(origin.matches("https", "api.example.com", Some(443)));
        assert!(!origin.matches("http", "api.example.com", Some(443)));
        assert!(!origin.matches("https", "api.example.com.evil.test", None));
    }

    #[test]
    fn p10_an_origin_is_nothing_but_an_origin() {
        for bad in [
            "https://api.example.com/v1",
            "https://api.example.com?",
            "https://api.example.com/#",
            "http://api.example.com",
            "api.example.com",
            "https://",
            "*",
        ] {
            let message = bad.parse::<Origin>().unwrap_err().to_string();
            assert!(message.contains(bad), "{message}");
        }
        for secret in [
            "https://u:hunter2@h",
            "https://u:hunter2@h/#x",
            "https://h/?code=hunter2",
        ] {
            let message = secret.parse::<Origin>().unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn p09_what_may_be_a_password_or_a_key_is_not_quoted() {
        for url in [
            "https:/u:hunter2@h/token",
            "https:///u:hunter2@h/token",
            "https://u:pa#hunter2@h/token",
            "https://u:pa/hunter2@h/#token",
            "https://u:pa?hunter2@h/#token",
            "http://h.example/token?code=hunter2",
            "https://h.example/token#hunter2",
        ] {
            assert!(!refusal(url).contains("hunter2"), "{}", refusal(url));
        }
    }

    #[test]
    fn p10_ipv6_addresses_are_compared_as_addresses() {
        let origin: Origin = "https://[2001:0DB8:0:0:0:0:0:1]".parse().unwrap();
        assert_eq!(origin.to_string(), "https://[2001:db8::1]");
        assert!(origin.matches("https", "[2001:db8::1]", None));
        assert!(origin.matches("https", "[2001:DB8:0::1]", Some(443)));
        assert!(!origin.matches("https", "[2001:db8::2]", None));
    }
}
