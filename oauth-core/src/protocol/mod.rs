//! What goes over the wire: pure functions without I/O.

pub(crate) mod challenge;
pub(crate) mod client_auth;
pub(crate) mod origin;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry_after;
