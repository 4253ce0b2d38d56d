#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # TLS
//!
//! This crate takes reqwest without its default features and leaves the choice of TLS to the program. Depend
//! on reqwest too, and choose one, for example `reqwest = { version = "0.13", features = ["rustls"] }`. Without
//! any, a token request to an `https` URL fails with [`ErrorKind::Configuration`](oauth_core::ErrorKind::Configuration),
//! and names the feature.
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
mod sending;

pub use client::{Client, client, redirect_policy};
pub use error::Error;
pub use http_client::ReqwestHttpClient;
#[cfg(feature = "middleware")]
pub use middleware::OAuthMiddleware;
pub use request_builder::RequestBuilder;
