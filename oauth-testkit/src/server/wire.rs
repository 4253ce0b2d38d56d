//! One connection as its thread uses it: a socket, with or without TLS on it.

use std::io::{self, Read, Write};
use std::net::{Shutdown as Direction, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

#[cfg(feature = "tls")]
use crate::server::tls::{Session, TlsListener};

/// What a listener puts on the connections it accepts.
#[derive(Clone, Debug)]
pub(crate) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls(std::sync::Arc<TlsListener>),
}

impl Transport {
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            #[cfg(feature = "tls")]
            Self::Tls(_) => "https",
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(&self) -> Option<&std::sync::Arc<TlsListener>> {
        match self {
            Self::Plain => None,
            Self::Tls(listener) => Some(listener),
        }
    }
}

/// Reads and writes through a shared reference, as a `TcpStream` does, so that the server can close the
/// socket while the connection's thread is blocked in it.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    #[cfg(feature = "tls")]
    tls: Option<Session>,
}

impl Wire {
    /// Waits for nothing: the peer has not been heard yet.
    pub(crate) fn new(tcp: TcpStream, transport: &Transport) -> io::Result<Self> {
        match transport {
            Transport::Plain => Ok(Self {
                tcp,
                #[cfg(feature = "tls")]
                tls: None,
            }),
            #[cfg(feature = "tls")]
            Transport::Tls(listener) => Ok(Self {
                tls: Some(listener.session()?),
                tcp,
            }),
        }
    }

    /// The socket below, for what is no matter of the bytes.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// To be called once, before the first byte is read.
    pub(crate) fn handshake(&self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(session) = &self.tls {
            return session.handshake(&self.tcp);
        }
        Ok(())
    }

    /// DER, the client's own first; empty if it has shown none.
    pub(crate) fn client_certificates(&self) -> Vec<Bytes> {
        #[cfg(feature = "tls")]
        if let Some(session) = &self.tls {
            return session.client_certificates();
        }
        Vec::new()
    }

    /// Closing this connection will send RST, whatever is still on its way.
    pub(crate) fn reset_on_close(&self) {
        drop(SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO)));
        #[cfg(feature = "tls")]
        if let Some(session) = &self.tls {
            session.say_no_goodbye();
        }
    }

    /// Tells the peer that nothing more will come, and still reads.
    pub(crate) fn end_writing(&self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(session) = &self.tls {
            session.say_goodbye(&self.tcp);
        }
        self.tcp.shutdown(Direction::Write)
    }
}

impl Read for &Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(session) = &self.tls {
            return session.read(&self.tcp, buffer);
        }
        (&self.tcp).read(buffer)
    }
}

impl Write for &Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(session) = &self.tls {
            return session.write(&self.tcp, bytes);
        }
        (&self.tcp).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.tcp).flush()
    }
}

/// An orderly end of TLS says so (RFC 8446 §6.1): without it a client cannot tell the end from a cut.
#[cfg(feature = "tls")]
impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(session) = &self.tls {
            session.say_goodbye(&self.tcp);
        }
    }
}
