//! Tokens for many tenants: one set of cached token sources by key, each made when it is first asked for.
//!
//! The key is whatever tells one token from another: the tenant, and if they differ from call to call the scopes, the
//! audience or the resource. [`TokenSources`] keeps one source for each key, forgets those that nobody uses, and
//! never holds more than it is told.
//!
//! # Examples
//!
//! ```
//! use oauth_core::{Authorizer, CachedTokenSource, ClientCredentials, Error, ErrorKind, HttpClient};
//! use oauth_tenants::TokenSources;
//! use std::sync::Arc;
//!
//! # fn secret_of(tenant: &str) -> Option<String> { (tenant == "acme").then(|| "shh".to_owned()) }
//! # fn example(http_client: Arc<dyn HttpClient>) -> Result<(), Error> {
//! type Source = CachedTokenSource<ClientCredentials>;
//!
//! let sources: Arc<TokenSources<String, Source>> = Arc::new(TokenSources::new(move |tenant: &String| {
//!     let secret = secret_of(tenant)
//!         .ok_or_else(|| Error::new(ErrorKind::Configuration, format!("there is no tenant {tenant:?}")))?;
//!     let token_url = format!("https://{tenant}.id.example.com/oauth/token");
//!     let source = ClientCredentials::builder(token_url, "my-client")
//!         .client_secret(secret)
//!         .http_client(Arc::clone(&http_client))
//!         .build()?;
//!     Ok(source.cached())
//! }));
//!
//! let source = sources.get("acme")?; // a `TokenSource`; no request is made before its token is needed
//! assert!(sources.get("nobody").is_err());
//!
//! // One client for all tenants; an extension of the request names it. An unknown one is an error, and nothing is sent.
//! #[derive(Clone)]
//! struct Tenant(String);
//!
//! let authorizer = Authorizer::per_request(["https://api.example.com"], move |_, extensions| {
//!     let tenant = extensions.get::<Tenant>();
//!     let tenant = tenant.ok_or_else(|| Error::new(ErrorKind::Configuration, "the request names no tenant"))?;
//!     Ok(sources.get(tenant.0.as_str())?)
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! # Why this is not in oauth-core
//!
//! It builds on a concurrent cache, [`quick_cache`](https://docs.rs/quick_cache), that a program with one source has no
//! use for.

mod kept;
mod sources;

pub use kept::TenantSource;
pub use sources::{TokenSources, TokenSourcesBuilder};
