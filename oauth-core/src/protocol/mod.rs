//! What goes over the wire: pure functions without I/O.

pub(crate) mod assertion;
pub(crate) mod challenge;
pub(crate) mod client_auth;
#[cfg(feature = "jwt")]
pub(crate) mod der;
pub(crate) mod dpop;
pub(crate) mod introspection;
pub(crate) mod jwk;
pub(crate) mod jws;
pub(crate) mod metadata;
pub(crate) mod origin;
#[cfg(feature = "jwt")]
pub(crate) mod pem;
#[cfg(feature = "jwt")]
pub(crate) mod private_jwk;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry_after;
