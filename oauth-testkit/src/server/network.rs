//! The network between a server and its clients, as a test disturbs it.

use crate::fault::FaultPlan;
use crate::server::FakeTokenServer;
use crate::server::net::HttpServer;
use crate::server::port::Outage;

/// Network faults.
impl FakeTokenServer {
    /// From now on, requests at the origin of the token endpoint suffer what the plan says, whichever path they go to;
    /// the next one is its first. What [rules](crate::When::suffers) say comes on top of it.
    pub fn set_token_faults(&self, plan: FaultPlan) {
        self.state.token_faults.set(Some(plan));
    }

    /// From now on, requests at the protected API suffer what the plan says; the next one is its first.
    pub fn set_api_faults(&self, plan: FaultPlan) {
        self.state.api_faults.set(Some(plan));
    }

    /// From now on, no request suffers anything, by plan or by rule. Those that hang go on hanging until their gates
    /// open.
    pub fn clear_faults(&self) {
        self.state.token_script.clear_faults();
        self.state.api_script.clear_faults();
        self.state.token_faults.set(None);
        self.state.api_faults.set(None);
    }

    /// Closes all connections to the token endpoint and refuses new ones, until what is returned is dropped.
    pub fn refuse_token_connections(&self) -> Outage {
        Outage::begin(self.token.iter().map(HttpServer::port))
    }

    /// Closes all connections to the protected API and refuses new ones, until what is returned is dropped.
    pub fn refuse_api_connections(&self) -> Outage {
        Outage::begin([self.api.port()])
    }
}
