//! The certificates of one run: an authority, what it signs for the server and for a client, and one that signs
//! itself.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};

pub(crate) struct Certificates {
    /// PEM.
    pub(crate) authority: String,
    server: Identity,
    /// Signed by the authority, for the subject `CN=tls`.
    pub(crate) client: Identity,
    pub(crate) self_signed: Identity,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificates {
    pub(crate) fn issue() -> Self {
        let authority = authority();
        Self {
            authority: authority.pem(),
            server: signed_by(&authority, "server", ExtendedKeyUsagePurpose::ServerAuth),
            client: signed_by(&authority, "tls", ExtendedKeyUsagePurpose::ClientAuth),
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

    /// Both in files, for a client that takes nothing else.
    pub(crate) fn files(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let stem = format!("{name}-{}", std::process::id());
        let write = |suffix: &str, pem: &str| {
            let path = folder.join(format!("{stem}.{suffix}.pem"));
            std::fs::write(&path, pem).unwrap();
            path
        };
        (
            write("certificate", &self.certificate),
            write("key", &self.key),
        )
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
