//! What becomes of a program's log if it has a logger of `log` and no subscriber of `tracing`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Mutex;

use futures_executor::block_on;
use log::{Level, LevelFilter, Log, Metadata, Record};
use oauth_core::{ClientCredentials, TokenSource};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::FakeTokenServer;
use tracing::dispatcher::has_been_set;

/// Wants everything, at whatever level there is, and keeps the warnings.
#[derive(Default)]
struct Logger(Mutex<Vec<String>>);

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.level() == Level::Warn && record.target().starts_with("oauth_isahc") {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

static LOGGER: Logger = Logger(Mutex::new(Vec::new()));

/// One test, since there is no way back: once `tracing` has had a subscriber, it hands nothing over to `log`.
#[test]
fn p09_tracing_is_kept_from_the_log_only_if_that_would_show_secrets() {
    log::set_logger(&LOGGER).unwrap();
    let server = FakeTokenServer::start().unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap();
    let source = source.cached();
    let api = oauth_isahc::client(source.clone(), [server.api_url()]).unwrap();
    let send_both = || {
        source.token_blocking().unwrap();
        assert_eq!(api.get(server.api_url()).unwrap().status(), 200);
        let response = block_on(api.get_async(server.api_url())).unwrap();
        assert_eq!(response.status(), 200);
    };

    for quiet in [LevelFilter::Off, LevelFilter::Info] {
        log::set_max_level(quiet);
        send_both();
        assert!(!has_been_set(), "at {quiet} there is nothing to hide");
    }
    log::set_max_level(LevelFilter::Debug);
    send_both();
    send_both();
    assert!(has_been_set(), "isahc tells the logger no secret");
    let warnings = LOGGER.0.lock().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("isahc::wire"), "{warnings:?}");
}
