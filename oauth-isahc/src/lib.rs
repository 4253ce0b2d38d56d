//! OAuth 2.0 client credentials for [isahc](https://docs.rs/isahc), the HTTP client on libcurl: a client that is
//! used like isahc's own, synchronously and asynchronously, and never makes you think about tokens. There is no
//! async runtime in the program.
//!
//! ```no_run
//! use isahc::ReadResponseExt;
//! use oauth_core::ClientCredentials;
//! use oauth_isahc::IsahcHttpClient;
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let source = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
//!     .client_secret("shh")
//!     .scopes(["read", "write"])
//!     .http_client(IsahcHttpClient::new()?)
//!     .build()?
//!     .cached();
//! let api = oauth_isahc::client(source, ["https://api.example.com"])?;
//!
//! let text = api.get("https://api.example.com/users/23")?.text()?;
//! # Ok(())
//! # }
//! ```
//!
//! Or, in whatever async runtime there is: `api.get_async("https://api.example.com/users/23").await?`.
//!
//! # Features
//!
//! - `tracing` (default), `metrics`: what happens to tokens, as [`oauth_core::observability`] says.
//!
//! # TLS
//!
//! This crate takes isahc without its default features and leaves the choice of TLS to the program. Depend on
//! isahc too, and choose one, for example `isahc = { version = "2", default-features = false, features =
//! ["rustls-tls"] }`.

mod body;
mod client;
mod error;
mod exchange;
mod http_client;
mod wire_log;

pub use client::{Client, client};
pub use error::Error;
pub use http_client::IsahcHttpClient;
