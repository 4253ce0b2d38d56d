//! The builder of authorized requests.

use reqwest::Response;

use crate::error::Error;
use crate::forward::request_builder;
use crate::sending::{Sending, begin};

request_builder! {
    /// Builds a request whose [`send`](Self::send) authorizes it. Its methods are those of
    /// [`reqwest::RequestBuilder`]; for one that is missing here, see [`map`](Self::map).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(api: oauth_reqwest::Client) {
    /// let request = api.get("https://api.example.com/").map(|request| request.header("a", "b"));
    /// # }
    /// ```
    reqwest::RequestBuilder,
    reqwest::Request,
    reqwest::Body,
    reqwest::multipart::Form
}

impl RequestBuilder {
    /// Authorizes and sends the request: [`Client::execute`](crate::Client::execute).
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if there is no token or it is not meant for the request's origin; [`Error::Http`] if
    /// the request is not valid or the exchange fails.
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send {
        Sending::new(move || {
            let (http, request) = self.inner.build_split();
            begin(http, self.authorizer, self.extensions, request?)
        })
    }
}
