//! Errors in the words of OAuth (RFC 6749 §5.2 and its registry).

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// An error code of OAuth: those of the IANA registry by name, others as they came.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum OAuthErrorCode {
            $($(#[$doc])* $variant,)*
            /// A code that is not registered.
            Other(Box<str>),
        }

        impl OAuthErrorCode {
            /// The code as it stands in the protocol.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(code) => code,
                }
            }
        }

        impl From<&str> for OAuthErrorCode {
            fn from(code: &str) -> Self {
                match code {
                    $($text => Self::$variant,)*
                    other => Self::Other(legible(other, MAX_CODE).into()),
                }
            }
        }
    };
}

codes! {
    /// RFC 6749 §5.2: a parameter is missing, repeated or malformed.
    InvalidRequest = "invalid_request",
    /// RFC 6749 §5.2: client authentication failed.
    InvalidClient = "invalid_client",
    /// RFC 6749 §5.2: the grant is invalid, expired or revoked.
    InvalidGrant = "invalid_grant",
    /// RFC 6749 §5.2: the client may not use this grant type.
    UnauthorizedClient = "unauthorized_client",
    /// RFC 6749 §5.2: the server does not know this grant type.
    UnsupportedGrantType = "unsupported_grant_type",
    /// RFC 6749 §5.2: a scope is unknown, malformed or not for this client.
    InvalidScope = "invalid_scope",
    /// RFC 6749 §4.1.2.1: the owner or the server denied the request.
    AccessDenied = "access_denied",
    /// RFC 6749 §4.1.2.1: the server does not know this response type.
    UnsupportedResponseType = "unsupported_response_type",
    /// RFC 6749 §4.1.2.1: something unexpected happened on the server.
    ServerError = "server_error",
    /// RFC 6749 §4.1.2.1: the server is overloaded or under maintenance.
    TemporarilyUnavailable = "temporarily_unavailable",
    /// RFC 6750 §3.1: the access token is expired, revoked or malformed.
    InvalidToken = "invalid_token",
    /// RFC 6750 §3.1: the request needs more than the token grants.
    InsufficientScope = "insufficient_scope",
    /// RFC 7009 §2.2.1: this type of token cannot be revoked.
    UnsupportedTokenType = "unsupported_token_type",
    /// RFC 8628 §3.5: the user has not answered yet.
    AuthorizationPending = "authorization_pending",
    /// RFC 8628 §3.5: ask less often.
    SlowDown = "slow_down",
    /// RFC 8628 §3.5: the device code has expired.
    ExpiredToken = "expired_token",
    /// RFC 8707 §2: the resource is unknown or malformed.
    InvalidTarget = "invalid_target",
    /// RFC 9396 §5: the authorization details are not acceptable.
    InvalidAuthorizationDetails = "invalid_authorization_details",
    /// RFC 9449 §5: the DPoP proof is not acceptable.
    InvalidDpopProof = "invalid_dpop_proof",
    /// RFC 9449 §8: the proof needs the nonce that the server sent.
    UseDpopNonce = "use_dpop_nonce",
    /// RFC 9470 §3: the user's authentication is not strong or fresh enough.
    InsufficientUserAuthentication = "insufficient_user_authentication",
    /// RFC 9200 §5.8.3: the server does not support this key.
    UnsupportedPopKey = "unsupported_pop_key",
    /// RFC 9200 §5.8.3: client and server share no profile.
    IncompatibleAceProfiles = "incompatible_ace_profiles",
    /// OpenID Connect Core §3.1.2.6: the user must interact.
    InteractionRequired = "interaction_required",
    /// OpenID Connect Core §3.1.2.6: the user must log in.
    LoginRequired = "login_required",
    /// OpenID Connect Core §3.1.2.6: the user must choose an account.
    AccountSelectionRequired = "account_selection_required",
    /// OpenID Connect Core §3.1.2.6: the user must consent.
    ConsentRequired = "consent_required",
    /// OpenID Connect Core §3.1.2.6: the `request_uri` does not work.
    InvalidRequestUri = "invalid_request_uri",
    /// OpenID Connect Core §3.1.2.6: the request object is not valid.
    InvalidRequestObject = "invalid_request_object",
    /// OpenID Connect Core §3.1.2.6: `request` is not supported.
    RequestNotSupported = "request_not_supported",
    /// OpenID Connect Core §3.1.2.6: `request_uri` is not supported.
    RequestUriNotSupported = "request_uri_not_supported",
    /// OpenID Connect Core §3.1.2.6: `registration` is not supported.
    RegistrationNotSupported = "registration_not_supported",
    /// UMA 2.0 §3.3.6: further claims are needed.
    NeedInfo = "need_info",
    /// UMA 2.0 §3.3.6: the request is denied.
    RequestDenied = "request_denied",
    /// UMA 2.0 §3.3.6: the request waits for the owner.
    RequestSubmitted = "request_submitted",
}

impl fmt::Display for OAuthErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a server says in an error response (RFC 6749 §5.2): all that is ever kept of its body.
///
/// Control characters are replaced and long texts are cut, so that it can be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    code: OAuthErrorCode,
    description: Option<Box<str>>,
    uri: Option<Box<str>>,
}

const MAX_CODE: usize = 100;
const MAX_TEXT: usize = 500;

impl OAuthError {
    /// An error with this code.
    pub fn new(code: impl Into<OAuthErrorCode>) -> Self {
        Self {
            code: code.into(),
            description: None,
            uri: None,
        }
    }

    /// Adds `error_description`.
    #[must_use]
    pub fn with_description(mut self, description: &str) -> Self {
        self.description = Some(legible(description, MAX_TEXT).into());
        self
    }

    /// Adds `error_uri`.
    #[must_use]
    pub fn with_uri(mut self, uri: &str) -> Self {
        self.uri = Some(legible(uri, MAX_TEXT).into());
        self
    }

    /// The code: `error`.
    #[must_use]
    pub fn code(&self) -> &OAuthErrorCode {
        &self.code
    }

    /// The server's explanation for developers: `error_description`.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// A page about the error: `error_uri`.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(description) = &self.description {
            write!(f, " ({description})")?;
        }
        if let Some(uri) = &self.uri {
            write!(f, ", see {uri}")?;
        }
        Ok(())
    }
}

/// `text` without control characters, cut after `max` characters.
fn legible(text: &str, max: usize) -> String {
    let mut legible: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .take(max)
        .collect();
    if text.chars().nth(max).is_some() {
        legible.push('…');
    }
    legible
}
