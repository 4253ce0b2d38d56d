//! OAuth 2.0 client credentials for [reqwest](https://docs.rs/reqwest): a client that is used exactly like
//! reqwest's own and never makes you think about tokens.
//!
//! ```no_run
//! use oauth_core::ClientCredentials;
//! use oauth_reqwest::ReqwestHttpClient;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let source = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
//!     .client_secret("shh")
//!     .scopes(["read", "write"])
//!     .http_client(ReqwestHttpClient::new()?)
//!     .build()?
//!     .cached();
//! let api = oauth_reqwest::client(source, ["https://api.example.com"])?;
//!
//! let text = api.get("https://api.example.com/users/23").send().await?.text().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # TLS
//!
//! This crate takes reqwest without its default features and leaves the choice of TLS to the program. Depend
//! on reqwest too, and choose one, for example `reqwest = { version = "0.13", features = ["rustls"] }`. Without
//! any, an `https` URL fails with [`ErrorKind::Connect`](oauth_core::ErrorKind::Connect).
//!
//! # Features
//!
//! - `blocking`: the same around [`reqwest::blocking::Client`], for synchronous code.
//! - `json` (default), `form`, `query`, `multipart`: the methods of that name on [`RequestBuilder`].
//! - `tracing` (default), `metrics`: what happens to tokens, as [`oauth_core::observability`] says.
//! - `middleware`: `OAuthMiddleware`, for a program that has a chain of reqwest-middleware already.

#[cfg(feature = "blocking")]
pub mod blocking;
mod client;
mod error;
mod exchange;
mod forward;
mod http_client;
#[cfg(feature = "middleware")]
mod middleware;
mod request_builder;
mod runtime;

pub use client::{Client, client, redirect_policy};
pub use error::Error;
pub use http_client::ReqwestHttpClient;
#[cfg(feature = "middleware")]
pub use middleware::OAuthMiddleware;
pub use request_builder::RequestBuilder;
