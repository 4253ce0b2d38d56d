//! The authorized client for synchronous code, around [`reqwest::blocking::Client`].
//!
//! ```no_run
//! use oauth_core::ClientCredentials;
//! use oauth_reqwest::ReqwestHttpClient;
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let source = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
//!     .client_secret("shh")
//!     .scopes(["read", "write"])
//!     .http_client(ReqwestHttpClient::new()?)
//!     .build()?
//!     .cached();
//! let api = oauth_reqwest::blocking::client(source, ["https://api.example.com"])?;
//!
//! let text = api.get("https://api.example.com/users/23").send()?.text()?;
//! # Ok(())
//! # }
//! ```
//!
//! Where reqwest's blocking client cannot be used, inside an async runtime, neither can this one:
//! [`Error::InsideRuntime`](crate::Error::InsideRuntime) says so.

mod client;
mod request_builder;

pub use client::{Client, client};
pub use request_builder::RequestBuilder;
