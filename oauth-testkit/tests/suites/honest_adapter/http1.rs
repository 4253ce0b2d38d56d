//! As much of HTTP/1.1 (RFC 9112) as the rules want, on a plain socket.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING};
use http::{HeaderValue, Method, Response, Version};
use oauth_core::{Clock, Instant, SystemClock};
use oauth_testkit::conformance::adapter::{Body, Failure};

use super::bug::Bug;
use super::{Honest, Message};

/// One exchange of HTTP/1.1.
impl Honest {
    pub(super) fn exchange(&self, message: &Message) -> Result<Response<Bytes>, Failure> {
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
            // Ample, so that not even a busy machine is as slow as that.
            Some(Bug::LimitsEachRead) => self.adapter.setup.timeout * 10,
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
