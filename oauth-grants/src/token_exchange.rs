//! One token in exchange for another.

use std::fmt;

use async_trait::async_trait;
use oauth_core::{
    AccessToken, CachedTokenSource, ClientCredentials, Dpop, Error, OAuthErrorCode,
    SharedTokenSource, TokenSource,
};
use std::sync::Arc;

use crate::observe;

/// `grant_type` (RFC 8693 §2.1).
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The kinds of token that RFC 8693 §3 names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TokenTypeUri {
    /// An access token of whatever form.
    #[default]
    AccessToken,
    /// A JWT.
    Jwt,
    /// An ID token of OpenID Connect.
    IdToken,
    /// A refresh token.
    RefreshToken,
    /// A kind of the server's own.
    Other(String),
}

impl TokenTypeUri {
    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::RefreshToken => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::Other(uri) => uri,
        }
    }
}

/// Gets tokens in exchange for those of another source: token exchange (RFC 8693). To act in the name of the
/// subject (impersonation), or with an [`actor`](Self::actor) on its behalf (delegation).
///
/// It is not cached: every [`token`](TokenSource::token) is one token request, with the token that the other source
/// has at the time. If the server refuses it (`invalid_grant`, `invalid_request`; RFC 8693 §2.2.2), which may mean the
/// actor's too, both are [rejected](TokenSource::reject) there, and the exchange is tried once more with the next.
///
/// # Cancellation
///
/// Dropping the future of `token` drops the request.
///
/// # Errors
///
/// As those of [`ClientCredentials`] and of the other sources.
/// [`ErrorKind::UnsupportedTokenType`](oauth_core::ErrorKind::UnsupportedTokenType) if the server says `N_A`: what it
/// gave is no access token (RFC 8693 §2.2.1).
pub struct TokenExchange {
    client: ClientCredentials,
    subject: Party,
    actor: Option<Party>,
    requested: Option<TokenTypeUri>,
}

struct Party {
    source: SharedTokenSource,
    token_type: TokenTypeUri,
}

/// What is exchanged at one time.
struct Tokens {
    subject: AccessToken,
    actor: Option<AccessToken>,
}

impl Tokens {
    /// Whether there is another token among them, which may fare better.
    fn differ_from(&self, refused: &Self) -> bool {
        self.secrets() != refused.secrets()
    }

    fn secrets(&self) -> (&str, Option<&str>) {
        let actor = self.actor.as_ref().map(AccessToken::secret);
        (self.subject.secret(), actor)
    }
}

impl Party {
    fn new(source: impl TokenSource + 'static) -> Self {
        Self {
            source: Arc::new(source),
            token_type: TokenTypeUri::default(),
        }
    }

    async fn token(&self) -> Result<AccessToken, Error> {
        match self.source.ready() {
            Some(token) => Ok(token),
            None => self.source.token().await,
        }
    }
}

impl TokenExchange {
    /// Exchanges the tokens of `subject`. Where the new ones are to be used is up to
    /// [`audience`](oauth_core::ClientCredentialsBuilder::audience),
    /// [`resource`](oauth_core::ClientCredentialsBuilder::resource) and scopes of the client.
    #[must_use]
    pub fn new(client: ClientCredentials, subject: impl TokenSource + 'static) -> Self {
        Self {
            client,
            subject: Party::new(subject),
            actor: None,
            requested: None,
        }
    }

    /// What kind of tokens the subject has (`subject_token_type`); access tokens unless said otherwise.
    #[must_use]
    pub fn subject_token_type(mut self, token_type: TokenTypeUri) -> Self {
        self.subject.token_type = token_type;
        self
    }

    /// Who acts on behalf of the subject, and what kind of tokens that one has (`actor_token`,
    /// `actor_token_type`).
    #[must_use]
    pub fn actor(mut self, actor: impl TokenSource + 'static, token_type: TokenTypeUri) -> Self {
        self.actor = Some(Party {
            token_type,
            ..Party::new(actor)
        });
        self
    }

    /// What kind of token is wanted (`requested_token_type`). Without, the server decides.
    #[must_use]
    pub fn requested_token_type(mut self, token_type: TokenTypeUri) -> Self {
        self.requested = Some(token_type);
        self
    }

    /// The cache that a program wants around it, with the default policy.
    #[must_use]
    pub fn cached(self) -> CachedTokenSource<Self> {
        crate::cached(self, |source| &source.client)
    }

    /// Those to be exchanged now.
    async fn tokens(&self) -> Result<Tokens, Error> {
        let subject = self.subject.token().await?;
        let actor = match &self.actor {
            Some(actor) => Some(actor.token().await?),
            None => None,
        };
        Ok(Tokens { subject, actor })
    }

    /// The server does not say which of them it means.
    fn reject_both(&self, tokens: &Tokens) {
        self.subject.source.reject(&tokens.subject);
        if let (Some(party), Some(token)) = (&self.actor, &tokens.actor) {
            party.source.reject(token);
        }
    }

    async fn exchange(&self, tokens: &Tokens) -> Result<AccessToken, Error> {
        let mut parameters = vec![
            ("subject_token", tokens.subject.secret()),
            ("subject_token_type", self.subject.token_type.as_str()),
        ];
        if let (Some(party), Some(token)) = (&self.actor, &tokens.actor) {
            parameters.push(("actor_token", token.secret()));
            parameters.push(("actor_token_type", party.token_type.as_str()));
        }
        if let Some(requested) = &self.requested {
            parameters.push(("requested_token_type", requested.as_str()));
        }
        Ok(self.client.request(GRANT_TYPE, &parameters).await?.token)
    }
}

#[async_trait]
impl TokenSource for TokenExchange {
    async fn token(&self) -> Result<AccessToken, Error> {
        let tokens = self.tokens().await?;
        let error = match self.exchange(&tokens).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        if !is_about_the_tokens(&error) {
            return Err(error);
        }
        self.reject_both(&tokens);
        match self.tokens().await {
            Ok(next) if next.differ_from(&tokens) => {
                observe::subject_refused();
                self.exchange(&next).await
            }
            _ => Err(error),
        }
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.client.dpop()
    }
}

fn is_about_the_tokens(error: &Error) -> bool {
    error.oauth_error().is_some_and(|error| {
        matches!(
            error.code(),
            OAuthErrorCode::InvalidGrant | OAuthErrorCode::InvalidRequest
        )
    })
}

impl fmt::Debug for TokenExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenExchange")
            .field("client", &self.client)
            .field("subject_token_type", &self.subject.token_type)
            .field("requested_token_type", &self.requested)
            .finish_non_exhaustive()
    }
}
