//! Client authentication by certificate (RFC 8705 §2).

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::authority::{Authority, invalid, provider};

/// By what a client's certificate is known, if the server's authority has signed it (RFC 8705 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateSubject {
    /// `tls_client_auth_subject_dn`: the subject as RFC 4514 writes it, `CN=my-client,O=Example` say.
    Dn(String),
    /// `tls_client_auth_san_dns`.
    SanDns(String),
    /// `tls_client_auth_san_uri`.
    SanUri(String),
    /// `tls_client_auth_san_ip`.
    SanIp(IpAddr),
    /// `tls_client_auth_san_email`.
    SanEmail(String),
}

/// What is registered of a client that authenticates by certificate.
#[derive(Clone, Debug)]
pub(crate) enum CertificateClient {
    /// `tls_client_auth`.
    Signed(CertificateSubject),
    /// `self_signed_tls_client_auth`: the certificate itself, DER.
    SelfSigned(Vec<u8>),
}

impl CertificateClient {
    pub(crate) fn self_signed(certificate_pem: &str) -> io::Result<Self> {
        let certificate =
            CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(invalid)?;
        Ok(Self::SelfSigned(certificate.to_vec()))
    }

    /// Whether these certificates, the client's own first, are this client's; else why not.
    pub(crate) fn verify(&self, chain: &[Bytes], now: SystemTime) -> Result<(), String> {
        let Some((own, others)) = chain.split_first() else {
            return Err("the connection has no client certificate".to_owned());
        };
        match self {
            Self::SelfSigned(registered) if registered == own => Ok(()),
            Self::SelfSigned(_) => Err("the certificate is not the registered one".to_owned()),
            Self::Signed(subject) => {
                verify_chain(own, others, now)?;
                if subject.is_in(own)? {
                    Ok(())
                } else {
                    Err(format!("the certificate does not have {subject}"))
                }
            }
        }
    }
}

impl CertificateSubject {
    fn is_in(&self, certificate: &[u8]) -> Result<bool, String> {
        let unreadable = |_| "the certificate cannot be read".to_owned();
        let certificate = x509_cert::Certificate::from_der(certificate).map_err(unreadable)?;
        let certificate = certificate.tbs_certificate();
        if let Self::Dn(expected) = self {
            return Ok(certificate.subject().to_string() == *expected);
        }
        let names = certificate
            .get_extension::<SubjectAltName>()
            .map_err(unreadable)?;
        let names = names.map(|(_, names)| names.0).unwrap_or_default();
        Ok(names.iter().any(|name| match (self, name) {
            (Self::SanDns(expected), GeneralName::DnsName(name)) => {
                name.as_str().eq_ignore_ascii_case(expected)
            }
            (Self::SanUri(expected), GeneralName::UniformResourceIdentifier(name)) => {
                name.as_str() == expected
            }
            (Self::SanEmail(expected), GeneralName::Rfc822Name(name)) => name.as_str() == expected,
            (Self::SanIp(IpAddr::V4(expected)), GeneralName::IpAddress(name)) => {
                name.as_bytes() == expected.octets()
            }
            (Self::SanIp(IpAddr::V6(expected)), GeneralName::IpAddress(name)) => {
                name.as_bytes() == expected.octets()
            }
            _ => false,
        }))
    }
}

impl fmt::Display for CertificateSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dn(dn) => write!(f, "the subject {dn:?}"),
            Self::SanDns(name) | Self::SanUri(name) | Self::SanEmail(name) => {
                write!(f, "the subject alternative name {name:?}")
            }
            Self::SanIp(ip) => write!(f, "the subject alternative name {ip}"),
        }
    }
}

/// `x5t#S256`: the thumbprint of a certificate (RFC 8705 §3.1).
pub(crate) fn thumbprint(certificate: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    URL_SAFE_NO_PAD.encode(digest)
}

fn verify_chain(own: &[u8], others: &[Bytes], now: SystemTime) -> Result<(), String> {
    let authority = Authority::of_this_process(None).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    let rooted = roots.add(authority.root_der());
    rooted.map_err(|error| error.to_string())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| error.to_string())?;
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH);
    let now = UnixTime::since_unix_epoch(since_epoch.unwrap_or(Duration::ZERO));
    let others: Vec<_> = others
        .iter()
        .map(|certificate| CertificateDer::from(certificate.as_ref()))
        .collect();
    verifier
        .verify_client_cert(&CertificateDer::from(own), &others, now)
        .map(drop)
        .map_err(|error| format!("the certificate is not trusted: {error}"))
}

pub(super) fn any_certificate() -> Arc<dyn ClientCertVerifier> {
    Arc::new(AnyCertificate {
        algorithms: provider().signature_verification_algorithms,
    })
}

/// Takes any certificate or none, and verifies that the client has the key to it.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
