//! Further OAuth 2.0 grants that services need, as token sources in the mould of
//! [`ClientCredentials`]: [`JwtBearer`] (RFC 7523), [`TokenExchange`] (RFC 8693) and [`RefreshToken`]
//! (RFC 6749 §6).
//!
//! Each is built around a [`ClientCredentials`], which is the client as it is registered at the server: where the
//! token endpoint is, how the client authenticates, scopes and further parameters. Each asks the server at every
//! call; `cached()` makes it fit for use at every request.
//!
//! # Examples
//!
//! ```
//! use oauth_core::{ClientCredentials, HttpClient, TokenSource};
//! use oauth_grants::TokenExchange;
//!
//! # fn example(http_client: impl HttpClient + 'static, user: impl TokenSource + 'static) -> Result<(), oauth_core::Error> {
//! let client = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
//!     .client_secret("shh")
//!     .audience("https://api.example.com")
//!     .http_client(http_client)
//!     .build()?;
//!
//! // The token of `user` in exchange for one that the API takes.
//! let source = TokenExchange::new(client, user).cached();
//! # Ok(())
//! # }
//! ```
//!
//! [`ClientCredentials`]: oauth_core::ClientCredentials

mod jwt_bearer;
mod observe;
mod refresh_token;
mod token_exchange;

pub use jwt_bearer::{JwtBearer, JwtClaims};
pub use refresh_token::RefreshToken;
pub use token_exchange::{TokenExchange, TokenTypeUri};

use std::sync::Arc;

use oauth_core::{CachedTokenSource, ClientCredentials, TokenSource};

/// The cache that a program wants around `source`, on the clock of its client.
fn cached<S: TokenSource + 'static>(
    source: S,
    client: impl Fn(&S) -> &ClientCredentials,
) -> CachedTokenSource<S> {
    let clock = Arc::clone(client(&source).clock());
    CachedTokenSource::builder(source).clock(clock).build()
}
