//! Puts tokens on requests, and says what to do about the answer: the one place for every adapter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Extensions;

use crate::error::{Error, ErrorKind};
use crate::protocol::origin::Origin;
use crate::request_source::{Pick, RequestSource, Unnamed};
use crate::source::{SharedTokenSource, TokenSource};
use crate::target::Target;
use crate::verdict::Rules;

/// Authorizes API requests with the tokens of a source, for the origins they are meant for only.
///
/// An adapter to an HTTP client is glue around it, and holds no policy of its own. For each request it
/// starts an [`Exchange`](crate::Exchange), lets it put the header on, sends the request, and asks it whether to
/// send it once more.
///
/// A thread that puts the same token on 16 requests in a row makes itself a copy of it, so that cores do not share its
/// reference counts. That copy is wiped when the thread uses another token after the first one is gone, when it has made a
/// copy of another, or when it ends: an idle thread keeps its last one. With a [`minimum_life`](Self::minimum_life) there
/// are none.
///
/// # Examples
///
/// The whole of an adapter, for a client that is a closure:
///
/// ```
/// use http::{Request, Response};
/// use oauth_core::{Authorizer, Error, Target, Verdict};
///
/// async fn send(
///     authorizer: &Authorizer,
///     mut request: Request<&'static str>,
///     client: impl Fn(Request<&'static str>) -> Response<String>,
/// ) -> Result<Response<String>, Error> {
///     let uri = request.uri().clone();
///     let method = request.method().clone();
///     let target = Target::of(&uri).with_method(&method);
///     let mut exchange = authorizer.exchange(&target)?;
///     let mut again = request.clone();
///     exchange.authorize(request.headers_mut()).await?;
///     let response = client(request);
///     if exchange.review(&target, response.status(), response.headers()) == Verdict::Resend
///         && exchange.authorize(again.headers_mut()).await.is_ok()
///     {
///         return Ok(client(again));
///     }
///     Ok(response)
/// }
/// ```
#[derive(Clone)]
pub struct Authorizer {
    /// One count, which each request of some adapters takes: on many cores that is what it costs.
    shared: Arc<Shared>,
    rules: Rules,
}

struct Shared {
    source: SharedTokenSource,
    /// Names the source of each request that does not bring its own.
    pick: Option<Box<Pick>>,
    origins: Box<[Origin]>,
}

impl Authorizer {
    /// Authorizes requests to `origins` (`https://api.example.com`) with the tokens of `source`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if there is no origin, or one that is not a bare `https` origin (or
    /// `http` to loopback).
    pub fn new<I>(source: impl TokenSource + 'static, origins: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::with_pick(Arc::new(source), origins, None)
    }

    fn with_pick<I>(
        source: SharedTokenSource,
        origins: I,
        pick: Option<Box<Pick>>,
    ) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let origins: Box<[Origin]> = origins
            .into_iter()
            .map(|origin| origin.as_ref().parse())
            .collect::<Result<_, Error>>()?;
        if origins.is_empty() {
            return Err(Error::configuration(
                "no origin is given that tokens may go to; name at least one, like https://api.example.com",
            ));
        }
        Ok(Self {
            shared: Arc::new(Shared {
                source,
                pick,
                origins,
            }),
            rules: Rules::default(),
        })
    }

    /// Authorizes each request to `origins` with the tokens of a source of its own: the one among its extensions
    /// ([`RequestSource`]), or else the one that `pick` names by the request's target and extensions. For programs
    /// with many tenants. An error of `pick` is that of the request, which is not sent: there is no other source
    /// that it could fall back on.
    ///
    /// `pick` is called for requests to one of `origins` only, once for each; a second attempt keeps its source.
    /// Not every HTTP client shows the extensions of its requests; each adapter says what `pick` gets to see.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// The tenant is the first segment of the path:
    ///
    /// ```
    /// use oauth_core::{Authorizer, Error, ErrorKind, SharedTokenSource};
    /// use std::collections::HashMap;
    ///
    /// # fn example(tenants: HashMap<String, SharedTokenSource>) -> Result<(), Error> {
    /// let authorizer = Authorizer::per_request(["https://api.example.com"], move |target, _| {
    ///     let tenant = target.path().and_then(|path| path.split('/').nth(1)).unwrap_or_default();
    ///     let source = tenants.get(tenant).cloned();
    ///     source.ok_or_else(|| Error::new(ErrorKind::Configuration, format!("there is no tenant {tenant:?}")))
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn per_request<I, P>(origins: I, pick: P) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
        P: Fn(&Target<'_>, &Extensions) -> Result<SharedTokenSource, Error> + Send + Sync + 'static,
    {
        Self::with_pick(Arc::new(Unnamed), origins, Some(Box::new(pick)))
    }

    /// Authorizes each request to `origins` with the tokens of the source among its extensions
    /// ([`RequestSource`]). A request without one fails, and is not sent.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn by_request_source<I>(origins: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::new(Unnamed, origins)
    }

    /// Also takes a 401 whose challenges name no error at all for a rejected token. The default is to
    /// believe `invalid_token` only (RFC 6750 §3.1): an API that answers a bare 401 for other reasons
    /// would have good tokens thrown away.
    #[must_use]
    pub fn heal_bare_401(mut self) -> Self {
        self.rules.heals_bare_401 = true;
        self
    }

    /// Takes only `invalid_token` for a rejected token, as is the default.
    #[must_use]
    pub fn no_heal_bare_401(mut self) -> Self {
        self.rules.heals_bare_401 = false;
        self
    }

    /// How long a token must live on when it is put on a request: for an API whose calls take long, or which hands
    /// the token on. See [`TokenSource::token_lasting`] for what is counted, and for how much can be asked. The
    /// default is nothing: any usable token does.
    #[must_use]
    pub fn minimum_life(mut self, at_least: Duration) -> Self {
        self.rules.minimum_life = at_least;
        self
    }

    /// Where the tokens may go.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.shared.origins
    }

    /// Where the tokens come from, if no request says otherwise. Without such a source
    /// ([`per_request`](Self::per_request)) it is one that fails.
    #[must_use]
    pub fn source(&self) -> &SharedTokenSource {
        &self.shared.source
    }

    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }

    /// Whose token a request bears. None: that of this authorizer.
    pub(crate) fn source_for(
        &self,
        target: &Target<'_>,
        extensions: &Extensions,
    ) -> Result<Option<SharedTokenSource>, Error> {
        match (extensions.get::<RequestSource>(), &self.shared.pick) {
            (Some(named), _) => Ok(Some(Arc::clone(named.source()))),
            (None, Some(pick)) => pick(target, extensions).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Which of the origins a request goes to.
    pub(crate) fn position_of(&self, target: &Target<'_>) -> Result<usize, Error> {
        let mut origins = self.origins().iter();
        let at_target = origins.position(|origin| target.is_at(origin));
        at_target.ok_or_else(|| self.foreign(target))
    }

    fn foreign(&self, target: &Target<'_>) -> Error {
        let allowed: Vec<_> = self.origins().iter().map(Origin::to_string).collect();
        let allowed = allowed.join(", ");
        let message = match target.origin() {
            Ok(origin) => format!(
                "the token is not meant for {origin}; it goes to {allowed} only; name this origin too if it may have the token"
            ),
            Err(reason) => {
                format!("{reason}, so it is at no origin; the token goes to {allowed} only")
            }
        };
        Error::new(ErrorKind::ForeignOrigin, message)
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("origins", &self.shared.origins)
            .field("heals_bare_401", &self.rules.heals_bare_401)
            .field("minimum_life", &self.rules.minimum_life)
            .finish_non_exhaustive()
    }
}
