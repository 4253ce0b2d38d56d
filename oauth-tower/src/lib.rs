#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! [`OAuthLayer`] puts a current token on each request, for the origins it is meant for only. A request whose token
//! the API rejects (401 with `invalid_token`, RFC 6750 §3.1) is sent once more with a new one, if its body can be sent
//! again; its response has [`Resent`](oauth_core::Resent) among its extensions. Bodies are [cloned](CloneBody); those that
//! cannot be, as tonic's and axum's, are [kept while they are sent](RecordBody).
//!
//! Requests need absolute URIs (`https://api.example.com/orders`): the origin is read from there.

mod layer;
mod record;
mod resend;
mod service;

pub use layer::OAuthLayer;
pub use record::{RecordBody, RecordedBody};
pub use resend::{CloneBody, NoResend, ResendBody};
pub use service::{BoxError, OAuthService, ResponseFuture};
