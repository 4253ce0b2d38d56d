//! The ports of a server, taken before anybody is served at them: what the server says of itself holds
//! their addresses.

use std::io;
use std::net::TcpListener;
#[cfg(feature = "tls")]
use std::sync::{Arc, Mutex};

use crate::server::port::listen;
use crate::server::settings::Settings;
#[cfg(feature = "tls")]
use crate::server::tls::{Faults, TlsListener};
use crate::server::urls::{Urls, origin};
use crate::server::wire::Transport;

pub(crate) struct Listeners {
    pub(crate) token: TcpListener,
    pub(crate) api: TcpListener,
    pub(crate) mtls: Option<TcpListener>,
    pub(crate) transports: Transports,
}

/// How each listener speaks.
#[derive(Clone, Debug)]
pub(crate) struct Transports {
    pub(crate) token: Transport,
    pub(crate) api: Transport,
    pub(crate) mtls: Transport,
}

impl Listeners {
    pub(crate) fn bind(settings: &Settings) -> io::Result<Self> {
        let has_mtls = settings.has_mtls();
        Ok(Self {
            token: listen(settings.token_port)?,
            api: listen(settings.api_port)?,
            mtls: if has_mtls { Some(listen(0)?) } else { None },
            transports: Transports::new(settings)?,
        })
    }

    pub(crate) fn urls(&self, settings: &Settings) -> io::Result<Urls> {
        let scheme = self.transports.token.scheme();
        let origin_of = |listener: &TcpListener| {
            let address = listener.local_addr()?;
            io::Result::Ok(origin(scheme, settings.host.as_deref(), address))
        };
        Ok(Urls {
            token_origin: origin_of(&self.token)?,
            api_origin: origin_of(&self.api)?,
            mtls_origin: self.mtls.as_ref().map(origin_of).transpose()?,
            issuer_path: settings.issuer_path.clone(),
            doubled_slash: settings.doubled_slash,
        })
    }
}

impl Transports {
    #[cfg(not(feature = "tls"))]
    fn new(_settings: &Settings) -> io::Result<Self> {
        Ok(Self::plain())
    }

    #[cfg(feature = "tls")]
    fn new(settings: &Settings) -> io::Result<Self> {
        if !settings.tls {
            return Ok(Self::plain());
        }
        let host = settings.host.as_deref();
        let listener = |asks, faults| TlsListener::new(host, asks, faults).map(Transport::Tls);
        // What is to happen once to a connection to the token endpoint happens at one of its origins.
        let of_token = Arc::<Mutex<Faults>>::default();
        Ok(Self {
            token: listener(false, Arc::clone(&of_token))?,
            api: listener(settings.certificate_bound, Arc::default())?,
            mtls: listener(true, of_token)?,
        })
    }

    fn plain() -> Self {
        Self {
            token: Transport::Plain,
            api: Transport::Plain,
            mtls: Transport::Plain,
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn all_tls(&self) -> impl Iterator<Item = &Arc<TlsListener>> {
        [&self.token, &self.api, &self.mtls]
            .into_iter()
            .filter_map(Transport::tls)
    }
}
