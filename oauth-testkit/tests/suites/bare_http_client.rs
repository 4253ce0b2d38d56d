//! An HTTP client on bare sockets, with a flaw of the test's choice.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, Uri};
use oauth_core::{BodyBuffer, HttpClient, HttpError, MAX_RESPONSE_BODY, async_trait};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flaw {
    None,
    DropsHeaders,
    StatusIsAnError,
    FollowsRedirects,
    KeepsCookies,
    ReadsTooMuch,
    RefusalIsTransport,
    ResetIsConnect,
    TruncatedIsFine,
    GarbageIsUnusable,
    KnowsOneVersion,
    KnowsNoChunks,
    ClingsToConnections,
    HangIsTransport,
    LimitsEachRead,
    StaysBusy,
    TellsEverything,
    LogsEverything,
}

/// A client on bare sockets, a connection a request.
pub(crate) struct Bare {
    flaw: Flaw,
    limit: Duration,
    cookie: Mutex<Option<String>>,
    is_busy: AtomicBool,
    /// The connection that it clings to.
    kept: Mutex<Option<TcpStream>>,
}

/// Where an exchange has got to.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Head,
    Body,
}

#[async_trait]
impl HttpClient for Bare {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let address: SocketAddr = request.uri().authority().unwrap().as_str().parse().unwrap();
        let kept = self.kept.lock().unwrap().take();
        let mut stream = match kept.map_or_else(|| TcpStream::connect(address), Ok) {
            Ok(stream) => stream,
            Err(error) if self.flaw == Flaw::RefusalIsTransport => {
                return Err(HttpError::transport(error));
            }
            Err(error) => return Err(HttpError::connect(error)),
        };
        if self.flaw == Flaw::LogsEverything {
            let body = String::from_utf8_lossy(request.body());
            tracing::trace!(headers = ?request.headers(), %body, "sending");
        }
        if self.flaw == Flaw::StaysBusy && self.is_busy.swap(true, Ordering::SeqCst) {
            return Err(HttpError::transport("busy with another request"));
        }
        let mut stage = Stage::Head;
        let begin = now();
        let sent = stream.write_all(&self.encode(&request));
        let answered = self.answered(&stream, begin).await;
        self.is_busy.store(false, Ordering::SeqCst);
        let outcome = sent.and(answered);
        let outcome = outcome.and_then(|()| self.exchange(&mut stream, begin, &mut stage));
        if self.clings_after(&outcome) {
            if outcome.is_ok() {
                await_end(&stream);
            }
            *self.kept.lock().unwrap() = Some(stream);
        }
        let (head, body) = outcome.map_err(|error| self.describe(error, stage, &request))?;
        self.understand(&request, &head, body).await
    }
}

impl Bare {
    pub(crate) fn new(flaw: Flaw, limit: Duration) -> Self {
        Self {
            flaw,
            limit,
            cookie: Mutex::default(),
            is_busy: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    /// It minds what a server says, but not that it hangs up.
    fn clings_after(&self, outcome: &io::Result<(String, Bytes)>) -> bool {
        let is_open = match outcome {
            Ok((head, _)) => header(head, "Connection") == Some("keep-alive"),
            Err(error) => error.kind() != ErrorKind::ConnectionReset,
        };
        self.flaw == Flaw::ClingsToConnections && is_open
    }

    /// Until there is something to read, be it an end, or the time is over: so far the request can be given up.
    async fn answered(&self, stream: &TcpStream, begin: Instant) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        let limit = match self.flaw {
            Flaw::LimitsEachRead | Flaw::HangIsTransport => self.ample_limit(),
            _ => self.limit,
        };
        poll_fn(|context| {
            match stream.peek(&mut [0]) {
                Err(error) if is_timeout(error.kind()) => {}
                peeked => return Poll::Ready(peeked.map(drop)),
            }
            if now().duration_since(begin) >= limit {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Not even a busy machine is as slow as that.
    fn ample_limit(&self) -> Duration {
        self.limit * 10
    }

    fn exchange(
        &self,
        stream: &mut TcpStream,
        begin: Instant,
        stage: &mut Stage,
    ) -> io::Result<(String, Bytes)> {
        let mut buffer = Vec::new();
        let head_end = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.read(stream, &mut buffer, begin)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        *stage = Stage::Body;
        let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
        let mut rest = buffer.split_off(head_end + 4);
        let is_chunked = header(&head, "Transfer-Encoding") == Some("chunked");
        if is_chunked && self.flaw != Flaw::KnowsNoChunks {
            let body = loop {
                if let Some(body) = put_together(&rest) {
                    break body;
                }
                if self.read(stream, &mut rest, begin)? == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            };
            return Ok((head, body.into()));
        }
        let length = header(&head, "Content-Length").map(|text| text.parse().unwrap());
        if length.is_none() && head.starts_with("HTTP/1.0 ") {
            while self.read(stream, &mut rest, begin)? > 0 {}
        }
        let length: usize = length.unwrap_or_default();
        let most = match self.flaw {
            Flaw::ReadsTooMuch => usize::MAX,
            _ => MAX_RESPONSE_BODY + 1,
        };
        while rest.len() < length.min(most) {
            if self.read(stream, &mut rest, begin)? == 0 {
                if self.flaw == Flaw::TruncatedIsFine {
                    break;
                }
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        if self.flaw == Flaw::ReadsTooMuch {
            return Ok((head, rest.into()));
        }
        let mut body = BodyBuffer::new();
        body.push(&rest);
        Ok((head, body.into_bytes()))
    }

    fn encode(&self, request: &Request<Bytes>) -> Vec<u8> {
        let target = request.uri().path_and_query().unwrap();
        let host = request.uri().authority().unwrap();
        let mut text = format!("{} {target} HTTP/1.1\r\nHost: {host}\r\n", request.method());
        for (name, value) in request.headers() {
            if self.flaw != Flaw::DropsHeaders || !name.as_str().starts_with("x-") {
                text += &format!("{name}: {}\r\n", value.to_str().unwrap());
            }
        }
        if let Some(cookie) = self.cookie.lock().unwrap().as_deref() {
            text += &format!("Cookie: {cookie}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n", request.body().len());
        [text.as_bytes(), request.body()].concat()
    }

    fn read(
        &self,
        stream: &mut TcpStream,
        buffer: &mut Vec<u8>,
        begin: Instant,
    ) -> io::Result<usize> {
        let left = match self.flaw {
            Flaw::LimitsEachRead => self.ample_limit(),
            Flaw::HangIsTransport if buffer.is_empty() => self.ample_limit(),
            _ => self.limit.saturating_sub(now().duration_since(begin)),
        };
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let mut piece = vec![0; 64 * 1024];
        let read = stream.read(&mut piece)?;
        buffer.extend_from_slice(&piece[..read]);
        Ok(read)
    }

    fn describe(&self, error: io::Error, stage: Stage, request: &Request<Bytes>) -> HttpError {
        match error.kind() {
            kind if is_timeout(kind)
                && self.flaw == Flaw::HangIsTransport
                && stage == Stage::Head =>
            {
                HttpError::transport(error)
            }
            kind if is_timeout(kind) => HttpError::timeout(error),
            ErrorKind::ConnectionReset if self.flaw == Flaw::TellsEverything => {
                HttpError::transport(format!(
                    "{:?}",
                    request
                        .headers()
                        .get("authorization")
                        .map(|value| value.to_str().unwrap())
                ))
            }
            // One with credentials in its head is the business of another rule.
            ErrorKind::ConnectionReset if self.flaw == Flaw::ResetIsConnect => {
                HttpError::connect(error)
            }
            _ => HttpError::transport(error),
        }
    }

    async fn understand(
        &self,
        request: &Request<Bytes>,
        head: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>, HttpError> {
        let earlier = match self.flaw {
            Flaw::KnowsOneVersion => None,
            _ => head.strip_prefix("HTTP/1.0 "),
        };
        let Some(status) = head
            .strip_prefix("HTTP/1.1 ")
            .or(earlier)
            .and_then(|rest| rest.get(..3)?.parse::<u16>().ok())
        else {
            let garbage = "the answer is no HTTP";
            return Err(match self.flaw {
                Flaw::GarbageIsUnusable => HttpError::unusable(garbage),
                _ => HttpError::transport(garbage),
            });
        };
        if self.flaw == Flaw::StatusIsAnError && status >= 400 {
            return Err(HttpError::transport("the status is an error"));
        }
        if let (Flaw::FollowsRedirects, Some(location)) = (self.flaw, header(head, "Location")) {
            let mut again = request.clone();
            *again.uri_mut() = location.parse::<Uri>().unwrap();
            return self.send(again).await;
        }
        if self.flaw == Flaw::KeepsCookies {
            *self.cookie.lock().unwrap() = header(head, "Set-Cookie").map(str::to_owned);
        }
        let mut response = Response::builder().status(status);
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(": ").unwrap();
            response = response.header(name, value);
        }
        Ok(response.body(body).unwrap())
    }
}

/// What chunks hold, if they are all there (RFC 9112 §7.1).
fn put_together(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&chunks[..end]).unwrap();
        let size = size.split(';').next().unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        chunks = &chunks[end + 2..];
        if size == 0 {
            let is_whole = chunks.starts_with(b"\r\n") || chunks.ends_with(b"\r\n\r\n");
            return is_whole.then_some(body);
        }
        body.extend_from_slice(chunks.get(..size)?);
        chunks = chunks.get(size + 2..)?;
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client has limits in real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// For a while: who writes to a server that is about to hang up may be told by a reset, and not by an end.
fn await_end(stream: &TcpStream) {
    let bound = Duration::from_millis(300);
    stream.set_read_timeout(Some(bound)).unwrap();
    let _ = stream.peek(&mut [0]);
}

/// Of a read, which says one or the other.
fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
