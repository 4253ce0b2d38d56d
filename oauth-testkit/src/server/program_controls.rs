//! What the program does with its server, and a test has other ways for.

use std::time::Duration;

use crate::server::FakeTokenServer;
use crate::server::net::HttpServer;

impl FakeTokenServer {
    /// Whether so many token requests arrive before the patience ends.
    pub(crate) fn token_requests_arrive(&self, count: usize, patience: Duration) -> bool {
        self.state.log.await_token(count, patience)
    }

    /// Whether so many API requests arrive before the patience ends.
    pub(crate) fn api_requests_arrive(&self, count: usize, patience: Duration) -> bool {
        self.state.log.await_api(count, patience)
    }

    /// Whether so many other requests arrive before the patience ends.
    pub(crate) fn other_requests_arrive(&self, count: usize, patience: Duration) -> bool {
        let others = &self.state.protocol.side_endpoints;
        others.await_requests(count, patience)
    }

    /// No rule for token requests has faults any more.
    pub(crate) fn forget_token_faults(&self) {
        self.state.token_script.clear_faults();
    }

    /// No rule for API requests has faults any more.
    pub(crate) fn forget_api_faults(&self) {
        self.state.api_script.clear_faults();
    }

    /// Expects nothing any more.
    pub(crate) fn forget_expectations(&self) {
        self.state.token_script.forget_expected();
        self.state.api_script.forget_expected();
        let others = &self.state.protocol.side_endpoints;
        others.expected.forget_expected();
    }

    /// Ends it as dropping does, but answers in full what is not held back. What has not come true is for those to
    /// ask who expect it.
    pub(crate) fn finish(mut self) {
        self.forget_expectations();
        self.state.shutdown.stop();
        let servers = self.token.iter_mut().chain([&mut self.api]);
        servers.for_each(HttpServer::finish);
    }
}
