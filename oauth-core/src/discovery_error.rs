//! Why the metadata of a server is of no use.

use http::StatusCode;

/// Why the metadata of an authorization server cannot be used (RFC 8414): the
/// [`source`](std::error::Error::source) of an error of kind
/// [`ErrorKind::Discovery`](crate::ErrorKind::Discovery).
///
/// # Examples
///
/// ```
/// use oauth_core::{DiscoveryError, Error};
/// use std::error::Error as _;
///
/// fn is_another_server(error: &Error) -> bool {
///     let cause = error.source().and_then(|cause| cause.downcast_ref());
///     matches!(cause, Some(DiscoveryError::OtherIssuer { .. }))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// There is none where it should be. Check the issuer, or name the place of the metadata.
    #[error("there is no metadata at {url} (HTTP {}); if it is elsewhere, name the place with .metadata_url(…)", status.as_u16())]
    NotFound {
        /// Where it was looked for first.
        url: String,
        /// The answer there.
        status: StatusCode,
    },
    /// What is there is not metadata.
    #[error("what is at {url} is not metadata: {what}")]
    Malformed {
        /// Where it is.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The metadata is that of another issuer (RFC 8414 §3.3). If that is how this server names itself, say so
    /// with [`expected_issuer`](crate::ClientCredentialsBuilder::expected_issuer).
    #[error(
        "the metadata at {url} is that of the issuer {found:?} instead of {expected:?}; if that is right, name it with \
         .expected_issuer(…)"
    )]
    OtherIssuer {
        /// Where it is.
        url: String,
        /// The issuer that was expected, character for character.
        expected: String,
        /// The issuer in the metadata.
        found: String,
    },
    /// The server has no such endpoint, or does not say so.
    #[error("the metadata has no {name}; {}", remedy(name))]
    MissingEndpoint {
        /// The member that is missing.
        name: &'static str,
    },
    /// An endpoint that nothing secret may be sent to.
    #[error("the metadata names a {name} that no credentials may go to: {why}")]
    UnusableEndpoint {
        /// The member.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key that tokens are to be bound to ([`dpop`](crate::ClientCredentialsBuilder::dpop)) signs with an
    /// algorithm that the server does not list (RFC 9449 §5.1). Take a key for one that it does.
    #[error("its dpop_signing_alg_values_supported are {}, and the key is for {algorithm}", supported.join(", "))]
    DpopAlgorithm {
        /// The algorithm of the key.
        algorithm: &'static str,
        /// Those of the metadata.
        supported: Vec<String>,
    },
}

/// What to do without the endpoint.
fn remedy(member: &str) -> &'static str {
    match member {
        "introspection_endpoint" => "name it with .introspection_url(…)",
        "revocation_endpoint" => "name it with .revocation_url(…)",
        _ => "start with ClientCredentials::builder(…), which takes its URL",
    }
}
