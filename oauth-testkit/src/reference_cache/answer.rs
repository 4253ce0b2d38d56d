//! What an answer to a token request means, as naively as can be.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::scenario::Reply;

/// 10 years.
const LONGEST_LIFETIME: f64 = 10.0 * 365.0 * 86_400.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Token {
        secret: String,
        lifetime: Option<Duration>,
        refresh_in: Option<Duration>,
    },
    Failure {
        /// As a scenario writes it, after `error `.
        kind: String,
        passes: bool,
        retry_after: Option<Duration>,
    },
}

impl Answer {
    /// A failure that is no reply.
    pub(crate) fn failure(kind: &str, passes: bool) -> Self {
        Self::Failure {
            kind: kind.to_owned(),
            passes,
            retry_after: None,
        }
    }

    pub(crate) fn read(reply: &Reply, wall: SystemTime) -> Self {
        let response = reply.to_http();
        let status = response.status().as_u16();
        let members = match serde_json::from_slice(response.body()) {
            Ok(Value::Object(members)) => Some(members),
            _ => None,
        };
        let code = members
            .as_ref()
            .and_then(|members| members.get("error")?.as_str())
            .filter(|code| !code.is_empty());
        if (200..300).contains(&status) && code.is_none() {
            return match members {
                Some(members) => token(&members),
                None => Self::failure("malformed_response", false),
            };
        }
        let (kind, passes) = match (status, code) {
            (429, _) => ("rate_limited".to_owned(), true),
            (408 | 500..=599, _) => ("server_unavailable".to_owned(), true),
            (_, Some(code)) => (
                format!("refused {code}"),
                ["temporarily_unavailable", "server_error", "slow_down"].contains(&code),
            ),
            (300..=399, None) => ("malformed_response".to_owned(), false),
            (_, None) => ("refused".to_owned(), false),
        };
        let header = response.headers().get(http::header::RETRY_AFTER);
        let retry_after = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| delay(value, wall));
        Self::Failure {
            kind,
            passes,
            retry_after,
        }
    }
}

fn token(members: &Map<String, Value>) -> Answer {
    let secret = members.get("access_token").and_then(Value::as_str);
    let secret = secret.filter(|secret| !secret.is_empty());
    let secret = secret.filter(|secret| secret.bytes().all(|byte| byte.is_ascii_graphic()));
    let token_type = match members.get("token_type") {
        None | Some(Value::Null) => "bearer".to_owned(),
        Some(other) => other.as_str().unwrap_or_default().to_ascii_lowercase(),
    };
    if !["bearer", "dpop"].contains(&token_type.as_str()) {
        return Answer::failure("unsupported_token_type", false);
    }
    match secret {
        None => Answer::failure("malformed_response", false),
        Some(secret) => Answer::Token {
            secret: secret.to_owned(),
            lifetime: seconds(members.get("expires_in")),
            refresh_in: seconds(members.get("refresh_in")).filter(|wait| !wait.is_zero()),
        },
    }
}

fn seconds(value: Option<&Value>) -> Option<Duration> {
    let number = match value? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let whole = number.floor().clamp(0.0, LONGEST_LIFETIME);
    number
        .is_finite()
        .then(|| Duration::from_secs(whole as u64))
}

fn delay(value: &str, wall: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(wall).unwrap_or_default())
}
