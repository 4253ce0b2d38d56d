//! What the log keeps of a request: never a secret.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue};

const REDACTED: &str = "<redacted>";

/// The headers; of those that hold credentials, the scheme at most.
pub(crate) fn headers(headers: &HeaderMap) -> HeaderMap {
    let mut redacted = headers.clone();
    for (name, value) in &mut redacted {
        if *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION {
            let scheme = value.to_str().ok().and_then(|text| text.split_once(' '));
            let kept = scheme.map(|(scheme, _)| format!("{scheme} {REDACTED}"));
            *value = kept
                .and_then(|kept| HeaderValue::try_from(kept).ok())
                .unwrap_or(HeaderValue::from_static(REDACTED));
        } else if *name == COOKIE || *name == "dpop" {
            *value = HeaderValue::from_static(REDACTED);
        }
    }
    redacted
}

pub(crate) fn params(params: &[(String, String)]) -> Vec<(String, String)> {
    let redact = |(name, value): &(String, String)| {
        let value = if is_secret(name) { REDACTED } else { value };
        // A body of another kind that claims to be a form is all name, secrets included.
        let name = if is_name(name) { name } else { REDACTED };
        (name.to_owned(), value.to_owned())
    };
    params.iter().map(redact).collect()
}

pub(crate) fn path_and_query(path: &str, query: Option<&str>) -> String {
    let Some(query) = query else {
        return path.to_owned();
    };
    let redact = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    };
    let query: Vec<String> = query.split('&').map(redact).collect();
    format!("{path}?{}", query.join("&"))
}

/// RFC 6749 App. A: what parameter names are made of.
fn is_name(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Errs on the side of hiding: an unknown grant may bring its own kind of secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let describes = name.ends_with("_type") || name.ends_with("_type_hint");
    let telling = [
        "secret",
        "token",
        "assertion",
        "password",
        "code",
        "key",
        "signature",
    ];
    !describes && telling.iter().any(|part| name.contains(part))
}
