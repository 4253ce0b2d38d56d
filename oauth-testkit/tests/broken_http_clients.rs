//! Each rule for HTTP clients finds the one that breaks it.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_executor::block_on;
use http::{Request, Response, Uri};
use oauth_core::{BodyBuffer, HttpClient, HttpError, MAX_RESPONSE_BODY, async_trait};
use support::rules::each_finds_what_breaks_it;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
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
    HangIsTransport,
    LimitsEachRead,
    StaysBusy,
    TellsEverything,
    LogsEverything,
}

/// A client on bare sockets, a connection a request.
struct Bare {
    flaw: Flaw,
    limit: Duration,
    cookie: Mutex<Option<String>>,
    is_busy: AtomicBool,
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
        let mut stream = match TcpStream::connect(address) {
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
        let (head, body) = outcome.map_err(|error| self.describe(error, stage, &request))?;
        self.understand(&request, &head, body).await
    }
}

impl Bare {
    /// Until there is something to read, be it an end, or the time is over: so far the request can be given up.
    async fn answered(&self, stream: &TcpStream, begin: Instant) -> io::Result<()> {
        poll_fn(|context| {
            stream.set_nonblocking(true).unwrap();
            let peeked = stream.peek(&mut [0]);
            stream.set_nonblocking(false).unwrap();
            match peeked {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                peeked => return Poll::Ready(peeked.map(drop)),
            }
            if now().duration_since(begin) >= self.limit {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            std::thread::yield_now();
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
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
        let length = header(&head, "Content-Length").map_or(0, |text| text.parse().unwrap());
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
        let spent = match self.flaw {
            Flaw::LimitsEachRead => Duration::ZERO,
            _ => now().duration_since(begin),
        };
        let left = self.limit.saturating_sub(spent);
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
            ErrorKind::WouldBlock | ErrorKind::TimedOut
                if self.flaw == Flaw::HangIsTransport && stage == Stage::Head =>
            {
                HttpError::transport(error)
            }
            ErrorKind::WouldBlock | ErrorKind::TimedOut => HttpError::timeout(error),
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
        let Some(status) = head
            .strip_prefix("HTTP/1.1 ")
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

type Check = (&'static str, Box<dyn Fn()>);

fn checks(flaw: Flaw) -> Vec<Check> {
    Vec::from(oauth_testkit::http_client_conformance! {
        @checks
        client: move |limit| Bare { flaw, limit, cookie: Mutex::default(), is_busy: AtomicBool::new(false) },
        block_on: block_on,
    })
}

#[test]
fn without_a_flaw_the_bare_client_keeps_the_rules() {
    checks(Flaw::None)
        .into_iter()
        .for_each(|(_, check)| check());
}

#[test]
fn each_rule_finds_the_client_that_breaks_it() {
    let flaws = [
        ("sends_the_request_as_it_is", Flaw::DropsHeaders),
        ("any_status_is_a_response", Flaw::StatusIsAnError),
        ("p10_follows_no_redirect", Flaw::FollowsRedirects),
        ("keeps_no_cookies", Flaw::KeepsCookies),
        (
            "p08_reads_one_byte_too_many_of_a_body_that_is_too_long",
            Flaw::ReadsTooMuch,
        ),
        (
            "a_refused_connection_is_a_connect_error",
            Flaw::RefusalIsTransport,
        ),
        ("a_reset_is_a_transport_error", Flaw::ResetIsConnect),
        (
            "a_truncated_body_is_a_transport_error",
            Flaw::TruncatedIsFine,
        ),
        ("garbage_is_a_transport_error", Flaw::GarbageIsUnusable),
        ("a_server_that_hangs_is_a_timeout", Flaw::HangIsTransport),
        ("a_body_that_drips_is_a_timeout", Flaw::LimitsEachRead),
        (
            "p05_a_request_given_up_does_not_disturb_the_next",
            Flaw::StaysBusy,
        ),
        ("an_error_shows_no_credentials", Flaw::TellsEverything),
        (
            "p09_nothing_that_is_logged_shows_credentials",
            Flaw::LogsEverything,
        ),
    ];
    let names: Vec<_> = checks(Flaw::None).iter().map(|(name, _)| *name).collect();
    each_finds_what_breaks_it(&names, &flaws, |rule, flaw| {
        let checks = checks(*flaw);
        let (_, check) = checks.iter().find(|(name, _)| *name == rule).unwrap();
        check();
    });
}
