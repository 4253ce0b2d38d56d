//! Writing responses.

use bytes::Bytes;
use http::StatusCode;

/// A response before it is put on the wire. Names and values are not checked: a fault may want them
/// wrong.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let mut response = Self::new(status).header("Content-Type", "application/json");
        response.body = body.to_string().into();
        response
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds headers, which replace those that are there under the same names.
    pub(crate) fn override_headers(&mut self, headers: &[(String, Vec<u8>)]) {
        self.headers
            .retain(|(old, _)| !headers.iter().any(|(new, _)| new.eq_ignore_ascii_case(old)));
        self.headers.extend_from_slice(headers);
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// RFC 9110 §6.4.1: some responses have no body, whatever their headers say.
    fn may_have_body(&self) -> bool {
        !matches!(self.status, 100..=199 | 204 | 304)
    }
}

/// How the client knows where the response ends, and what becomes of the connection then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    KeepAlive,
    Close,
    /// The body has no length: it ends where the connection does (RFC 9112 §6.3).
    ToTheEnd,
}

/// The head, and the body as it goes after it.
pub(crate) fn encode(response: &Response, method: &str, framing: Framing) -> (Vec<u8>, Bytes) {
    let reason = StatusCode::from_u16(response.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", response.status).into_bytes();
    for (name, value) in &response.headers {
        put_header(&mut head, name, value);
    }
    let framed = framing == Framing::ToTheEnd
        || response.has_header("content-length")
        || response.has_header("transfer-encoding");
    if response.may_have_body() && !framed {
        put_header(
            &mut head,
            "Content-Length",
            response.body.len().to_string().as_bytes(),
        );
    }
    if !response.has_header("connection") {
        put_header(
            &mut head,
            "Connection",
            match framing {
                Framing::KeepAlive => b"keep-alive",
                Framing::Close | Framing::ToTheEnd => b"close",
            },
        );
    }
    head.extend_from_slice(b"\r\n");
    let sends_body = response.may_have_body() && method != "HEAD";
    (
        head,
        if sends_body {
            response.body.clone()
        } else {
            Bytes::new()
        },
    )
}

fn put_header(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}
