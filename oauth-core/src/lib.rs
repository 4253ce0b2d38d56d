#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! - **You write a service**: take an adapter crate; you need from here what its four lines need.
//! - **You write an SDK**: accept `impl TokenSource` ([`TokenSource`]), and authorize requests with an
//!   [`Authorizer`].
//! - **You have a grant of your own**: implement [`TokenSource`] and wrap it in a [`CachedTokenSource`].
//! - **You have an HTTP client of your own**: implement [`HttpClient`], one method.
//!
//! The [guide](https://docs.rs/oauth-guide) goes through all of it, from the first request to operations.
//!
//! # Features
//!
//! - `jwt`: private keys in memory (`SigningKey`), for `private_key_jwt` and DPoP, and `client_secret_jwt`. Keys
//!   elsewhere, behind a [`JwsSigner`] of yours, need no feature.
//! - `metrics`: counters and histograms through the facade of the `metrics` crate, see [`observability`].
//! - `tracing`: spans and events through the facade of the `tracing` crate, see [`observability`].
//! - `tokio`: background renewals run on the tokio runtime in which they were noticed. Without it, and
//!   outside any runtime, one thread serves the whole process.

mod authorizer;
mod background;
mod cache;
mod cached;
mod client;
mod client_credentials;
mod client_credentials_builder;
mod clock;
mod credential;
mod default_spawner;
mod discovery;
mod discovery_error;
mod dpop;
mod error;
mod exchange;
mod fleet;
mod flight;
mod http_client;
mod lasting;
mod memory_store;
mod metric;
mod nesting;
mod oauth_error;
mod observe;
mod observed_flight;
mod other_grants;
mod protocol;
mod refresh;
mod rejection;
mod request_source;
mod scope;
mod secret;
mod secret_source;
mod server;
mod shared;
mod signer;
#[cfg(feature = "jwt")]
mod signing_key;
mod source;
mod spawner;
mod state;
mod store;
mod stored_token;
mod sync;
mod system_clock;
mod target;
mod thread_copy;
mod time;
mod token;
mod token_key;
mod token_management;
mod unique;
mod verdict;
mod warm;

#[doc = include_str!("../OBSERVABILITY.md")]
pub mod observability {
    pub use crate::metric::{METRICS, Metric, MetricKind};
    #[cfg(feature = "metrics")]
    pub use crate::observe::describe_metrics;
}

pub use async_trait::async_trait;

pub use authorizer::Authorizer;
pub use cached::{CachedTokenSource, CachedTokenSourceBuilder};
pub use client_credentials::ClientCredentials;
pub use client_credentials_builder::ClientCredentialsBuilder;
pub use clock::{BoxFuture, Clock};
pub use default_spawner::DefaultSpawner;
pub use discovery_error::DiscoveryError;
pub use dpop::Dpop;
pub use error::{Error, ErrorBuilder, ErrorKind};
pub use exchange::Exchange;
pub use http_client::{BodyBuffer, HttpClient, HttpError};
pub use memory_store::MemoryStore;
pub use oauth_error::{OAuthError, OAuthErrorCode};
pub use other_grants::TokenResponse;
pub use protocol::assertion::AssertionAudience;
pub use protocol::challenge::Challenge;
pub use protocol::client_auth::ClientAuthMethod;
pub use protocol::introspection::Introspection;
pub use protocol::jws::JwsAlgorithm;
pub use protocol::metadata::ServerMetadata;
pub use protocol::origin::Origin;
pub use protocol::response::MAX_RESPONSE_BODY;
pub use refresh::policy::{RefreshPolicy, RefreshPolicyBuilder};
pub use refresh::status::{FlightReason, Status};
pub use request_source::RequestSource;
pub use scope::{InvalidScope, Scopes};
pub use secret::{ExposeSecret, SecretString};
pub use secret_source::SecretSource;
pub use signer::JwsSigner;
#[cfg(feature = "jwt")]
pub use signing_key::SigningKey;
pub use source::{SharedTokenSource, TokenSource};
pub use spawner::Spawner;
pub use store::{Lease, StoreError, TokenStore};
pub use stored_token::{InvalidRecord, StoredToken};
pub use system_clock::SystemClock;
pub use target::Target;
pub use time::Instant;
pub use token::{AccessToken, AccessTokenBuilder, InvalidToken, TokenType};
pub use token_key::{TokenKey, TokenKeyBuilder};
pub use verdict::{NotResent, Resent, Verdict};
