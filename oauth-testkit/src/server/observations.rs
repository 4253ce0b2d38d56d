//! What a test learns of the requests that have arrived.

use std::time::Duration;

use crate::server::FakeTokenServer;
use crate::server::log::readable;
use crate::server::requests::{ApiRequest, TokenRequest};

/// Far beyond what any request takes that is going to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What it has seen.
impl FakeTokenServer {
    /// The requests at the origin of the token endpoint, in the order of their arrival.
    #[must_use]
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.state.log.token_requests()
    }

    /// How many requests arrived at the origin of the token endpoint.
    #[must_use]
    pub fn token_request_count(&self) -> usize {
        self.state.log.token_count()
    }

    /// How many [other requests](Self::other_requests) arrived.
    #[must_use]
    pub fn other_request_count(&self) -> usize {
        self.state.protocol.side_endpoints.count()
    }

    /// The requests at the protected API, in the order of their arrival.
    #[must_use]
    pub fn api_requests(&self) -> Vec<ApiRequest> {
        self.state.log.api_requests()
    }

    /// How many requests arrived at the protected API.
    #[must_use]
    pub fn api_request_count(&self) -> usize {
        self.state.log.api_count()
    }

    /// The most token requests that were being served at one time, from their arrival until the end
    /// of the answer was written. One whose client gave up counts until its answer is due: to the
    /// server it makes no difference.
    #[must_use]
    pub fn max_concurrent_token_requests(&self) -> usize {
        self.state.log.max_concurrent_token_requests()
    }

    /// The most API requests that were being served at one time, counted as
    /// [`max_concurrent_token_requests`](Self::max_concurrent_token_requests) does.
    #[must_use]
    pub fn max_concurrent_api_requests(&self) -> usize {
        self.state.log.max_concurrent_api_requests()
    }

    /// Blocks until `count` token requests have arrived, answered or not.
    ///
    /// # Panics
    ///
    /// If they have not arrived within ten seconds.
    #[track_caller]
    pub fn await_token_requests(&self, count: usize) {
        let arrived = self.state.log.await_token(count, PATIENCE);
        let log = readable(&self.token_requests());
        assert!(
            arrived,
            "waited in vain for {count} token requests; those seen:{log}"
        );
    }

    /// Blocks until `count` requests have arrived at the protected API, answered or not.
    ///
    /// # Panics
    ///
    /// If they have not arrived within ten seconds.
    #[track_caller]
    pub fn await_api_requests(&self, count: usize) {
        let arrived = self.state.log.await_api(count, PATIENCE);
        let log = readable(&self.api_requests());
        assert!(
            arrived,
            "waited in vain for {count} API requests; those seen:{log}"
        );
    }

    /// Blocks until `count` [other requests](Self::other_requests) have arrived, answered or not.
    ///
    /// # Panics
    ///
    /// If they have not arrived within ten seconds.
    #[track_caller]
    pub fn await_other_requests(&self, count: usize) {
        let others = &self.state.protocol.side_endpoints;
        let arrived = others.await_requests(count, PATIENCE);
        let log = readable(&self.other_requests());
        assert!(
            arrived,
            "waited in vain for {count} other requests; those seen:{log}"
        );
    }

    /// Checks how many token requests have arrived so far.
    ///
    /// # Panics
    ///
    /// If it is not exactly `count`.
    #[track_caller]
    pub fn assert_token_requests(&self, count: usize) {
        let requests = self.token_requests();
        let log = readable(&requests);
        assert!(
            requests.len() == count,
            "expected {count} token requests; those seen:{log}"
        );
    }

    /// Checks how many requests have arrived at the protected API so far.
    ///
    /// # Panics
    ///
    /// If it is not exactly `count`.
    #[track_caller]
    pub fn assert_api_requests(&self, count: usize) {
        let requests = self.api_requests();
        let log = readable(&requests);
        assert!(
            requests.len() == count,
            "expected {count} API requests; those seen:{log}"
        );
    }

    /// Checks how many [other requests](Self::other_requests) have arrived so far.
    ///
    /// # Panics
    ///
    /// If it is not exactly `count`.
    #[track_caller]
    pub fn assert_other_requests(&self, count: usize) {
        let requests = self.other_requests();
        let log = readable(&requests);
        assert!(
            requests.len() == count,
            "expected {count} other requests; those seen:{log}"
        );
    }

    /// Forgets the requests seen so far, and the highest concurrency. What is [expected](Self::expect) goes on
    /// counting.
    pub fn clear_log(&self) {
        self.state.log.clear();
        self.state.protocol.side_endpoints.clear_log();
    }
}
