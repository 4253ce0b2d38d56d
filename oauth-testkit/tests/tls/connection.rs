//! Connections, with rustls itself as the client.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use oauth_testkit::{ClientCertificate, FakeTokenServer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::Client;

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

pub(crate) fn config(
    server: &FakeTokenServer,
    identity: Option<&ClientCertificate>,
) -> Arc<ClientConfig> {
    let pem = identity.map(ClientCertificate::identity_pem);
    config_with_pem(server, pem.as_deref())
}

/// With certificate and key in one text.
pub(crate) fn config_with_pem(
    server: &FakeTokenServer,
    identity: Option<&str>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap);
            let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain.collect(), key).unwrap()
        }
    })
}

/// Connects to 127.0.0.1 and shakes hands as if it were reached by `name`.
pub(crate) fn connect(config: Arc<ClientConfig>, url: &str, name: &str) -> io::Result<Client<Tls>> {
    let authority = url.strip_prefix("https://").unwrap();
    let port = authority.split('/').next().unwrap().rsplit(':').next();
    let mut tcp = TcpStream::connect(("127.0.0.1", port.unwrap().parse().unwrap()))?;
    tcp.set_read_timeout(Some(Duration::from_secs(10)))?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(config, name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp)?;
    }
    Ok(Client::over(StreamOwned::new(connection, tcp)))
}

pub(crate) fn tls(server: &FakeTokenServer, url: &str) -> io::Result<Client<Tls>> {
    connect(config(server, None), url, "127.0.0.1")
}
