//! A small authorized client on plain sockets, and the ways in which it can be broken.

mod bug;
mod http1;

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_executor::block_on;
use http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use oauth_core::{Authorizer, Error, Exchange, NotResent, Target, Verdict};
use oauth_testkit::conformance::adapter::{Adapter, Body, Capabilities, Failure, Redirects, Setup};

pub(crate) use bug::Bug;

pub(crate) struct Honest {
    setup: Setup,
    authorizer: Authorizer,
    capabilities: Capabilities,
    redirects: Redirects,
    bug: Option<Bug>,
    idle: Mutex<HashMap<String, Vec<TcpStream>>>,
    waiting: AtomicUsize,
    sent: AtomicUsize,
}

/// A request that can be sent.
#[derive(Clone)]
struct Message {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
}

impl Honest {
    pub(crate) fn new(setup: Setup) -> Self {
        Self::made(setup, Redirects::Followed, None)
    }

    pub(crate) fn with_redirects(redirects: Redirects) -> impl Fn(Setup) -> Self {
        move |setup| Self::made(setup, redirects, None)
    }

    pub(crate) fn broken(bug: Bug) -> impl Fn(Setup) -> Self {
        move |setup| Self::made(setup, Redirects::Followed, Some(bug))
    }

    fn made(setup: Setup, redirects: Redirects, bug: Option<Bug>) -> Self {
        let authorizer = setup.authorizer();
        let mut capabilities = Capabilities::new().redirects(redirects);
        if bug != Some(Bug::ShowsHeadersUnclaimed) {
            capabilities = capabilities.shows_headers();
        }
        if bug != Some(Bug::DecodesGzipUnclaimed) {
            capabilities = capabilities.decodes_gzip();
        }
        if bug == Some(Bug::StreamsUnclaimed) {
            capabilities = capabilities.no_streams();
        }
        if bug == Some(Bug::FollowsUnclaimed) {
            capabilities = capabilities.redirects(Redirects::Returned);
        }
        Self {
            authorizer: match bug {
                Some(Bug::HealsBare401) => authorizer.heal_bare_401(),
                Some(Bug::WantsALongLife) => authorizer.minimum_life(Duration::from_secs(600)),
                _ => authorizer,
            },
            setup,
            capabilities,
            redirects,
            bug,
            idle: Mutex::default(),
            waiting: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

impl Adapter for Honest {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
        let (head, body) = request.into_parts();
        let mut message = Message {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body,
        };
        self.spoil(&mut message);
        self.sent.fetch_add(1, Ordering::SeqCst);
        let home = message.uri.clone();
        let target = self.target(&home);
        if self.has(Bug::AsksForATokenFirst) {
            block_on(self.setup.source.token())?;
        }
        let mut exchange = self.authorizer.exchange(&target)?;
        let is_callers = message.headers.contains_key(AUTHORIZATION);
        let mut spare = self.spare(&message);
        if self.has(Bug::ContendersAskTwice) && !is_callers {
            self.contend()?;
        }
        match self.authorize(&mut exchange, &mut message.headers) {
            Err(_) if self.has(Bug::SendsWithoutToken) => {}
            done => done?,
        }
        loop {
            let (mut response, answered_by) = self.follow(message.clone())?;
            if let Some(resent) = exchange.resent().filter(|_| !self.has(Bug::HidesTheResend)) {
                response.extensions_mut().insert(resent);
            }
            if self.has(Bug::RejectsForOwnCredentials)
                && is_callers
                && let Some(token) = self.setup.source.ready()
            {
                self.setup.source.reject(&token);
            }
            if !self.is_to_be_sent_again(&mut exchange, &response, (&home, &answered_by)) {
                return match self.bug {
                    Some(Bug::HealsTwice) if response.status() == 401 && spare.is_none() => {
                        Ok(self.follow(message)?.0)
                    }
                    _ => Ok(response),
                };
            }
            let Some(again) = spare.take() else {
                return match self.bug {
                    Some(Bug::FailsOnStream) => {
                        Err(Failure::transport("the body cannot be sent again"))
                    }
                    _ => Ok(response),
                };
            };
            let old = std::mem::replace(&mut message, again);
            if let Err(error) = self.authorize(&mut exchange, &mut message.headers) {
                return match self.bug {
                    Some(Bug::TokenErrorHidesThe401) => Err(error.into()),
                    Some(Bug::HidesWhyNotResent) => Ok(response),
                    _ => {
                        response.extensions_mut().insert(NotResent::new(error));
                        Ok(response)
                    }
                };
            }
            if self.has(Bug::HealsWithTheOldTokenAtItsSecondRequest)
                && self.sent.load(Ordering::SeqCst) == 2
                && message.method == Method::GET
            {
                message.headers = old.headers;
            }
        }
    }
}

/// Authorization.
impl Honest {
    /// What is wrong with a request before it begins.
    fn spoil(&self, message: &mut Message) {
        if self.has(Bug::DropsSecondValuesOfPost)
            && message.method == Method::POST
            && let Some(first) = message.headers.get("x-own").cloned()
        {
            message.headers.insert("x-own", first);
        }
        if self.has(Bug::ReplacesBasicCredentials)
            && let Some(own) = message.headers.get(AUTHORIZATION)
            && own.as_bytes().starts_with(b"Basic")
        {
            message.headers.remove(AUTHORIZATION);
        }
        if self.has(Bug::StripsUserInformation) {
            let url = message.uri.to_string();
            if let Some((_, rest)) = url.split_once('@') {
                message.uri = format!("http://{rest}").parse().unwrap();
            }
        }
    }

    fn target<'a>(&'a self, uri: &'a Uri) -> Target<'a> {
        let target = Target::of(uri);
        if self.has(Bug::TakesAnyPort) && uri.scheme_str() == Some("http") {
            let [home] = self.authorizer.origins() else {
                return target;
            };
            let port = home.to_string().rsplit(':').next().unwrap().parse().ok();
            if uri.authority().is_some_and(|a| !a.as_str().contains('@')) {
                return Target::new("http", uri.host().unwrap(), port);
            }
        }
        target
    }

    /// The request for a second attempt.
    fn spare(&self, message: &Message) -> Option<Message> {
        let mut spare = message.clone();
        if matches!(spare.body, Body::Stream(_)) {
            if !self.has(Bug::ResendsStreamWithoutBody) {
                return None;
            }
            spare.body = Body::Empty;
        }
        if self.has(Bug::ResendsNoBody) {
            spare.body = Body::Empty;
        }
        Some(spare).filter(|spare| !(self.has(Bug::ResendsNoHead) && spare.method == Method::HEAD))
    }

    fn authorize(
        &self,
        exchange: &mut Exchange<&Authorizer>,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        let done = block_on(exchange.authorize(headers));
        if self.has(Bug::TokenIsNotSensitive)
            && let Some(value) = headers.get_mut(AUTHORIZATION)
        {
            value.set_sensitive(false);
        }
        done
    }

    /// Whoever is not the first to wait for a token wants one of its own.
    fn contend(&self) -> Result<(), Error> {
        let source = &self.setup.source;
        if source.ready().is_none() {
            let others = self.waiting.fetch_add(1, Ordering::SeqCst);
            let token = block_on(source.token())?;
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            if others > 0 {
                source.reject(&token);
            }
        }
        Ok(())
    }

    fn is_to_be_sent_again(
        &self,
        exchange: &mut Exchange<&Authorizer>,
        response: &Response<Bytes>,
        (asked, answered_by): (&Uri, &Uri),
    ) -> bool {
        let mut status = response.status();
        let mut headers = response.headers().clone();
        if self.has(Bug::NeverHeals) {
            return false;
        }
        // The token is not put on again on the way back.
        if self.redirects == Redirects::FollowedBack && answered_by != asked {
            return false;
        }
        if self.has(Bug::Heals403) && status == StatusCode::FORBIDDEN {
            status = StatusCode::UNAUTHORIZED;
        }
        if self.has(Bug::ReadsOneChallenge)
            && let Some(first) = headers.get(WWW_AUTHENTICATE).cloned()
        {
            headers.insert(WWW_AUTHENTICATE, first);
        }
        let home: Uri = self.setup.origins[0].parse().unwrap();
        let answered_by = if self.has(Bug::BelievesOtherOrigins) {
            &home
        } else {
            answered_by
        };
        let verdict = exchange.review(&Target::of(answered_by), status, &headers);
        let source = &self.setup.source;
        if self.has(Bug::RejectsTheTokenInHand)
            && verdict == Verdict::Resend
            && let Some(token) = source.ready()
        {
            source.reject(&token);
        }
        verdict == Verdict::Resend
    }
}

/// Redirects.
impl Honest {
    /// The answer at the end of all redirects, and where it came from.
    fn follow(&self, mut message: Message) -> Result<(Response<Bytes>, Uri), Failure> {
        let home = message.uri.authority().cloned();
        let mut has_left = false;
        for _ in 0..10 {
            let response = self.exchange(&message)?;
            let location = response.headers().get(LOCATION);
            let location = location.and_then(|value| value.to_str().ok()?.parse::<Uri>().ok());
            let Some(location) = location.filter(|_| response.status().is_redirection()) else {
                return Ok((response, message.uri));
            };
            let is_home = location.authority() == home.as_ref();
            let goes = match self.redirects {
                Redirects::Followed => !(has_left && is_home) || self.has(Bug::FollowsBack),
                Redirects::FollowedBack => true,
                Redirects::WithinOrigin => is_home,
                Redirects::PerHop => {
                    self.authorizer.exchange(&Target::of(&location))?;
                    true
                }
                _ => false,
            };
            if !goes {
                return Ok((response, message.uri));
            }
            has_left |= !is_home;
            let keeps = is_home && !self.has(Bug::DropsTokenOnRedirect);
            if !keeps && !self.has(Bug::KeepsTokenOnRedirect) {
                message.headers.remove(AUTHORIZATION);
            }
            if response.status() == StatusCode::FOUND && message.method == Method::POST {
                message.method = Method::GET;
                message.body = Body::Empty;
            }
            message.uri = location;
        }
        Err(Failure::transport("too many redirects"))
    }
}
