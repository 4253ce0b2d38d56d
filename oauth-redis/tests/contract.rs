//! The contract of a store, kept by real servers.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[macro_use]
#[path = "../../oauth-file-store/tests/rules/mod.rs"]
mod rules;
mod support;

use std::sync::Arc;

use oauth_core::TokenStore;
use oauth_testkit::conformance::token_store::StoreUnderTest;
use rules::Engine;
use support::Server;

struct Plain(Server);

impl Engine for Plain {
    fn store(&self) -> Arc<dyn TokenStore> {
        Arc::new(self.0.store())
    }
}

mod plain {
    use super::*;
    oauth_testkit::token_store_conformance! {
        store: || {
            let server = Server::start();
            StoreUnderTest::new(move || server.store())
        },
    }
    store_rules!(Plain(Server::start()));
}

/// One node that has all slots: it refuses what would not work if there were more.
mod cluster {
    use super::*;

    fn cluster() -> Plain {
        let server = Server::start_with("cluster-enabled yes");
        let _: () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        let state = || {
            let info: String = server.ask(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok").then_some(())
        };
        rules::eventually("the cluster", state);
        Plain(server)
    }

    store_rules!(cluster());

    #[test]
    fn it_refuses_keys_of_different_slots() {
        let server = cluster().0;
        let mut connection = oauth_redis::redis::Client::open(server.url())
            .unwrap()
            .get_connection()
            .unwrap();
        let answer: Result<(), _> = oauth_redis::redis::cmd("MGET")
            .arg(&["a", "b"])
            .query(&mut connection);
        assert_eq!(answer.unwrap_err().code(), Some("CROSSSLOT"));
    }
}
