//! The authorized client.

use std::fmt;

use http::Extensions;
use oauth_core::{Authorizer, TokenSource};
use reqwest::redirect::Policy;
use reqwest::{Request, Response, Url};

use crate::error::Error;
use crate::forward::verbs;
use crate::request_builder::RequestBuilder;
use crate::sending::{Sending, begin};

/// As many as reqwest follows by itself.
const MOST_REDIRECTS: usize = 10;

/// A client whose requests to `origins` bear the tokens of `source`: the short way to a [`Client`] around a
/// reqwest client with default settings. If an origin is plain `http`, which is for this machine only, it uses
/// no proxy, which would carry tokens off the machine in the clear.
///
/// # Errors
///
/// [`Error::Token`] names an origin that is none; [`Error::Http`] if reqwest cannot set itself up.
///
/// # Examples
///
/// ```
/// # fn example(source: impl oauth_core::TokenSource + 'static) -> Result<(), oauth_reqwest::Error> {
/// let api = oauth_reqwest::client(source, ["https://api.example.com"])?;
/// # Ok(())
/// # }
/// ```
pub fn client<I>(source: impl TokenSource + 'static, origins: I) -> Result<Client, Error>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let authorizer = Authorizer::new(source, origins)?;
    let http = reqwest::Client::builder().redirect(redirect_policy());
    let http = if has_plain_origin(&authorizer) {
        http.no_proxy()
    } else {
        http
    };
    Ok(Client::new(http.build()?, authorizer))
}

/// Plain `http` is for this machine only, and a proxy would carry its tokens off the machine in the clear.
pub(crate) fn has_plain_origin(authorizer: &Authorizer) -> bool {
    let mut origins = authorizer.origins().iter();
    origins.any(|origin| !origin.is_secure())
}

/// What becomes of redirects below an authorized client: the policy that [`client`] sets, for a reqwest client of
/// your own.
///
/// It is reqwest's own, but for a redirect that comes back from another origin. That is not followed, and the
/// response is yours: the request would arrive without its token, and the refusal look like one of the token.
///
/// # Examples
///
/// ```
/// # fn example(authorizer: oauth_core::Authorizer) -> Result<(), oauth_reqwest::Error> {
/// let http = reqwest::Client::builder().redirect(oauth_reqwest::redirect_policy()).build()?;
/// let api = oauth_reqwest::Client::new(http, authorizer);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn redirect_policy() -> Policy {
    Policy::custom(|attempt| {
        let hops = attempt.previous();
        if hops.len() > MOST_REDIRECTS {
            return attempt.error(format!("more than {MOST_REDIRECTS} redirects"));
        }
        let home = hops.first().map(Url::origin);
        let has_left = hops.iter().any(|hop| Some(hop.origin()) != home);
        if has_left && Some(attempt.url().origin()) == home {
            return attempt.stop();
        }
        attempt.follow()
    })
}

/// A [`reqwest::Client`] whose requests are authorized, used in the same way.
///
/// - Every request bears the token, in a header marked sensitive. An `Authorization` header of your own is
///   left as it is.
/// - A request to an origin that the token is not meant for is not sent.
/// - If the API says that the token is no good (401 `invalid_token`), the request is sent once more with a
///   new one. A body that is a stream cannot be sent twice: then the 401 is yours. So it is if no new token
///   comes, and its extensions say why: [`NotResent`](oauth_core::NotResent).
/// - A redirect to another origin does not take the token along: reqwest drops the header there.
///
/// Cloning it is cheap; clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    authorizer: Authorizer,
}

impl Client {
    /// Authorizes the requests of a reqwest client of your own, with its settings. Give it the [`redirect_policy`],
    /// unless it follows no redirects at all. For an origin of plain `http` give it no proxy (`.no_proxy()`): without
    /// that setting it goes by the variable `http_proxy` of the environment, and the proxy gets to see the token.
    #[must_use]
    pub fn new(http: reqwest::Client, authorizer: Authorizer) -> Self {
        Self { http, authorizer }
    }

    verbs!(RequestBuilder);

    /// Authorizes and sends a finished request.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the request to the API. A token request under way goes on for others.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if there is no token or it is not meant for the request's origin; [`Error::Http`] if
    /// the exchange fails.
    pub async fn execute(&self, request: Request) -> Result<Response, Error> {
        self.execute_with(request, &Extensions::new()).await
    }

    /// Authorizes and sends a finished request, with what `extensions` say about it: a
    /// [`RequestSource`](oauth_core::RequestSource) among them says whose token it bears, and
    /// [`Authorizer::per_request`] sees all of them. (reqwest does not show the extensions of its own requests.)
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute), and [`Error::Token`] with what `per_request` said.
    pub async fn execute_with(
        &self,
        request: Request,
        extensions: &Extensions,
    ) -> Result<Response, Error> {
        let http = self.http.clone();
        Sending::new(|| begin(http, &self.authorizer, extensions, request)).await
    }

    /// The reqwest client inside, for requests that must not be authorized.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// What authorizes the requests.
    #[must_use]
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("authorizer", &self.authorizer)
            .finish_non_exhaustive()
    }
}
