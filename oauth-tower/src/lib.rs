//! OAuth 2.0 client credentials for any [`tower`](https://docs.rs/tower) service that sends HTTP requests: hyper-util's
//! client, tonic's channel, the client in a reverse proxy.
//!
//! [`OAuthLayer`] puts a current token on each request, for the origins it is meant for only. A request whose token
//! the API rejects (401 with `invalid_token`, RFC 6750 §3.1) is sent once more with a new one, if a [`ResendBody`]
//! policy can copy its body; its response has [`Resent`](oauth_core::Resent) among its extensions.
//!
//! Requests need absolute URIs (`https://api.example.com/orders`): the origin is read from there.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http::{Request, Response};
//! use oauth_core::Authorizer;
//! use oauth_tower::OAuthLayer;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # async fn example(source: impl oauth_core::TokenSource + 'static) -> Result<(), oauth_tower::BoxError> {
//! # let client = service_fn(|_: Request<String>| async { Ok::<_, Infallible>(Response::new(String::new())) });
//! let authorizer = Authorizer::new(source, ["https://api.example.com"])?;
//! let api = ServiceBuilder::new()
//!     .layer(OAuthLayer::new(authorizer))
//!     .service(client);
//! let request = Request::get("https://api.example.com/orders").body(String::new())?;
//! let response = api.oneshot(request).await?;
//! # Ok(())
//! # }
//! ```

mod layer;
mod resend;
mod service;

pub use layer::OAuthLayer;
pub use resend::{CloneBody, NoResend, ResendBody};
pub use service::{BoxError, OAuthService, ResponseFuture};
