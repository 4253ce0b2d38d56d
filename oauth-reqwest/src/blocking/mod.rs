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
//! [`Error::InsideRuntime`](crate::Error::InsideRuntime) says so. Where tokio lets a thread block, in `spawn_blocking` and
//! `block_in_place`, it can.
//!
//! The one way to ask tokio is to catch its panic, so the panic hook of the program (which writes the message to the
//! standard error output, if you set no other) runs along with that error. In a program built with `panic = "abort"`
//! nobody asks: there reqwest's own client panics inside a runtime in a debug build, and blocks in a release build.

mod client;
mod request_builder;

pub use client::{Client, client};
pub use request_builder::RequestBuilder;
