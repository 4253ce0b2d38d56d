#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # Features
//!
//! - `tracing` (default), `metrics`: what happens to tokens, as [`oauth_core::observability`] says.
//!
//! # What isahc logs
//!
//! isahc can write what goes over the wire to its log, credentials included: to the targets `isahc::wire` (trace) and
//! `isahc::handler` (debug).
//!
//! - A subscriber of `tracing` hears nothing there of the requests that this crate sends; isahc knows of none for them.
//!   With the feature `log` of `tracing`, which isahc's default feature `log` turns on, that does not stop it: leave the
//!   feature out, or mute both targets in your subscriber.
//! - A logger of `log`, in a program without a subscriber, gets to see the events of `tracing` by that feature. Mute both
//!   targets there (`RUST_LOG=debug,isahc::wire=off,isahc::handler=off`). If the logger wants one of them when a request is
//!   sent, nothing of `tracing` goes to `log` from then on, in the whole process: rather that than a token in the log. A
//!   warning says so.
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
mod response_future;
mod wire_log;

pub use client::{Client, client};
pub use error::Error;
pub use http_client::IsahcHttpClient;
pub use response_future::ResponseFuture;
