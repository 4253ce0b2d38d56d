//! The authorized client.

use std::fmt;
#[cfg(panic = "unwind")]
use std::panic::catch_unwind;

use http::Extensions;
use oauth_core::{Authorizer, TokenSource};
use reqwest::blocking::{Request, Response};
#[cfg(panic = "unwind")]
use tokio::runtime::Handle;

use super::request_builder::RequestBuilder;
use crate::client::{has_plain_origin, redirect_policy};
use crate::error::Error;
use crate::exchange::{begin, conclude, leave, says_resend};
use crate::forward::verbs;

/// A client whose requests to `origins` bear the tokens of `source`: as [`oauth_reqwest::client`](crate::client()),
/// for synchronous code.
///
/// # Errors
///
/// [`Error::Token`] names an origin that is none; [`Error::Http`] if reqwest cannot set itself up;
/// [`Error::InsideRuntime`].
pub fn client<I>(source: impl TokenSource + 'static, origins: I) -> Result<Client, Error>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    outside_of_any_runtime()?;
    let authorizer = Authorizer::new(source, origins)?;
    let http = reqwest::blocking::Client::builder().redirect(redirect_policy());
    let http = if has_plain_origin(&authorizer) {
        http.no_proxy()
    } else {
        http
    };
    Ok(Client::new(http.build()?, authorizer))
}

/// A [`reqwest::blocking::Client`] whose requests are authorized, used in the same way. What
/// [`oauth_reqwest::Client`](crate::Client) promises holds for it too.
///
/// While a usable token is in hand no call waits for a renewal; without one, all threads wait for one request.
///
/// Cloning it is cheap; clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    authorizer: Authorizer,
}

impl Client {
    /// Authorizes the requests of a reqwest client of your own, with its settings. Give it the
    /// [`redirect_policy`](crate::redirect_policy), unless it follows no redirects at all, and for an origin of plain
    /// `http` no proxy: see [`oauth_reqwest::Client::new`](crate::Client::new).
    #[must_use]
    pub fn new(http: reqwest::blocking::Client, authorizer: Authorizer) -> Self {
        Self { http, authorizer }
    }

    verbs!(RequestBuilder);

    /// Authorizes and sends a finished request.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if there is no token or it is not meant for the request's origin; [`Error::Http`] if
    /// the exchange fails; [`Error::InsideRuntime`].
    pub fn execute(&self, request: Request) -> Result<Response, Error> {
        self.execute_with(request, &Extensions::new())
    }

    /// Authorizes and sends a finished request, with what `extensions` say about it: a
    /// [`RequestSource`](oauth_core::RequestSource) among them says whose token it bears, and
    /// [`Authorizer::per_request`] sees all of them. (reqwest does not show the extensions of its own requests.)
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute), and [`Error::Token`] with what `per_request` said.
    pub fn execute_with(
        &self,
        request: Request,
        extensions: &Extensions,
    ) -> Result<Response, Error> {
        execute(&self.http, &self.authorizer, request, extensions)
    }

    /// The reqwest client inside, for requests that must not be authorized.
    #[must_use]
    pub fn http(&self) -> &reqwest::blocking::Client {
        &self.http
    }

    /// What authorizes the requests.
    #[must_use]
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }
}

/// Tokio does not tell whether this thread may block, but for a panic of its own if it is asked to where it may not.
/// Where it may, as in `spawn_blocking`, that costs next to nothing. reqwest asks in debug builds only, and panics.
#[cfg(panic = "unwind")]
fn outside_of_any_runtime() -> Result<(), Error> {
    let Ok(runtime) = Handle::try_current() else {
        return Ok(());
    };
    catch_unwind(|| runtime.block_on(async {})).map_err(|_| Error::InsideRuntime)
}

/// Where a panic is the end, asking would be worse than blocking.
#[cfg(not(panic = "unwind"))]
fn outside_of_any_runtime() -> Result<(), Error> {
    Ok(())
}

pub(super) fn execute(
    http: &reqwest::blocking::Client,
    authorizer: &Authorizer,
    mut request: Request,
    extensions: &Extensions,
) -> Result<Response, Error> {
    outside_of_any_runtime()?;
    let mut exchange = begin(authorizer, extensions, request.url(), request.method())?;
    let spare = request.try_clone();
    exchange.authorize_blocking(request.headers_mut())?;
    let mut answer = http.execute(request)?;
    let resends = says_resend(&mut exchange, &answer);
    let Some(mut again) = spare.filter(|_| resends) else {
        return Ok(answer);
    };
    if let Err(error) = exchange.authorize_blocking(again.headers_mut()) {
        leave(error, &mut answer);
        return Ok(answer);
    }
    let mut response = http.execute(again)?;
    conclude(exchange, &mut response);
    Ok(response)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("authorizer", &self.authorizer)
            .finish_non_exhaustive()
    }
}
