//! TLS on the server's connections, right or wrong on request.

mod authority;
mod client_auth;
mod client_certificate;

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown as Direction, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::sync::lock;
use authority::{Authority, Flaw, invalid, provider};
pub use client_auth::CertificateSubject;
pub(crate) use client_auth::{CertificateClient, thumbprint};
pub use client_certificate::ClientCertificate;

/// What goes wrong when a client connects by TLS.
///
/// # Examples
///
/// ```
/// use oauth_testkit::{FakeTokenServer, TlsFault};
///
/// let server = FakeTokenServer::builder().tls().start()?;
/// server.next_token_tls_fault(TlsFault::ExpiredCertificate);
/// assert!(server.token_url().starts_with("https://127.0.0.1:"));
/// assert!(server.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsFault {
    /// The certificate expired long ago. Who signed it and whom it names are right.
    ExpiredCertificate,
    /// The certificate is for `wrong-host.invalid` alone.
    WrongHost,
    /// The certificate is signed by an authority of the same name with another key.
    UnknownAuthority,
    /// The connection is closed in the middle of the server's first flight.
    CutHandshake,
    /// The connection is reset (RST) once the client's first flight has come.
    ResetHandshake,
}

/// How one listener speaks TLS.
pub(crate) struct TlsListener {
    authority: Arc<Authority>,
    config: Arc<ServerConfig>,
    asks_for_certificate: bool,
    faults: Arc<Mutex<Faults>>,
}

/// Those of one origin, or of several that share them.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: VecDeque<TlsFault>,
    always: Option<TlsFault>,
}

impl TlsListener {
    pub(crate) fn new(
        host: Option<&str>,
        asks_for_certificate: bool,
        faults: Arc<Mutex<Faults>>,
    ) -> io::Result<Arc<Self>> {
        let authority = Authority::of_this_process(host)?;
        Ok(Arc::new(Self {
            config: config(&authority, Flaw::None, asks_for_certificate)?,
            authority,
            asks_for_certificate,
            faults,
        }))
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    pub(crate) fn ca_key_pem(&self) -> String {
        self.authority.key_pem()
    }

    pub(crate) fn issue_client_certificate(&self, name: &str) -> io::Result<ClientCertificate> {
        self.authority.issue_to_client(name)
    }

    pub(crate) fn push_fault(&self, fault: TlsFault) {
        lock(&self.faults).next.push_back(fault);
    }

    pub(crate) fn set_always_fault(&self, fault: TlsFault) {
        lock(&self.faults).always = Some(fault);
    }

    pub(crate) fn reset_faults(&self) {
        *lock(&self.faults) = Faults::default();
    }

    /// For a connection that was accepted just now.
    pub(crate) fn session(&self) -> io::Result<Session> {
        let fault = {
            let mut faults = lock(&self.faults);
            faults.next.pop_front().or(faults.always)
        };
        let flaw = match fault {
            Some(TlsFault::ExpiredCertificate) => Flaw::Expired,
            Some(TlsFault::WrongHost) => Flaw::WrongHost,
            Some(TlsFault::UnknownAuthority) => Flaw::UnknownAuthority,
            _ => Flaw::None,
        };
        let config = if flaw == Flaw::None {
            Arc::clone(&self.config)
        } else {
            config(&self.authority, flaw, self.asks_for_certificate)?
        };
        let cut = match fault {
            Some(TlsFault::CutHandshake) => Some(Cut::Close),
            Some(TlsFault::ResetHandshake) => Some(Cut::Reset),
            _ => None,
        };
        Ok(Session {
            connection: Mutex::new(ServerConnection::new(config).map_err(invalid)?),
            cut,
            silent: AtomicBool::new(cut.is_some()),
        })
    }
}

/// A certificate of any kind takes part in the handshake: whether it is the client's is a question of
/// the token endpoint, which knows who asks.
fn config(
    authority: &Authority,
    flaw: Flaw,
    asks_for_certificate: bool,
) -> io::Result<Arc<ServerConfig>> {
    let (chain, key) = authority.issue_to_server(flaw)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(invalid)?;
    let builder = if asks_for_certificate {
        builder.with_client_cert_verifier(client_auth::any_certificate())
    } else {
        builder.with_no_client_auth()
    };
    let config = builder.with_single_cert(chain, PrivateKeyDer::Pkcs8(key));
    Ok(Arc::new(config.map_err(invalid)?))
}

impl fmt::Debug for TlsListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("asks_for_certificate", &self.asks_for_certificate)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    Close,
    Reset,
}

/// The TLS state of one connection. Only the thread of the connection uses it.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Mutex<ServerConnection>,
    cut: Option<Cut>,
    /// Whether the end is to come without a word.
    silent: AtomicBool,
}

impl Session {
    pub(crate) fn handshake(&self, mut tcp: &TcpStream) -> io::Result<()> {
        let mut connection = lock(&self.connection);
        if let Some(cut) = self.cut {
            return self.cut_short(&mut connection, tcp, cut);
        }
        while connection.is_handshaking() {
            // An alert that says what was wrong is on its way when this fails.
            connection.complete_io(&mut tcp)?;
        }
        Ok(())
    }

    fn cut_short(
        &self,
        connection: &mut ServerConnection,
        mut tcp: &TcpStream,
        cut: Cut,
    ) -> io::Result<()> {
        while !connection.wants_write() {
            if connection.read_tls(&mut tcp)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            connection.process_new_packets().map_err(invalid)?;
        }
        match cut {
            Cut::Close => {
                let mut flight = Vec::new();
                connection.write_tls(&mut flight)?;
                tcp.write_all(&flight[..flight.len() / 2])?;
                // Closing with bytes unread would reset the connection.
                tcp.shutdown(Direction::Write)?;
                tcp.set_read_timeout(Some(Duration::from_millis(500)))?;
                let mut rest = [0; 1024];
                while matches!(tcp.read(&mut rest), Ok(read) if read > 0) {}
            }
            Cut::Reset => {
                socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO))?;
            }
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    pub(crate) fn client_certificates(&self) -> Vec<Bytes> {
        let connection = lock(&self.connection);
        let chain = connection.peer_certificates().unwrap_or_default();
        chain
            .iter()
            .map(|certificate| Bytes::copy_from_slice(certificate))
            .collect()
    }

    pub(crate) fn read(&self, mut tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        Stream::new(&mut *lock(&self.connection), &mut tcp).read(buffer)
    }

    pub(crate) fn write(&self, mut tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        let mut connection = lock(&self.connection);
        let mut stream = Stream::new(&mut *connection, &mut tcp);
        let written = stream.write(bytes)?;
        // Each write is on the wire when it returns, as it is without TLS.
        stream.flush()?;
        Ok(written)
    }

    pub(crate) fn say_no_goodbye(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// RFC 8446 §6.1. Once at most.
    pub(crate) fn say_goodbye(&self, mut tcp: &TcpStream) {
        if self.silent.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut connection = lock(&self.connection);
        connection.send_close_notify();
        // A peer that is gone already hears nothing.
        while connection.wants_write() && connection.write_tls(&mut tcp).is_ok() {}
    }
}
