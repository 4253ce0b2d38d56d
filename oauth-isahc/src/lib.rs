//! OAuth 2.0 client credentials for [isahc](https://docs.rs/isahc), the HTTP client on libcurl, with no async
//! runtime in the program at all.
//!
//! ```no_run
//! use oauth_core::{ClientCredentials, TokenSource};
//! use oauth_isahc::IsahcHttpClient;
//!
//! # async fn example() -> Result<(), oauth_core::Error> {
//! let source = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
//!     .client_secret("shh")
//!     .scopes(["read", "write"])
//!     .http_client(IsahcHttpClient::new()?)
//!     .build()?
//!     .cached();
//!
//! let token = source.token().await?; // await it in whatever runtime there is, or block on it
//! # Ok(())
//! # }
//! ```
//!
//! # TLS
//!
//! This crate takes isahc without its default features and leaves the choice of TLS to the program. Depend on
//! isahc too, and choose one, for example `isahc = { version = "2", default-features = false, features =
//! ["rustls-tls"] }`.

mod http_client;

pub use http_client::IsahcHttpClient;
