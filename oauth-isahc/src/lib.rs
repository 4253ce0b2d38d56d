#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # Features
//!
//! - `tracing` (default), `metrics`: what happens to tokens, as [`oauth_core::observability`] says.
//!
//! # TLS
//!
//! This crate takes isahc without its default features and leaves the choice of TLS to the program. Depend on
//! isahc too, and choose one, for example `isahc = { version = "2", default-features = false, features =
//! ["rustls-tls"] }`. Without any, a token request to an `https` URL fails with
//! [`ErrorKind::Configuration`](oauth_core::ErrorKind::Configuration), and names the feature.

mod body;
mod client;
mod error;
mod exchange;
mod http_client;
mod wire_log;

pub use client::{Client, client};
pub use error::Error;
pub use http_client::IsahcHttpClient;
