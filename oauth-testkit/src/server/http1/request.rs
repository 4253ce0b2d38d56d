//! Reading requests from a connection.

use std::io::{self, Read, Write};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::fault::Fault;
use crate::reply::Reply;

const MAX_HEAD_BYTES: usize = 256 * 1024;
const MAX_HEADERS: usize = 128;
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A whole request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the client can be sent another response on this connection.
    pub(crate) keep_alive: bool,
    /// DER, the client's own first; empty if the connection has none.
    pub(crate) client_certificates: Vec<Bytes>,
    /// What goes wrong with it.
    pub(crate) faults: Vec<Fault>,
    /// What was scripted for it, if it is for a script to say.
    pub(crate) reply: Option<Reply>,
}

#[derive(Debug)]
pub(crate) enum ReadError {
    /// The connection is of no more use.
    Io,
    /// What came is not a request; to be answered with this status.
    Bad(u16, &'static str),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

/// Takes one request after the other from a stream.
#[derive(Debug)]
pub(crate) struct RequestReader<S> {
    stream: S,
    buffer: BytesMut,
}

impl<S: Read + Write> RequestReader<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// The next request, its body included; `None` if the client closed the connection instead.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, ReadError> {
        let Some(head) = self.read_head()? else {
            return Ok(None);
        };
        let body = match head.body_length()? {
            BodyLength::None => Bytes::new(),
            BodyLength::Known(length) if length > MAX_BODY_BYTES => {
                return Err(ReadError::Bad(413, "the body is too long"));
            }
            BodyLength::Known(length) => {
                self.invite_body(&head)?;
                self.take(length)?
            }
            BodyLength::Chunked => {
                self.invite_body(&head)?;
                self.read_chunks()?
            }
        };
        head.into_request(body).map(Some)
    }

    fn read_head(&mut self) -> Result<Option<Head>, ReadError> {
        loop {
            if let Some((used, head)) = Head::parse(&self.buffer)? {
                drop(self.buffer.split_to(used));
                return Ok(Some(head));
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                return Err(ReadError::Bad(431, "the head is too long"));
            }
            if self.fill()? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(ReadError::Io)
                };
            }
        }
    }

    /// Answers `Expect: 100-continue`, unless the client did not wait for it (RFC 9110 §10.1.1).
    fn invite_body(&mut self, head: &Head) -> Result<(), ReadError> {
        if head.expects_continue() && self.buffer.is_empty() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        Ok(())
    }

    fn read_chunks(&mut self) -> Result<Bytes, ReadError> {
        let mut body = BytesMut::new();
        loop {
            let size = self.read_chunk_size()?;
            if size == 0 {
                self.skip_trailers()?;
                return Ok(body.freeze());
            }
            if size > MAX_BODY_BYTES - body.len() {
                return Err(ReadError::Bad(413, "the body is too long"));
            }
            body.extend_from_slice(&self.take(size)?);
            if self.take(2)? != "\r\n" {
                return Err(ReadError::Bad(400, "a chunk is not followed by CRLF"));
            }
        }
    }

    fn read_chunk_size(&mut self) -> Result<usize, ReadError> {
        loop {
            match httparse::parse_chunk_size(&self.buffer) {
                Ok(httparse::Status::Complete((used, size))) => {
                    drop(self.buffer.split_to(used));
                    return Ok(usize::try_from(size).unwrap_or(usize::MAX));
                }
                Ok(httparse::Status::Partial) => self.fill_or_fail()?,
                Err(_) => return Err(ReadError::Bad(400, "a chunk has no proper size")),
            }
        }
    }

    fn skip_trailers(&mut self) -> Result<(), ReadError> {
        loop {
            let mut trailers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            match httparse::parse_headers(&self.buffer, &mut trailers) {
                Ok(httparse::Status::Complete((used, _))) => {
                    drop(self.buffer.split_to(used));
                    return Ok(());
                }
                Ok(httparse::Status::Partial) => self.fill_or_fail()?,
                Err(_) => return Err(ReadError::Bad(400, "the trailers are malformed")),
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<Bytes, ReadError> {
        while self.buffer.len() < length {
            self.fill_or_fail()?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    fn fill_or_fail(&mut self) -> Result<(), ReadError> {
        if self.buffer.len() > MAX_HEAD_BYTES + MAX_BODY_BYTES {
            return Err(ReadError::Bad(413, "the body is too long"));
        }
        if self.fill()? == 0 {
            Err(ReadError::Io)
        } else {
            Ok(())
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let read = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..read]);
        Ok(read)
    }
}

enum BodyLength {
    None,
    Known(usize),
    Chunked,
}

struct Head {
    method: String,
    target: String,
    minor_version: u8,
    headers: HeaderMap,
}

impl Head {
    fn parse(buffer: &[u8]) -> Result<Option<(usize, Self)>, ReadError> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let used = match parsed.parse(buffer) {
            Ok(httparse::Status::Complete(used)) => used,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(ReadError::Bad(431, "there are too many headers"));
            }
            Err(_) => return Err(ReadError::Bad(400, "the head is malformed")),
        };
        let mut map = HeaderMap::new();
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes());
            let value = HeaderValue::from_bytes(header.value);
            let (Ok(name), Ok(value)) = (name, value) else {
                return Err(ReadError::Bad(400, "a header is malformed"));
            };
            map.append(name, value);
        }
        let head = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            minor_version: parsed.version.unwrap_or_default(),
            headers: map,
        };
        if head.minor_version >= 1 && head.headers.get_all("host").iter().count() != 1 {
            return Err(ReadError::Bad(
                400,
                "an HTTP/1.1 request has exactly one Host",
            ));
        }
        Ok(Some((used, head)))
    }

    /// RFC 9112 §6.3, refusing whatever two parties could read differently.
    fn body_length(&self) -> Result<BodyLength, ReadError> {
        let lengths: Vec<_> = self.headers.get_all("content-length").iter().collect();
        let codings: Vec<_> = self.headers.get_all("transfer-encoding").iter().collect();
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(BodyLength::None),
            ([], [coding]) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
                Ok(BodyLength::Chunked)
            }
            ([], _) => Err(ReadError::Bad(501, "the only transfer coding is chunked")),
            ([length], []) => length
                .to_str()
                .ok()
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .map(BodyLength::Known)
                .ok_or(ReadError::Bad(400, "Content-Length is not a length")),
            _ => Err(ReadError::Bad(
                400,
                "the length of the body is stated twice",
            )),
        }
    }

    fn expects_continue(&self) -> bool {
        self.minor_version >= 1 && has_token(&self.headers, "expect", "100-continue")
    }

    fn into_request(self, body: Bytes) -> Result<Request, ReadError> {
        let target: http::Uri = self
            .target
            .parse()
            .map_err(|_| ReadError::Bad(400, "the target is malformed"))?;
        let keep_alive = if self.minor_version >= 1 {
            !has_token(&self.headers, "connection", "close")
        } else {
            has_token(&self.headers, "connection", "keep-alive")
        };
        Ok(Request {
            method: self.method,
            path: target.path().to_owned(),
            query: target.query().map(str::to_owned),
            headers: self.headers,
            body,
            keep_alive,
            client_certificates: Vec::new(),
            faults: Vec::new(),
            reply: None,
        })
    }
}

fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}
