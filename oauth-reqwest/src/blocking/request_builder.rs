//! The builder of authorized requests.

use reqwest::blocking::Response;

use super::client::execute;
use crate::error::Error;
use crate::forward::request_builder;

request_builder! {
    /// Builds a request whose [`send`](Self::send) authorizes it. Its methods are those of
    /// [`reqwest::blocking::RequestBuilder`]; for one that is missing here, see [`map`](Self::map).
    reqwest::blocking::RequestBuilder,
    reqwest::blocking::Request,
    reqwest::blocking::Body,
    reqwest::blocking::multipart::Form
}

impl RequestBuilder {
    /// Authorizes and sends the request: [`Client::execute`](super::Client::execute).
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if there is no token or it is not meant for the request's origin; [`Error::Http`] if
    /// the request is not valid or the exchange fails; [`Error::InsideRuntime`].
    pub fn send(self) -> Result<Response, Error> {
        let (http, request) = self.inner.build_split();
        execute(&http, &self.authorizer, request?, &self.extensions)
    }
}
