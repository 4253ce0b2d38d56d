//! What goes wrong before any call is made, and what to try.

use std::error::Error as StdError;

use oauth_core::{Error, ErrorKind, OAuthErrorCode};

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line cannot be followed.
    Usage(String),
    /// There is no token.
    Token(Error),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Configuration => Self::Usage(format!("{error:#}")),
            _ => Self::Token(error),
        }
    }
}

/// What to try when there is no token.
pub(crate) fn advice(error: &Error) -> &'static str {
    if let Some(error) = error.oauth_error() {
        return match error.code() {
            OAuthErrorCode::InvalidClient => {
                "check --client-id and the secret or key, and try another --auth (basic-raw for a server that does not decode)"
            }
            OAuthErrorCode::InvalidScope => "check --scope against what the client may ask for",
            OAuthErrorCode::UnauthorizedClient | OAuthErrorCode::UnsupportedGrantType => {
                "have the client credentials grant allowed for this client at the server"
            }
            OAuthErrorCode::InvalidTarget => "check --resource and --param audience=…",
            OAuthErrorCode::InvalidRequest => {
                "the server misses something or wants less: check --param, --resource and --auth"
            }
            _ => "ask who runs the server what this code means there",
        };
    }
    match error.kind() {
        ErrorKind::Connect => "check the host and port of --token-url, the network, and --ca",
        ErrorKind::Timeout | ErrorKind::Transport => {
            "the server or the network is in trouble: try again later"
        }
        ErrorKind::RateLimited | ErrorKind::ServerUnavailable => {
            "nothing is wrong here: wait, or ask who runs the server"
        }
        ErrorKind::Refused | ErrorKind::MalformedResponse => {
            "check --token-url: is that the token endpoint?"
        }
        ErrorKind::Discovery => "check --issuer, or name the endpoint with --token-url",
        ErrorKind::UnsupportedTokenType => "leave --dpop out if the server does not know it",
        _ => "see the message",
    }
}

/// A message with all that caused it.
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
