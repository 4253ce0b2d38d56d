//! The certificate authority that a test trusts for the time it runs.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::client_certificate::ClientCertificate;
use crate::sync::lock;

/// What is wrong with a certificate of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    Expired,
    WrongHost,
    UnknownAuthority,
}

/// Signs what the servers and the clients of this process show each other.
pub(super) struct Authority {
    root: Arc<Root>,
    /// Further names of the server.
    host: Option<String>,
}

type Root = CertifiedIssuer<'static, KeyPair>;

impl Authority {
    /// All servers of a process share the authority, so that one client can trust all of them.
    pub(super) fn of_this_process(host: Option<&str>) -> io::Result<Arc<Self>> {
        static ROOT: Mutex<Option<Arc<Root>>> = Mutex::new(None);
        let mut root = lock(&ROOT);
        let root = match &*root {
            Some(known) => Arc::clone(known),
            None => Arc::clone(root.insert(Arc::new(new_root()?))),
        };
        let host = host.map(str::to_owned);
        Ok(Arc::new(Self { root, host }))
    }

    pub(super) fn pem(&self) -> String {
        self.root.pem()
    }

    pub(super) fn key_pem(&self) -> String {
        self.root.key().serialize_pem()
    }

    pub(super) fn root_der(&self) -> CertificateDer<'static> {
        let certificate: &Certificate = (*self.root).as_ref();
        certificate.der().clone()
    }

    pub(super) fn issue_to_server(
        &self,
        flaw: Flaw,
    ) -> io::Result<(Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>)> {
        let host = self
            .host
            .clone()
            .filter(|host| host.parse::<IpAddr>().is_err());
        let names = match flaw {
            Flaw::WrongHost => vec!["wrong-host.invalid".to_owned()],
            _ => std::iter::once("localhost".to_owned())
                .chain(host)
                .collect(),
        };
        let mut params = CertificateParams::new(names).map_err(invalid)?;
        if flaw != Flaw::WrongHost {
            let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            params
                .subject_alt_names
                .extend(loopback.map(SanType::IpAddress));
        }
        params
            .distinguished_name
            .push(DnType::CommonName, "fake token server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if flaw == Flaw::Expired {
            params.not_before = date_time_ymd(1999, 1, 1);
            params.not_after = date_time_ymd(2000, 1, 1);
        }
        let key = KeyPair::generate().map_err(invalid)?;
        let stranger;
        let root = if flaw == Flaw::UnknownAuthority {
            stranger = new_root()?;
            &stranger
        } else {
            &*self.root
        };
        let certificate = params.signed_by(&key, root);
        let chain = vec![certificate.map_err(invalid)?.der().clone()];
        Ok((chain, PrivatePkcs8KeyDer::from(key.serialize_der())))
    }

    pub(super) fn issue_to_client(&self, name: &str) -> io::Result<ClientCertificate> {
        let key = KeyPair::generate().map_err(invalid)?;
        let certificate = client_params(name).signed_by(&key, &self.root);
        Ok(ClientCertificate::new(&certificate.map_err(invalid)?, &key))
    }
}

/// The subject of a client's certificate is its name alone.
pub(super) fn client_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

pub(super) fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn new_root() -> io::Result<Root> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "fake token server test CA");
    let key = KeyPair::generate().map_err(invalid)?;
    CertifiedIssuer::self_signed(params, key).map_err(invalid)
}
