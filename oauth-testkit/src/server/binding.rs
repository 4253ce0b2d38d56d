//! What a token is bound to: the key of a DPoP proof (RFC 9449 §6) or a certificate (RFC 8705 §3).

use crate::server::client_auth::Refusal;
use crate::server::http1::{Request, Response};
use crate::server::issuer::Grant;
use crate::server::jwt::SeenJwt;
use crate::server::state::ServerState;

#[cfg(feature = "jose")]
pub(crate) use crate::server::dpop::Side;

/// Whose proof it would be.
#[cfg(not(feature = "jose"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    TokenEndpoint,
    Api,
}

/// The proof in a request as the log shows it.
pub(crate) fn seen_proof(request: &Request) -> Option<SeenJwt> {
    let proof = request.headers.get("dpop")?.to_str().ok()?;
    SeenJwt::read(proof)
}

#[cfg(feature = "jose")]
impl ServerState {
    /// The thumbprint of the key that a request proves to have, if it has to or wants to.
    pub(crate) fn verify_proof(
        &self,
        side: Side,
        request: &Request,
        token: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        let scheme = self.urls.scheme();
        self.protocol.dpop.verify(&crate::server::dpop::Occasion {
            side,
            request,
            scheme,
            token,
            now: self.issuer.wall(),
        })
    }

    /// The next nonce, where there are any: any response may bring it (RFC 9449 §8.2).
    pub(crate) fn adorn_with_nonce(&self, side: Side, mut response: Response) -> Response {
        const NAME: &str = "DPoP-Nonce";
        let scripted = response
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(NAME));
        if !scripted && let Some(nonce) = self.protocol.dpop.nonce(side) {
            response = response.header(NAME, nonce);
        }
        response
    }

    /// Whether the protected API understands `Authorization: DPoP`, and whether it is all it wants.
    pub(crate) fn knows_dpop(&self) -> bool {
        self.protocol.dpop.is_known()
    }

    pub(crate) fn requires_dpop(&self) -> bool {
        self.protocol.dpop.is_required()
    }

    pub(crate) fn dpop_algorithms(&self) -> Vec<&'static str> {
        crate::server::dpop::algorithms().collect()
    }
}

#[cfg(not(feature = "jose"))]
impl ServerState {
    #[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
    pub(crate) fn verify_proof(
        &self,
        _side: Side,
        _request: &Request,
        _token: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        Ok(None)
    }

    pub(crate) fn adorn_with_nonce(&self, _side: Side, response: Response) -> Response {
        response
    }

    pub(crate) fn knows_dpop(&self) -> bool {
        false
    }

    pub(crate) fn requires_dpop(&self) -> bool {
        false
    }

    pub(crate) fn dpop_algorithms(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

impl ServerState {
    /// The thumbprint of the certificate of a connection, if tokens are bound to it.
    #[cfg(feature = "tls")]
    pub(crate) fn shown_certificate(&self, request: &Request) -> Option<String> {
        let certificate = request.client_certificates.first();
        let certificate = certificate.filter(|_| self.protocol.certificate_bound)?;
        Some(crate::server::tls::thumbprint(certificate))
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn shown_certificate(&self, _request: &Request) -> Option<String> {
        None
    }
}

impl Grant {
    /// What is wrong with using the token like this, if anything is.
    pub(crate) fn misuse(
        &self,
        scheme_is_dpop: bool,
        key: Option<&str>,
        certificate: Option<&str>,
    ) -> Option<&'static str> {
        match (&self.key, key) {
            (None, _) if scheme_is_dpop => return Some("the token is not bound to a key"),
            (Some(_), _) if !scheme_is_dpop => {
                return Some("the token is bound to a key, and there is no DPoP proof");
            }
            (Some(bound), Some(key)) if bound != key => {
                return Some("the token is bound to another key");
            }
            _ => {}
        }
        match (&self.certificate, certificate) {
            (Some(_), None) => Some("the token is bound to a certificate, and there is none"),
            (Some(bound), Some(shown)) if bound != shown => {
                Some("the token is bound to another certificate")
            }
            _ => None,
        }
    }
}
