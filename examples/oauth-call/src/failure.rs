//! Why there is no token, and what to try.

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
            ErrorKind::Configuration => Self::Usage(said(&error)),
            _ => Self::Token(error),
        }
    }
}

/// What an error says, with its causes.
pub(crate) fn said(error: &Error) -> String {
    in_flags(format!("{error:#}"))
}

/// What the libraries tell programmers to do, and what that is on a command line.
const REMEDIES: [(&str, &str); 11] = [
    ("call .accept_bearer()", "leave --dpop out"),
    (
        "name it with .expected_issuer(…)",
        "name the token endpoint with --token-url",
    ),
    (
        "start with ClientCredentials::builder(…), which takes its URL",
        "name it with --token-url",
    ),
    (
        "go to client_secret()",
        "go to --secret-env or --secret-file",
    ),
    (".client_secret(…)", "--secret-env or --secret-file"),
    (
        "the settings given to ReqwestHttpClient::configured",
        "--ca, --cert and --cert-key",
    ),
    (
        "the settings given to IsahcHttpClient::configured",
        "--ca, --cert and --cert-key",
    ),
    ("use client_secret_basic", "use --auth basic"),
    ("use from_jwk_with", "give --alg"),
    ("; for PEM there is from_pem", ""),
    ("have settings of their own", "have options of their own"),
];

fn in_flags(text: String) -> String {
    REMEDIES
        .iter()
        .fold(text, |text, (remedy, flags)| text.replace(remedy, flags))
}

const CREDENTIALS: &str = "check --client-id and the secret or key, and try another --auth (basic-raw for a server that does not decode)";
const SCOPE: &str = "check --scope against what the client may ask for";
const GRANT: &str = "have the client credentials grant allowed for this client at the server";

/// What to try when there is no token.
pub(crate) fn advice(error: &Error) -> &'static str {
    if let Some(error) = error.oauth_error() {
        return for_code(error.code());
    }
    match (error.kind(), error.status().map(|status| status.as_u16())) {
        // Wrong credentials, on servers that do not say so in the words of OAuth.
        (ErrorKind::Refused, Some(400 | 401 | 403)) => CREDENTIALS,
        (ErrorKind::Connect, _) => "check the host and port of --token-url, the network, and --ca",
        (ErrorKind::Timeout | ErrorKind::Transport, _) => {
            "the server or the network is in trouble: try again later"
        }
        (ErrorKind::RateLimited | ErrorKind::ServerUnavailable, _) => {
            "nothing is wrong here: wait, or ask who runs the server"
        }
        (ErrorKind::Refused | ErrorKind::MalformedResponse, _) => {
            "check --token-url: is that the token endpoint?"
        }
        (ErrorKind::Discovery, _) => "check --issuer, or name the endpoint with --token-url",
        (ErrorKind::UnsupportedTokenType, _) => "leave --dpop out if the server does not know it",
        (ErrorKind::TokenRejected, _) => {
            "ask who runs the API why it takes no token of this server, or check --resource and --param audience=…"
        }
        _ => "see the message",
    }
}

fn for_code(code: &OAuthErrorCode) -> &'static str {
    match code {
        // The last one is for tokens; a token endpoint that says it means the credentials.
        OAuthErrorCode::InvalidClient | OAuthErrorCode::InvalidToken => CREDENTIALS,
        OAuthErrorCode::InvalidScope => SCOPE,
        OAuthErrorCode::UnauthorizedClient
        | OAuthErrorCode::UnsupportedGrantType
        | OAuthErrorCode::AccessDenied => GRANT,
        OAuthErrorCode::InvalidTarget => "check --resource and --param audience=…",
        OAuthErrorCode::InvalidRequest => {
            "the server misses something or wants less: check --param, --resource and --auth"
        }
        OAuthErrorCode::InvalidDpopProof | OAuthErrorCode::UseDpopNonce => {
            "check the clock of this machine, and leave --dpop out if the server does not need it"
        }
        OAuthErrorCode::ServerError
        | OAuthErrorCode::TemporarilyUnavailable
        | OAuthErrorCode::SlowDown => "nothing is wrong here: wait, or ask who runs the server",
        other => match other.as_str() {
            "scope_invalid" => SCOPE,
            "authorization_type_invalid" => GRANT,
            _ => "ask who runs the server what this code means there",
        },
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
