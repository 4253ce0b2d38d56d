//! Glue between reqwest's requests and the authorizer.

use std::borrow::Borrow;

use http::{Extensions, HeaderMap, Method, StatusCode};
use oauth_core::{Authorizer, Error, Exchange, NotResent, Target, Verdict};
use reqwest::{Request, Url, Version};

/// Starts the authorization of a request.
pub(crate) fn begin<A: Borrow<Authorizer>>(
    authorizer: A,
    extensions: &Extensions,
    url: &Url,
    method: &Method,
) -> Result<Exchange<A>, Error> {
    let target = target(url).with_path(url.path()).with_method(method);
    Exchange::begin(authorizer, &target, extensions)
}

/// A request on its way for the first time.
pub(crate) struct Attempt<A, F> {
    pub(crate) exchange: Exchange<A>,
    /// To be sent after a rejection.
    pub(crate) spare: Option<Spare>,
    pub(crate) answer: F,
}

/// Whether a request had its token at once.
pub(crate) enum Start<A, E, F> {
    Sent(Attempt<A, F>),
    Waits(Box<Waiting<A, E>>),
}

/// A request that has to wait for its token.
pub(crate) struct Waiting<A, E> {
    exchange: Exchange<A>,
    extensions: E,
    spare: Option<Spare>,
    request: Request,
}

impl<A: Borrow<Authorizer>, F> Attempt<A, F> {
    /// Not asynchronous, so that the request is in no future if it need not wait: requests are big, and futures are
    /// copied on their way to where they are polled.
    pub(crate) fn start<E: Borrow<Extensions>>(
        authorizer: A,
        extensions: E,
        mut request: Request,
        send: impl FnOnce(Request, E) -> F,
    ) -> Result<Start<A, E, F>, Error> {
        let mut exchange = begin(
            authorizer,
            extensions.borrow(),
            request.url(),
            request.method(),
        )?;
        let spare = Spare::of(&request);
        if exchange.authorize_if_ready(request.headers_mut()) {
            return Ok(Start::Sent(Self {
                exchange,
                spare,
                answer: send(request, extensions),
            }));
        }
        Ok(Start::Waits(Box::new(Waiting {
            exchange,
            extensions,
            spare,
            request,
        })))
    }
}

impl<A: Borrow<Authorizer>, E> Waiting<A, E> {
    pub(crate) async fn sent<F>(
        mut self: Box<Self>,
        send: impl FnOnce(Request, E) -> F,
    ) -> Result<Attempt<A, F>, Error> {
        self.exchange.authorize(self.request.headers_mut()).await?;
        let this = *self;
        Ok(Attempt {
            exchange: this.exchange,
            spare: this.spare,
            answer: send(this.request, this.extensions),
        })
    }
}

/// What it takes to send a request once more.
///
/// Made for each request and hardly ever used. A `Request` is big, and what is kept until the answer is there is moved
/// about: so it is boxed, or kept in what is small.
pub(crate) enum Spare {
    Whole(Box<Request>),
    /// Of a request without a body and a timeout.
    Bare {
        method: Method,
        version: Version,
        url: Box<str>,
        /// None: there were none.
        headers: Option<Box<HeaderMap>>,
    },
}

impl Spare {
    /// None if its body is a stream.
    fn of(request: &Request) -> Option<Self> {
        if request.body().is_some() || request.timeout().is_some() {
            return request.try_clone().map(|copy| Self::Whole(Box::new(copy)));
        }
        let headers = Some(request.headers()).filter(|headers| !headers.is_empty());
        Some(Self::Bare {
            method: request.method().clone(),
            version: request.version(),
            url: request.url().as_str().into(),
            headers: headers.map(|headers| Box::new(headers.clone())),
        })
    }

    /// None if the URL is none any more, which none does.
    pub(crate) fn request(self) -> Option<Request> {
        match self {
            Self::Whole(request) => Some(*request),
            Self::Bare {
                method,
                version,
                url,
                headers,
            } => {
                let mut request = Request::new(method, Url::parse(&url).ok()?);
                *request.version_mut() = version;
                if let Some(headers) = headers {
                    *request.headers_mut() = *headers;
                }
                Some(request)
            }
        }
    }
}

/// A response of reqwest, which has two kinds of them.
pub(crate) trait Answer {
    /// Whose answer it is, how it went, and what else it says.
    fn head(&self) -> (&Url, StatusCode, &HeaderMap);

    fn extensions_mut(&mut self) -> &mut Extensions;
}

macro_rules! impl_answer {
    ($response:ty) => {
        impl Answer for $response {
            fn head(&self) -> (&Url, StatusCode, &HeaderMap) {
                (self.url(), self.status(), self.headers())
            }

            fn extensions_mut(&mut self) -> &mut Extensions {
                self.extensions_mut()
            }
        }
    };
}

impl_answer!(reqwest::Response);
#[cfg(feature = "blocking")]
impl_answer!(reqwest::blocking::Response);

/// Whether to send the request once more after this answer.
pub(crate) fn says_resend<A: Borrow<Authorizer>>(
    exchange: &mut Exchange<A>,
    answer: &impl Answer,
) -> bool {
    let (url, status, headers) = answer.head();
    exchange.concerns(status) && exchange.review(&target(url), status, headers) == Verdict::Resend
}

/// Ends an exchange whose request was sent twice, which the response then says.
pub(crate) fn conclude<A: Borrow<Authorizer>>(mut exchange: Exchange<A>, answer: &mut impl Answer) {
    says_resend(&mut exchange, answer);
    if let Some(resent) = exchange.resent() {
        answer.extensions_mut().insert(resent);
    }
}

/// Says on an answer why its request could not be sent again.
pub(crate) fn leave(error: Error, answer: &mut impl Answer) {
    answer.extensions_mut().insert(NotResent::new(error));
}

/// One with user information is at no origin, see [`Target::of`].
fn target(url: &Url) -> Target<'_> {
    let is_plain = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| is_plain).unwrap_or_default();
    Target::new(url.scheme(), host, url.port())
}
