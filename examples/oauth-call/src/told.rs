//! What a server said that is not well, and what to try.

use http::header::LOCATION;
use http::{StatusCode, Uri};
use oauth_core::{AccessToken, Challenge, OAuthError, OAuthErrorCode};

use crate::backend::{Answer, CallError};
use crate::failure::{advice, said};
use crate::load::Called;

/// No text of a server is quoted any longer.
const MAX_TEXT: usize = 500;

/// What is known besides the answer.
pub(crate) struct Context<'a> {
    /// The tokens of late: an API that quotes one is not quoted.
    pub(crate) tokens: &'a [AccessToken],
    /// Whether tokens are bound to a key.
    pub(crate) has_dpop: bool,
    /// Whether it has to be said which URL this is about.
    pub(crate) names_url: bool,
}

impl Called {
    /// For people, and on several lines; nothing if all is well.
    pub(crate) fn told(&self, context: &Context<'_>) -> Option<String> {
        let what = match &self.result {
            Ok(answer) if answer.response.status().is_success() => return None,
            Ok(answer) => answer.told(context),
            Err(error) => error.told(),
        };
        Some(if context.names_url {
            format!("{}: {what}", place(&self.uri))
        } else {
            what
        })
    }
}

/// Without the query, which may hold what is not for everybody's eyes.
fn place(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}{}", uri.path())
}

impl CallError {
    fn told(&self) -> String {
        match self {
            Self::Token(error) => format!("error: {}\n  try: {}", said(error), advice(error)),
            Self::Http(kind, message) => {
                let advice = match *kind {
                    "connect" => "check the host and port of the API_URL, the network, and --ca",
                    _ => "the API or the network is in trouble: try again later",
                };
                format!("error: {kind}: {message}\n  try: {advice}")
            }
        }
    }
}

impl Answer {
    fn told(&self, context: &Context<'_>) -> String {
        let status = self.response.status();
        let mut text = status.to_string();
        if status.is_redirection()
            && let Some(location) = self.response.headers().get(LOCATION)
        {
            let location = legible(
                &String::from_utf8_lossy(location.as_bytes()),
                context.tokens,
            );
            text += &format!("\n  it redirects, which is not followed, to {location}");
        }
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return text;
        }
        let challenges = Challenge::all(self.response.headers());
        for challenge in &challenges {
            text += &format!("\n  the API says: {}", quoted(challenge, context.tokens));
        }
        if self.was_resent {
            text += "\n  it says so the second time, after a new token or proof";
        }
        if let Some(not_resent) = &self.not_resent {
            let error = not_resent.error();
            text += &format!("\n  there is no other token: {}", said(error));
            return text + &format!("\n  try: {}", advice(error));
        }
        text + "\n  try: " + what_to_try(status, &challenges, context)
    }
}

/// The scheme, what RFC 6750 §3 has it say, and else the realm.
fn quoted(challenge: &Challenge, tokens: &[AccessToken]) -> String {
    let parameter = |name| challenge.parameter(name).map(|text| legible(text, tokens));
    let mut text = legible(challenge.scheme(), tokens);
    if let Some(code) = parameter("error") {
        let mut error = OAuthError::new(code.as_str());
        if let Some(description) = parameter("error_description") {
            error = error.with_description(&description);
        }
        if let Some(uri) = parameter("error_uri") {
            error = error.with_uri(&uri);
        }
        text += &format!(" {error}");
    } else if let Some(realm) = parameter("realm") {
        text += &format!(" for {realm:?}");
    }
    if let Some(scope) = parameter("scope") {
        text += &format!(", wants the scope {scope:?}");
    }
    text
}

fn what_to_try(
    status: StatusCode,
    challenges: &[Challenge],
    context: &Context<'_>,
) -> &'static str {
    let has = |scheme: &str| challenges.iter().any(|challenge| challenge.is(scheme));
    let mut codes = challenges
        .iter()
        .filter_map(|challenge| challenge.parameter("error"));
    if codes.any(|code| OAuthErrorCode::from(code) == OAuthErrorCode::InsufficientScope) {
        return "ask for that scope with --scope, if this client may have it";
    }
    if has("DPoP") && !has("Bearer") && !context.has_dpop {
        return "--dpop: this API wants tokens that are bound to a key";
    }
    if status == StatusCode::FORBIDDEN {
        return "the token is known, and grants too little: check --scope, or ask who runs the API what this client may do";
    }
    if !challenges.is_empty() && !has("Bearer") && !has("DPoP") {
        return "this API asks for something else than a token: check the API_URL";
    }
    "ask who runs the API whether it takes tokens of this server, and which --scope, --resource or --param audience=… \
     they need"
}

fn legible(text: &str, tokens: &[AccessToken]) -> String {
    let hidden = tokens.iter().fold(text.to_owned(), |text, token| {
        text.replace(token.secret(), "[redacted]")
    });
    let shown = hidden.chars().take(MAX_TEXT).map(|character| {
        if character.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        }
    });
    shown.collect()
}
