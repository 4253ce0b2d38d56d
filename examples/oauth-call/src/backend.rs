//! The two HTTP libraries behind one face.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header};
use isahc::AsyncReadResponseExt as _;
use isahc::config::Configurable as _;
use oauth_core::{Authorizer, HttpClient, HttpError, NotResent, Resent, TokenSource};

use crate::arguments::{Backend, Client};
use crate::failure::{Failure, with_causes};
use crate::tls::Tls;

const USER_AGENT: &str = concat!("oauth-call/", env!("CARGO_PKG_VERSION"));

/// An authorized client.
#[async_trait]
pub(crate) trait Api: Send + Sync {
    /// Sends a request and reads the whole answer.
    async fn send(&self, request: Request<Bytes>) -> Result<Answer, CallError>;
}

pub(crate) struct Answer {
    pub(crate) response: Response<Bytes>,
    pub(crate) was_resent: bool,
    /// Why a request whose token is no good was not sent again.
    pub(crate) not_resent: Option<NotResent>,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    Token(oauth_core::Error),
    /// The kind, for the report, and what it says.
    Http(&'static str, String),
}

impl Client {
    /// The port for token requests, which counts them.
    pub(crate) fn http_client(
        &self,
        count: &Arc<AtomicU64>,
    ) -> Result<Arc<dyn HttpClient>, Failure> {
        let tls = Tls::read(self)?;
        let inner: Arc<dyn HttpClient> = match self.backend {
            Backend::Reqwest => {
                let settings = |builder| reqwest_settings(builder, &tls);
                Arc::new(oauth_reqwest::ReqwestHttpClient::configured(settings)?)
            }
            Backend::Isahc => {
                let settings = |builder| isahc_settings(builder, &tls);
                Arc::new(oauth_isahc::IsahcHttpClient::configured(settings)?)
            }
        };
        Ok(Arc::new(Counting {
            inner,
            count: Arc::clone(count),
        }))
    }

    /// The authorized client for these origins.
    pub(crate) fn api(
        &self,
        source: impl TokenSource + 'static,
        origins: &[String],
    ) -> Result<Arc<dyn Api>, Failure> {
        let tls = Tls::read(self)?;
        let authorizer = Authorizer::new(source, origins)?;
        let is_plain = authorizer
            .origins()
            .iter()
            .any(|origin| !origin.is_secure());
        match self.backend {
            Backend::Reqwest => {
                // As curl and isahc have it: a redirect is an answer, and one call is one request.
                let mut builder =
                    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
                if is_plain {
                    builder = builder.no_proxy();
                }
                let http = reqwest_settings(builder, &tls).build();
                let http = http.map_err(|error| Failure::usage(with_causes(&error)))?;
                Ok(Arc::new(oauth_reqwest::Client::new(http, authorizer)))
            }
            Backend::Isahc => {
                let mut builder = isahc::HttpClient::builder();
                if is_plain {
                    builder = builder.proxy(None);
                }
                let http = isahc_settings(builder, &tls).build();
                let http = http.map_err(|error| Failure::usage(with_causes(&error)))?;
                Ok(Arc::new(oauth_isahc::Client::new(http, authorizer)))
            }
        }
    }
}

fn reqwest_settings(builder: reqwest::ClientBuilder, tls: &Tls) -> reqwest::ClientBuilder {
    tls.apply(builder).user_agent(USER_AGENT)
}

fn isahc_settings(builder: isahc::HttpClientBuilder, tls: &Tls) -> isahc::HttpClientBuilder {
    let builder = builder.default_header(header::USER_AGENT, USER_AGENT);
    match tls.for_isahc() {
        Some(tls) => builder.tls_config(tls),
        None => builder,
    }
}

/// Counts token requests: what is not posted asks for metadata.
struct Counting {
    inner: Arc<dyn HttpClient>,
    count: Arc<AtomicU64>,
}

#[async_trait]
impl HttpClient for Counting {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        if request.method() == http::Method::POST {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.send(request).await
    }
}

#[async_trait]
impl Api for oauth_reqwest::Client {
    async fn send(&self, request: Request<Bytes>) -> Result<Answer, CallError> {
        let request = reqwest::Request::try_from(request).map_err(sort_reqwest)?;
        let response = self.execute(request).await;
        let mut response = response.map_err(|error| match error {
            oauth_reqwest::Error::Token(error) => CallError::Token(error),
            oauth_reqwest::Error::Http(error) => sort_reqwest(error),
            other => CallError::Http("transport", with_causes(&other)),
        })?;
        let was_resent = response.extensions().get::<Resent>().is_some();
        let not_resent = response.extensions().get().cloned();
        let mut whole = Response::new(Bytes::new());
        *whole.status_mut() = response.status();
        *whole.headers_mut() = std::mem::take(response.headers_mut());
        *whole.body_mut() = response.bytes().await.map_err(sort_reqwest)?;
        Ok(Answer {
            response: whole,
            was_resent,
            not_resent,
        })
    }
}

fn sort_reqwest(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else {
        "transport"
    };
    CallError::Http(kind, with_causes(&error))
}

#[async_trait]
impl Api for oauth_isahc::Client {
    async fn send(&self, request: Request<Bytes>) -> Result<Answer, CallError> {
        // An empty body is none: libcurl would announce it otherwise.
        let request = request.map(|body| (!body.is_empty()).then(|| body.to_vec()));
        let response = self.send_async(request).await;
        let mut response = response.map_err(|error| match error {
            oauth_isahc::Error::Token(error) => CallError::Token(error),
            oauth_isahc::Error::Http(error) => sort_isahc(&error),
            other => CallError::Http("transport", with_causes(&other)),
        })?;
        let was_resent = response.extensions().get::<Resent>().is_some();
        let not_resent = response.extensions().get().cloned();
        let body = response.bytes().await;
        let body = body.map_err(|error| CallError::Http("transport", with_causes(&error)))?;
        Ok(Answer {
            response: response.map(|_| body.into()),
            was_resent,
            not_resent,
        })
    }
}

fn sort_isahc(error: &isahc::Error) -> CallError {
    use isahc::error::ErrorKind;
    let kind = match error.kind() {
        ErrorKind::Timeout => "timeout",
        ErrorKind::ConnectionFailed
        | ErrorKind::NameResolution
        | ErrorKind::BadServerCertificate
        | ErrorKind::BadClientCertificate
        | ErrorKind::TlsEngine => "connect",
        _ => "transport",
    };
    CallError::Http(kind, with_causes(error))
}
