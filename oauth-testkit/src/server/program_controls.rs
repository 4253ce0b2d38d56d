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

    /// Expects nothing any more.
    pub(crate) fn forget_expectations(&self) {
        self.state.token_script.forget_expected();
        self.state.api_script.forget_expected();
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
