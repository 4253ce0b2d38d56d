//! The authorized client.

use std::fmt;
use std::future::ready;

use http::{Method, Request, Response, Uri};
use isahc::config::Configurable;
use isahc::{AsyncBody, Body, HttpClient};
use oauth_core::{Authorizer, TokenSource};

use crate::error::Error;
use crate::exchange::{Attempts, leave};
use crate::response_future::ResponseFuture;
use crate::wire_log;

/// A client whose requests to `origins` bear the tokens of `source`: the short way to a [`Client`] around an isahc
/// client with default settings, which follows no redirects. If an origin is plain `http`, which is for this
/// machine only, it uses no proxy, which would carry tokens off the machine in the clear.
///
/// # Errors
///
/// [`Error::Token`] names an origin that is none; [`Error::Http`] if isahc cannot set itself up.
///
/// # Examples
///
/// ```
/// # fn example(source: impl oauth_core::TokenSource + 'static) -> Result<(), oauth_isahc::Error> {
/// let api = oauth_isahc::client(source, ["https://api.example.com"])?;
/// # Ok(())
/// # }
/// ```
pub fn client<I>(source: impl TokenSource + 'static, origins: I) -> Result<Client, Error>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let authorizer = Authorizer::new(source, origins)?;
    let mut http = HttpClient::builder();
    if authorizer
        .origins()
        .iter()
        .any(|origin| !origin.is_secure())
    {
        http = http.proxy(None);
    }
    Ok(Client::new(http.build()?, authorizer))
}

/// An [`isahc::HttpClient`] whose requests are authorized, used in the same way, synchronously and asynchronously.
///
/// - Every request bears the token, in a header marked sensitive. An `Authorization` header of your own is
///   left as it is.
/// - A request to an origin that the token is not meant for is not sent.
/// - If the API says that the token is no good (401 `invalid_token`), the request is sent once more with a
///   new one. A body in memory is copied for that; one that is a stream cannot be sent twice: then the 401 is yours.
///   So it is if no new token comes, and its extensions say why: [`NotResent`](oauth_core::NotResent).
/// - While a usable token is in hand no call waits for a renewal; without one, all wait for one request. It needs
///   no async runtime, and works in any.
/// - A redirect to another origin does not take the token along: isahc drops the header there, and on a way back from
///   there. It does not tell: if you have it follow redirects, a 401 after one is yours, and no token is rejected for it.
///   (Only if the way back ends at the very URI of the request, it looks like an answer to that.)
/// - isahc can write what goes over the wire to its log, the token included: see [Logs](crate#what-isahc-logs).
/// - A [`RequestSource`](oauth_core::RequestSource) among the extensions of a request says whose token it bears, and
///   [`Authorizer::per_request`] sees all of them.
///
/// Cloning it is cheap; clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    http: HttpClient,
    authorizer: Authorizer,
}

impl Client {
    /// Authorizes the requests of an isahc client of your own, with its settings. For an origin of plain `http` give it
    /// no proxy (`.proxy(None)`): without that setting it goes by the variable `http_proxy` of the environment, and the
    /// proxy gets to see the token.
    #[must_use]
    pub fn new(http: HttpClient, authorizer: Authorizer) -> Self {
        Self { http, authorizer }
    }

    /// The isahc client inside, for requests that must not be authorized.
    #[must_use]
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// What authorizes the requests.
    #[must_use]
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// Authorizes and sends a request, built with [`isahc::Request`] and whatever
    /// [`Configurable`](isahc::config::Configurable) adds to it. Limits on time that it sets count for each time
    /// it is sent; waiting for a token, if there is none in hand, is not counted.
    ///
    /// It blocks the calling thread. Inside an async runtime it works too, as
    /// [`token_blocking`](TokenSource::token_blocking) says, but [`send_async`](Self::send_async) is the way there.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if there is no token or it is not meant for the request's origin; [`Error::Http`] if
    /// the exchange fails.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use isahc::Request;
    /// use isahc::config::Configurable;
    /// use isahc::ReadResponseExt;
    /// use std::time::Duration;
    ///
    /// # fn example(api: oauth_isahc::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = Request::post("https://api.example.com/users")
    ///     .header("content-type", "application/json")
    ///     .timeout(Duration::from_secs(5))
    ///     .body(r#"{"name": "Ada"}"#)?;
    /// let created = api.send(request)?.text()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<B: Into<Body>>(&self, request: Request<B>) -> Result<Response<Body>, Error> {
        let (mut attempts, mut request) = Attempts::new(&self.authorizer, request.map(B::into))?;
        attempts.authorize_blocking(&mut request)?;
        loop {
            let response = wire_log::muted(|| self.http.send(request))?;
            let Some(mut again) = attempts.again(&response) else {
                return Ok(attempts.mark(response));
            };
            if let Err(error) = attempts.authorize_blocking(&mut again) {
                return Ok(leave(error, response));
            }
            request = again;
        }
    }

    /// Authorizes and sends a request: [`send`](Self::send) for asynchronous code.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the request to the API. A token request under way goes on for others.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_async<B: Into<AsyncBody>>(&self, request: Request<B>) -> ResponseFuture<'_> {
        ResponseFuture::new(self.exchange(request.map(B::into)))
    }

    async fn exchange(&self, request: Request<AsyncBody>) -> Result<Response<AsyncBody>, Error> {
        let (mut attempts, mut request) = Attempts::new(&self.authorizer, request)?;
        attempts.authorize(&mut request).await?;
        loop {
            let response = wire_log::muted_async(self.http.send_async(request)).await?;
            let Some(mut again) = attempts.again(&response) else {
                return Ok(attempts.mark(response));
            };
            if let Err(error) = attempts.authorize(&mut again).await {
                return Ok(leave(error, response));
            }
            request = again;
        }
    }
}

macro_rules! verbs {
    ($($name:ident, $name_async:ident, $method:ident $(, $body:ident: $type:ident)?;)*) => {
        /// Each builds a request and sends it as [`send`](Client::send) or [`send_async`](Client::send_async) does.
        impl Client {
            $(
                #[doc = concat!("Sends a `", stringify!($method), "` request: [`send`](Self::send).")]
                ///
                /// # Errors
                ///
                /// As [`send`](Self::send); [`Error::Http`] if the URI is none.
                pub fn $name<U $(, $type: Into<Body>)?>(
                    &self,
                    uri: U
                    $(, $body: $type)?
                ) -> Result<Response<Body>, Error>
                where
                    Uri: TryFrom<U>,
                    <Uri as TryFrom<U>>::Error: Into<http::Error>,
                {
                    let request = Request::builder().method(Method::$method).uri(uri);
                    self.send(request.body(verbs!(@body $($body)?))?)
                }

                #[doc = concat!(
                    "Sends a `", stringify!($method), "` request: [`send_async`](Self::send_async).",
                )]
                ///
                /// # Errors
                ///
                /// As [`send`](Self::send); [`Error::Http`] if the URI is none.
                pub fn $name_async<U $(, $type: Into<AsyncBody>)?>(
                    &self,
                    uri: U
                    $(, $body: $type)?
                ) -> ResponseFuture<'_>
                where
                    Uri: TryFrom<U>,
                    <Uri as TryFrom<U>>::Error: Into<http::Error>,
                {
                    let request = Request::builder().method(Method::$method).uri(uri);
                    match request.body(verbs!(@body $($body)?)) {
                        Ok(request) => self.send_async(request),
                        Err(error) => ResponseFuture::new(ready(Err(error.into()))),
                    }
                }
            )*
        }
    };
    (@body) => { () };
    (@body $body:ident) => { $body };
}

verbs! {
    get, get_async, GET;
    head, head_async, HEAD;
    delete, delete_async, DELETE;
    post, post_async, POST, body: B;
    put, put_async, PUT, body: B;
    patch, patch_async, PATCH, body: B;
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("authorizer", &self.authorizer)
            .finish_non_exhaustive()
    }
}
