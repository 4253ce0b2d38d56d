//! As much of HTTP/1.1 (RFC 9112) as a token server needs, bytes in and bytes out.

mod request;
mod response;

pub(crate) use request::{ReadError, Request, RequestReader};
pub(crate) use response::{Framing, Response, encode};
