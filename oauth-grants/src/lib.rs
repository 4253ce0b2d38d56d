#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! [`JwtBearer`], [`TokenExchange`] and [`RefreshToken`] are each built around a [`ClientCredentials`], which is
//! the client as it is registered at the server: where the token endpoint is, how the client authenticates, scopes
//! and further parameters. Each asks the server at every call; `cached()` makes it fit for use at every request.
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
