//! A small authorized client on plain sockets, and the ways in which it can be broken.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses its own part"
)]

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_executor::block_on;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use oauth_core::{Authorizer, Clock, Error, Exchange, Instant, SystemClock, Target, Verdict};
use oauth_testkit::conformance::adapter::{Adapter, Body, Capabilities, Failure, Redirects, Setup};

/// What is wrong with an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    DoublesTheHeaderOfDelete,
    DropsSecondValuesOfPost,
    TokenIsNotSensitive,
    ShowsHeadersUnclaimed,
    ErrorQuotesTheRequest,
    LogsTheRequest,
    RefusesLongHeaders,
    SendsWithoutToken,
    ReplacesBasicCredentials,
    RejectsForOwnCredentials,
    NeverHeals,
    HealsTwice,
    ReadsOneChallenge,
    HealsBare401,
    Heals403,
    ResendsNoBody,
    ResendsStreamWithoutBody,
    FailsOnStream,
    StreamsUnclaimed,
    TokenErrorHidesThe401,
    TakesAnyPort,
    AsksForATokenFirst,
    StripsUserInformation,
    DropsTokenOnRedirect,
    KeepsTokenOnRedirect,
    FollowsUnclaimed,
    BelievesOtherOrigins,
    FollowsBack,
    CapsBodies,
    CapsErrorBodies,
    LeavesGzip,
    DecodesGzipUnclaimed,
    RefusesLongHeads,
    ResendsNoHead,
    WantsContentLength,
    TrustsIdleConnections,
    WaitsForTheFirstByte,
    LimitsEachRead,
    RejectsAfterReset,
    AcceptsTruncation,
    ContendersAskTwice,
    RejectsAfterTenRequests,
    RejectsTheTokenInHand,
}

pub struct Honest {
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
    pub fn new(setup: Setup) -> Self {
        Self::made(setup, Redirects::Followed, None)
    }

    pub fn with_redirects(redirects: Redirects) -> impl Fn(Setup) -> Self {
        move |setup| Self::made(setup, redirects, None)
    }

    pub fn broken(bug: Bug) -> impl Fn(Setup) -> Self {
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
            authorizer: if bug == Some(Bug::HealsBare401) {
                authorizer.heal_bare_401()
            } else {
                authorizer
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
            let (response, answered_by) = self.follow(message.clone())?;
            if self.has(Bug::RejectsForOwnCredentials)
                && is_callers
                && let Some(token) = self.setup.source.ready()
            {
                self.setup.source.reject(&token);
            }
            if !self.is_to_be_sent_again(&mut exchange, &response, &answered_by) {
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
            message = again;
            if let Err(error) = self.authorize(&mut exchange, &mut message.headers) {
                return match self.bug {
                    Some(Bug::TokenErrorHidesThe401) => Err(error.into()),
                    _ => Ok(response),
                };
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

    fn authorize(&self, exchange: &mut Exchange<'_>, headers: &mut HeaderMap) -> Result<(), Error> {
        let source = &self.setup.source;
        let done = block_on(exchange.authorize(headers));
        if self.has(Bug::RejectsAfterTenRequests) && self.sent.fetch_add(1, Ordering::SeqCst) == 9 {
            source.reject(&block_on(source.token())?);
        }
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
        exchange: &mut Exchange<'_>,
        response: &Response<Bytes>,
        answered_by: &Uri,
    ) -> bool {
        let mut status = response.status();
        let mut headers = response.headers().clone();
        if self.has(Bug::NeverHeals) {
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

/// One exchange of HTTP/1.1.
impl Honest {
    fn exchange(&self, message: &Message) -> Result<Response<Bytes>, Failure> {
        let clock = SystemClock::new();
        let deadline = clock.now() + self.setup.timeout;
        let (head, body) = self.encode(message)?;
        if self.has(Bug::LogsTheRequest) {
            tracing::trace!(head = %String::from_utf8_lossy(&head), "sending");
        }
        let authority = message.uri.authority().unwrap().as_str();
        let outcome = self.connect(authority).and_then(|mut stream| {
            stream.write_all(&head)?;
            stream.write_all(&body)?;
            let reading = Reading {
                adapter: self,
                stream,
                deadline,
                is_head: message.method == Method::HEAD,
            };
            reading.response()
        });
        let (response, kept) = outcome.map_err(|error| {
            if self.has(Bug::RejectsAfterReset)
                && error.kind() == io::ErrorKind::ConnectionReset
                && let Some(token) = self.setup.source.ready()
            {
                self.setup.source.reject(&token);
            }
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Failure::timeout(error),
                _ if self.has(Bug::ErrorQuotesTheRequest) => {
                    Failure::transport(format!("{error} after {}", String::from_utf8_lossy(&head)))
                }
                _ => Failure::transport(error),
            }
        })?;
        if let Some(stream) = kept {
            let mut idle = self.idle.lock().unwrap();
            idle.entry(authority.to_owned()).or_default().push(stream);
        }
        self.decode(response)
    }

    fn encode(&self, message: &Message) -> Result<(Vec<u8>, Bytes), Failure> {
        let mut headers = message.headers.clone();
        if self.has(Bug::DoublesTheHeaderOfDelete) && message.method == Method::DELETE {
            let double = headers[AUTHORIZATION].clone();
            headers.append(AUTHORIZATION, double);
        }
        self.setup.shown.tell(&headers);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let authority = message.uri.authority().unwrap();
        let path = message
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let mut head = format!(
            "{} {path} HTTP/1.1\r\nhost: {authority}\r\n",
            message.method
        );
        let body = match &message.body {
            Body::Empty => Bytes::new(),
            Body::Bytes(bytes) => {
                head += &format!("content-length: {}\r\n", bytes.len());
                bytes.clone()
            }
            Body::Stream(bytes) => {
                head += "transfer-encoding: chunked\r\n";
                let mut chunked = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunked.extend_from_slice(bytes);
                chunked.extend_from_slice(b"\r\n0\r\n\r\n");
                chunked.into()
            }
        };
        let mut head = head.into_bytes();
        for (name, value) in &headers {
            if self.has(Bug::RefusesLongHeaders) && value.len() > 8 * 1024 {
                return Err(Failure::transport("a header is too long"));
            }
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        Ok((head, body))
    }

    fn connect(&self, authority: &str) -> io::Result<TcpStream> {
        let mut idle = self.idle.lock().unwrap();
        while let Some(stream) = idle.get_mut(authority).and_then(Vec::pop) {
            if self.has(Bug::TrustsIdleConnections) || is_open(&stream)? {
                return Ok(stream);
            }
        }
        drop(idle);
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn decode(&self, response: Response<Bytes>) -> Result<Response<Bytes>, Failure> {
        let (mut head, mut body) = response.into_parts();
        if head
            .headers
            .get(CONTENT_ENCODING)
            .is_some_and(|coding| coding == "gzip")
            && !self.has(Bug::LeavesGzip)
        {
            body =
                stored(&body).ok_or_else(|| Failure::transport("not gzip as it is known here"))?;
            head.headers.remove(CONTENT_ENCODING);
        }
        let cap = match self.bug {
            Some(Bug::CapsBodies) => 1024 * 1024,
            Some(Bug::CapsErrorBodies) if head.status.as_u16() > 401 => 64 * 1024,
            _ => usize::MAX,
        };
        body.truncate(cap);
        Ok(Response::from_parts(head, body))
    }
}

/// A server that closed shows the end of the stream, one that keeps quiet nothing.
fn is_open(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    Ok(matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock))
}

/// The one block of a gzip body that is stored as it is (RFC 1951 §3.2.4).
fn stored(body: &Bytes) -> Option<Bytes> {
    let block = body.get(10..)?;
    let length = usize::from(u16::from_le_bytes(block.get(1..3)?.try_into().ok()?));
    (block.first() == Some(&1)).then(|| body.slice(15..15 + length))
}

struct Reading<'a> {
    adapter: &'a Honest,
    stream: TcpStream,
    deadline: Instant,
    is_head: bool,
}

impl Reading<'_> {
    /// The response, and the connection if it can be used again.
    fn response(mut self) -> io::Result<(Response<Bytes>, Option<TcpStream>)> {
        let mut bytes = Vec::new();
        let (mut response, length, from) = loop {
            if let Some(head) = parse(&bytes)? {
                break head;
            }
            if self.read(&mut bytes)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        if self.adapter.has(Bug::RefusesLongHeads) && from > 8 * 1024 {
            return Err(io::Error::other("the head is too long"));
        }
        let length = if self.is_head { Some(0) } else { length };
        let length = match length {
            None if self.adapter.has(Bug::WantsContentLength) => Some(0),
            length => length,
        };
        let end = length.map_or(usize::MAX, |length| from + length);
        while bytes.len() < end {
            if self.read(&mut bytes)? == 0 {
                if length.is_some() && !self.adapter.has(Bug::AcceptsTruncation) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                break;
            }
        }
        bytes.truncate(end);
        *response.body_mut() = Bytes::from(bytes).slice(from..);
        let closes = response
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close");
        let is_kept = length.is_some() && !closes && response.version() == Version::HTTP_11;
        Ok((response, is_kept.then_some(self.stream)))
    }

    fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let left = self
            .deadline
            .saturating_duration_since(SystemClock::new().now());
        let limit = match self.adapter.bug {
            Some(Bug::LimitsEachRead) => self.adapter.setup.timeout,
            Some(Bug::WaitsForTheFirstByte) if bytes.is_empty() => Duration::from_secs(60),
            _ if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
            _ => left,
        };
        self.stream.set_read_timeout(Some(limit))?;
        let mut piece = [0; 16 * 1024];
        let read = self.stream.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..read]);
        Ok(read)
    }
}

/// The head, the length of the body if it is stated, and where the body begins.
#[allow(clippy::type_complexity, reason = "three things, and no name for them")]
fn parse(bytes: &[u8]) -> io::Result<Option<(Response<Bytes>, Option<usize>, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(from) = head.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let mut response =
        Response::builder()
            .status(head.code.unwrap())
            .version(if head.version == Some(1) {
                Version::HTTP_11
            } else {
                Version::HTTP_10
            });
    for field in head.headers.iter() {
        response = response.header(field.name, field.value);
    }
    let response = response.body(Bytes::new()).map_err(io::Error::other)?;
    let length = response.headers().get("content-length");
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Some((response, length, from)))
}
