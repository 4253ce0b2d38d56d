//! Reading a token response (RFC 6749 §5): a total function, whatever the bytes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorBuilder, ErrorKind};
use crate::oauth_error::{OAuthError, OAuthErrorCode};
use crate::observe;
use crate::protocol::challenge::Challenge;
use crate::protocol::retry_after::retry_after;
use crate::scope::Scopes;
use crate::secret::REDACTED;
use crate::time::Instant;
use crate::token::{AccessToken, TokenType};

/// The longest body that is read from a token endpoint: 1 MiB.
pub const MAX_RESPONSE_BODY: usize = 1024 * 1024;

/// So many bytes of members that the protocol does not define are kept with a token: read, they take many times as much.
const MAX_EXTRA: usize = 64 * 1024;

/// Token types that are not for us. Errors quote no others: what stands there may be the token, put in the wrong place.
const OTHER_TYPES: [&str; 3] = ["mac", "N_A", "PoP"];

/// No lifetime is longer: 10 years.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What is known besides the response itself.
pub(crate) struct Context<'a> {
    /// What answered, for errors: `token endpoint at https://id.example.com`.
    pub(crate) endpoint: &'a str,
    /// When the request was sent.
    pub(crate) sent: Instant,
    /// The time of day, for HTTP dates.
    pub(crate) wall: SystemTime,
    /// The credentials in each form in which they were sent: a server that quotes one back in its error text
    /// is not quoted.
    pub(crate) secrets: &'a [Zeroizing<String>],
}

/// The members of a JSON object, each left as it was written: a number no type can hold spoils only
/// itself. The last of several of one name counts.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// A successful token response (RFC 6749 §5.1).
pub(crate) struct Granted {
    pub(crate) token: AccessToken,
    pub(crate) refresh_token: Option<SecretString>,
}

pub(crate) fn read(
    response: &Response<Bytes>,
    context: &Context<'_>,
) -> Result<AccessToken, Error> {
    Ok(read_grant(response, context)?.token)
}

pub(crate) fn read_grant(
    response: &Response<Bytes>,
    context: &Context<'_>,
) -> Result<Granted, Error> {
    let members = members(response.body());
    accept_members(response, members.as_ref(), context)?;
    let members = members.ok_or_else(|| malformed(response, context, "is not a JSON object"))?;
    let refresh_token = members.get("refresh_token").and_then(|value| string(value));
    Ok(Granted {
        token: token(response, &members, context)?,
        refresh_token: refresh_token
            .filter(|token| !token.is_empty())
            .map(|token| token.as_str().into()),
    })
}

/// Whether a request was accepted: neither the status nor the body says otherwise.
pub(crate) fn accept(response: &Response<Bytes>, context: &Context<'_>) -> Result<(), Error> {
    accept_members(response, members(response.body()).as_ref(), context)
}

fn accept_members(
    response: &Response<Bytes>,
    members: Option<&Members<'_>>,
    context: &Context<'_>,
) -> Result<(), Error> {
    let status = response.status();
    let in_body = |name: &str| string(members?.get(name)?);
    let mut oauth_error = oauth_error(in_body, context);
    if oauth_error.is_none() && !status.is_success() {
        // Some servers put it there, and leave the body empty.
        oauth_error = in_challenges(response.headers(), context);
    }
    if status.is_success() && oauth_error.is_none() {
        return Ok(());
    }
    let code = oauth_error.as_ref().map(OAuthError::code);
    let mut error = refusal(status, code, context.endpoint);
    if let Some(oauth_error) = oauth_error {
        error = error.oauth_error(oauth_error);
    }
    if let Some(wait) = retry_after(response.headers(), context.wall) {
        error = error.retry_after(wait);
    }
    Err(error.status(status).build())
}

fn members(body: &[u8]) -> Option<Members<'_>> {
    if body.len() > MAX_RESPONSE_BODY {
        return None;
    }
    // RFC 8259 §8.1 lets a parser ignore a byte order mark.
    serde_json::from_slice(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)).ok()
}

/// The fields of RFC 6749 §5.2, wherever they stand.
fn oauth_error(
    field: impl Fn(&str) -> Option<Zeroizing<String>>,
    context: &Context<'_>,
) -> Option<OAuthError> {
    let text = |name: &str| {
        let text = field(name)?;
        let hidden = context.secrets.iter().filter(|secret| !secret.is_empty());
        Some(hidden.fold(text, |text, secret| {
            Zeroizing::new(text.replace(secret.as_str(), REDACTED))
        }))
    };
    // A registered code is no secret, though a secret may be part of it.
    let code = OAuthErrorCode::from(field("error")?.as_str());
    let code = match code {
        OAuthErrorCode::Other(_) => text("error").filter(|code| !code.is_empty())?,
        registered => Zeroizing::new(registered.as_str().to_owned()),
    };
    let mut error = OAuthError::new(code.as_str());
    if let Some(description) = text("error_description") {
        error = error.with_description(&description);
    }
    if let Some(uri) = text("error_uri") {
        error = error.with_uri(&uri);
    }
    Some(error)
}

fn in_challenges(headers: &HeaderMap, context: &Context<'_>) -> Option<OAuthError> {
    let challenges = Challenge::all(headers);
    let challenge = challenges
        .iter()
        .find(|challenge| challenge.parameter("error").is_some())?;
    let field = |name: &str| {
        challenge
            .parameter(name)
            .map(|text| Zeroizing::new(text.to_owned()))
    };
    oauth_error(field, context)
}

fn refusal(status: StatusCode, code: Option<&OAuthErrorCode>, endpoint: &str) -> ErrorBuilder {
    let (kind, what) = match (status.as_u16(), code) {
        (429, _) => (
            ErrorKind::RateLimited,
            "asks for fewer requests; try again later",
        ),
        (408 | 500..=599, _) => (
            ErrorKind::ServerUnavailable,
            "is out of order; try again later",
        ),
        (_, Some(code)) => {
            let next = next_step(code);
            let message = format!("the {endpoint} refused the request ({next})");
            return Error::builder(ErrorKind::Refused, message);
        }
        (300..=399, None) => (
            ErrorKind::MalformedResponse,
            "redirects, which is not followed; check its URL",
        ),
        (404 | 405, None) => (ErrorKind::Refused, "is not there; check its URL"),
        (_, None) => (
            ErrorKind::Refused,
            "refused the request without saying why; check its URL, the client id and its credentials",
        ),
    };
    Error::builder(kind, format!("the {endpoint} {what}"))
}

/// What to do about a refusal.
fn next_step(code: &OAuthErrorCode) -> &'static str {
    match code {
        OAuthErrorCode::InvalidClient => {
            "check the client id, its credentials and its method of authentication"
        }
        OAuthErrorCode::UnauthorizedClient | OAuthErrorCode::UnsupportedGrantType => {
            "check which grants the client is registered for"
        }
        OAuthErrorCode::InvalidGrant => "what was granted is no good, or no longer; get it anew",
        OAuthErrorCode::InvalidScope => "check the scopes",
        OAuthErrorCode::InvalidTarget => "check audience and resource",
        OAuthErrorCode::InvalidRequest => "check the parameters",
        OAuthErrorCode::InvalidDpopProof => "check the key for DPoP and the clock of this machine",
        OAuthErrorCode::TemporarilyUnavailable
        | OAuthErrorCode::ServerError
        | OAuthErrorCode::SlowDown => "try again later",
        _ => "look up what the code means at this server",
    }
}

fn token(
    response: &Response<Bytes>,
    members: &Members<'_>,
    context: &Context<'_>,
) -> Result<AccessToken, Error> {
    let secret = members
        .get("access_token")
        .and_then(|value| string(value))
        .ok_or_else(|| malformed(response, context, "has no access_token"))?;
    let mut builder = AccessToken::builder(secret.as_str())
        .requested_at(context.sent)
        .token_type(token_type(response, members, context)?);
    if let Some(lifetime) = seconds(members, "expires_in") {
        builder = builder.expires_in(lifetime);
    }
    // Zero would mean to renew without end.
    if let Some(refresh_in) = seconds(members, "refresh_in").filter(|wait| !wait.is_zero()) {
        builder = builder.refresh_in(refresh_in);
    }
    if let Some(scopes) = members.get("scope").and_then(|value| scopes(value)) {
        builder = builder.scopes(scopes);
    }
    let mut room = MAX_EXTRA;
    for (name, value) in members.iter().filter(|(name, _)| !is_known(name)) {
        let Some(left) = room.checked_sub(name.len() + value.get().len()) else {
            observe::response_odd(None, "a member of the token response is too long; left out");
            continue;
        };
        room = left;
        match serde_json::from_str(value.get()) {
            Ok(value) => builder = builder.extra(name, value),
            Err(_) => observe::response_odd(None, "a member of the token response is unreadable"),
        }
    }
    builder
        .build()
        .map_err(|cause| malformed(response, context, &format!("cannot be used: {cause}")))
}

fn is_known(member: &str) -> bool {
    // A refresh token is not for this grant (RFC 6749 §4.4.3), and too precious to lie about.
    matches!(
        member,
        "access_token" | "token_type" | "expires_in" | "refresh_in" | "scope" | "refresh_token"
    )
}

/// RFC 6749 §7.1: a token of an unknown type must not be used.
fn token_type(
    response: &Response<Bytes>,
    members: &Members<'_>,
    context: &Context<'_>,
) -> Result<TokenType, Error> {
    let Some(value) = members
        .get("token_type")
        .filter(|value| value.get() != "null")
    else {
        observe::response_odd(Some("token_type"), "it is missing; taking bearer");
        return Ok(TokenType::Bearer);
    };
    let name = string(value).unwrap_or_default();
    if name.eq_ignore_ascii_case("bearer") {
        Ok(TokenType::Bearer)
    } else if name.eq_ignore_ascii_case("dpop") {
        Ok(TokenType::Dpop)
    } else {
        let known = OTHER_TYPES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&name));
        let named = match known {
            Some(name) => format!("the type {name:?}"),
            None => "a type that nobody registered".to_owned(),
        };
        let endpoint = context.endpoint;
        let message = format!(
            "the {endpoint} gave a token of {named}, and this client uses Bearer and DPoP only; look at how it is \
             registered there"
        );
        Err(Error::builder(ErrorKind::UnsupportedTokenType, message)
            .status(response.status())
            .build())
    }
}

/// A duration in seconds: a number or a numeric string, floored. At most 10 years, at least zero; `None`
/// if it is absent or says nothing.
fn seconds(members: &Members<'_>, name: &'static str) -> Option<Duration> {
    let raw = members.get(name)?.get();
    let text = string(members.get(name)?).map_or_else(|| raw.to_owned(), |text| text.to_string());
    let text = text.trim();
    let looks_numeric = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse::<f64>() {
        Ok(number) if looks_numeric => Some(Duration::from_secs(
            number.clamp(0.0, LONGEST_LIFETIME.as_secs_f64()) as u64,
        )),
        _ => {
            if raw != "null" {
                observe::response_odd(Some(name), "it is no number; ignored");
            }
            None
        }
    }
}

fn scopes(value: &RawValue) -> Option<Scopes> {
    let scopes = match serde_json::from_str(value.get()) {
        Ok(Value::String(scopes)) => scopes.parse().ok(),
        Ok(Value::Array(items)) => {
            let items: Option<Vec<_>> = items.iter().map(Value::as_str).collect();
            items.and_then(|items| Scopes::new(items).ok())
        }
        Ok(Value::Null) => return None,
        _ => None,
    };
    if scopes.is_none() {
        observe::response_odd(Some("scope"), "it is no list of scopes; ignored");
    }
    scopes
}

fn string(value: &RawValue) -> Option<Zeroizing<String>> {
    serde_json::from_str(value.get()).ok().map(Zeroizing::new)
}

pub(crate) fn malformed(response: &Response<Bytes>, context: &Context<'_>, what: &str) -> Error {
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("no content type");
    let what = if response.body().len() > MAX_RESPONSE_BODY {
        "is longer than 1 MiB"
    } else {
        what
    };
    let content_type: String = content_type.chars().take(100).collect();
    let endpoint = context.endpoint;
    let message = format!("the answer of the {endpoint} ({content_type}) {what}; check its URL");
    Error::builder(ErrorKind::MalformedResponse, message)
        .status(response.status())
        .build()
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
