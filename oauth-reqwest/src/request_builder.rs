//! The builder of authorized requests.

use std::fmt;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Request, Response, Version};
#[cfg(any(feature = "form", feature = "json", feature = "query"))]
use serde::Serialize;

use crate::client::Client;
use crate::error::Error;

/// Builds a request whose [`send`](Self::send) authorizes it. Its methods are those of
/// [`reqwest::RequestBuilder`]; for one that is missing here, see [`map`](Self::map).
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    inner: reqwest::RequestBuilder,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, inner: reqwest::RequestBuilder) -> Self {
        Self { client, inner }
    }

    /// Applies any method of reqwest's builder.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(api: oauth_reqwest::Client) {
    /// let request = api.get("https://api.example.com/").map(|request| request.header("a", "b"));
    /// # }
    /// ```
    pub fn map(
        self,
        change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Self {
        Self {
            inner: change(self.inner),
            ..self
        }
    }

    /// Adds a header. `Authorization` replaces the token.
    pub fn header<K, V>(self, key: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|inner| inner.header(key, value))
    }

    /// Sets headers, replacing those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|inner| inner.headers(headers))
    }

    /// Authorizes the request with name and password, in place of the token.
    pub fn basic_auth<U, P>(self, username: U, password: Option<P>) -> Self
    where
        U: fmt::Display,
        P: fmt::Display,
    {
        self.map(|inner| inner.basic_auth(username, password))
    }

    /// Authorizes the request with a token of your own, in place of the source's.
    pub fn bearer_auth<T: fmt::Display>(self, token: T) -> Self {
        self.map(|inner| inner.bearer_auth(token))
    }

    /// Sets the body.
    pub fn body<T: Into<Body>>(self, body: T) -> Self {
        self.map(|inner| inner.body(body))
    }

    /// Limits the time from the start of the request to the API until its body has been read. Waiting for a
    /// token, if there is none in hand, is not counted.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|inner| inner.timeout(timeout))
    }

    /// Sets the HTTP version.
    pub fn version(self, version: Version) -> Self {
        self.map(|inner| inner.version(version))
    }

    /// Appends to the query of the URL.
    #[cfg(feature = "query")]
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|inner| inner.query(query))
    }

    /// Sets the body to a form.
    #[cfg(feature = "form")]
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|inner| inner.form(form))
    }

    /// Sets the body to JSON.
    #[cfg(feature = "json")]
    pub fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|inner| inner.json(json))
    }

    /// Sets the body to a multipart form. It can be sent once only.
    #[cfg(feature = "multipart")]
    pub fn multipart(self, form: reqwest::multipart::Form) -> Self {
        self.map(|inner| inner.multipart(form))
    }

    /// The request, not authorized yet: [`Client::execute`] does that.
    ///
    /// # Errors
    ///
    /// [`Error::Http`] names what reqwest did not accept.
    pub fn build(self) -> Result<Request, Error> {
        Ok(self.inner.build()?)
    }

    /// Authorizes and sends the request: [`Client::execute`].
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if there is no token or it is not meant for the request's origin; [`Error::Http`] if
    /// the request is not valid or the exchange fails.
    pub async fn send(self) -> Result<Response, Error> {
        self.client.execute(self.inner.build()?).await
    }

    /// A copy, unless the body is a stream.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self {
            client: self.client.clone(),
            inner: self.inner.try_clone()?,
        })
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestBuilder").field(&self.inner).finish()
    }
}
