//! The certificates of one run: an authority, what it signs for the server and for a client, and one that signs
//! itself.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};

pub(crate) struct Certificates {
    /// PEM.
    pub(crate) authority: String,
    server: Identity,
    self_signed: Identity,
}

/// A certificate and its key, in PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Certificates {
    pub(crate) fn issue() -> Self {
        let authority = authority();
        Self {
            authority: authority.pem(),
            server: signed_by(&authority, "server", ExtendedKeyUsagePurpose::ServerAuth),
            self_signed: self_signed(),
        }
    }

    /// What the server reads when it starts.
    pub(crate) fn for_the_server(&self) -> Value {
        let Identity { certificate, key } = &self.server;
        json!({
            "tls": { "ca": self.authority, "certificate": certificate, "key": key },
            "client_certificates": { "self-signed": self.self_signed.certificate },
        })
    }
}

impl Identity {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = named("interop authority", &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed_by(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
) -> Identity {
    let mut params = named(name, &["localhost"]);
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().unwrap();
    Identity::new(&params.signed_by(&key, authority).unwrap(), &key)
}

fn self_signed() -> Identity {
    let key = KeyPair::generate().unwrap();
    Identity::new(&named("self-signed", &[]).self_signed(&key).unwrap(), &key)
}

/// The subject is that name alone.
fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
