//! isahc can write what goes over the wire to its log, credentials included: to the target `isahc::wire` at level
//! `TRACE`, and to `isahc::handler` at `DEBUG` what libcurl says of HTTP/2 headers. The thread that drives the
//! transfer does so if whoever sends the request has a subscriber who wants to know of it; so it has none.

use std::future::Future;

use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

/// Sends a request that bears a secret.
pub(crate) fn muted<T>(send: impl FnOnce() -> T) -> T {
    if is_wanted() {
        with_default(&Dispatch::none(), send)
    } else {
        send()
    }
}

/// As [`muted`], asynchronously. The request must not have begun.
pub(crate) async fn muted_async<T>(send: impl Future<Output = T>) -> T {
    if is_wanted() {
        send.with_subscriber(Dispatch::none()).await
    } else {
        send.await
    }
}

/// Whether anything at all is logged at such a level, by whatever subscriber.
fn is_wanted() -> bool {
    LevelFilter::current() >= LevelFilter::DEBUG
}
