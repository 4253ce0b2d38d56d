//! What both endpoints of a server share.

use std::sync::Arc;
use std::time::Duration;

use crate::reply::Reply;
use crate::server::client_auth::Clients;
use crate::server::faults::Faults;
use crate::server::issuer::Issuer;
use crate::server::log::RequestLog;
use crate::server::protocol::Protocol;
use crate::server::requests::{ApiRequest, TokenRequest};
use crate::server::script::Script;
use crate::server::urls::Urls;
use crate::shutdown::{Shutdown, Stopped};

#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) clients: Clients,
    pub(crate) urls: Urls,
    pub(crate) protocol: Protocol,
    /// The scopes that may be granted; absent if all may.
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) token_lifetime: Duration,
    pub(crate) issuer: Issuer,
    pub(crate) token_script: Script<TokenRequest>,
    pub(crate) api_script: Script<ApiRequest>,
    pub(crate) token_faults: Faults,
    pub(crate) api_faults: Faults,
    pub(crate) log: Arc<RequestLog>,
    pub(crate) shutdown: Arc<Shutdown>,
    #[cfg(feature = "program")]
    pub(crate) witness: Option<Arc<dyn crate::server::witness::Witness>>,
}

impl ServerState {
    /// Waits until it is time for the reply.
    pub(crate) fn hold(&self, reply: &Reply) -> Result<(), Stopped> {
        if !reply.after.is_zero() {
            self.shutdown.pause(reply.after)?;
        }
        reply
            .gates
            .iter()
            .try_for_each(|gate| gate.wait(&self.shutdown))
    }

    pub(crate) fn hang(&self) {
        // Ends with the server, which is all that is waited for.
        let _ = self.shutdown.wait_until(|| false);
    }
}
