//! What a server does beyond the essentials, as it was set up.

use crate::server::refresh_tokens::RefreshTokens;
use crate::server::side_endpoints::SideEndpoints;

#[derive(Debug)]
pub(crate) struct Protocol {
    #[cfg(feature = "jose")]
    pub(crate) dpop: crate::server::dpop::Dpop,
    /// Absent if tokens are opaque.
    #[cfg(feature = "jose")]
    pub(crate) signer: Option<crate::server::token_signer::TokenSigner>,
    #[cfg(feature = "tls")]
    pub(crate) certificate_bound: bool,
    /// The resources there are; absent if any may be named.
    pub(crate) resources: Option<Vec<String>>,
    /// Whether a client is given the token it has, as long as it lives.
    pub(crate) same_while_live: bool,
    /// Held by who issues a token only if there is none yet.
    pub(crate) issuing: std::sync::Mutex<()>,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) side_endpoints: SideEndpoints,
}
