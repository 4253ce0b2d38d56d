//! isahc can write what goes over the wire to its log, credentials included: to the target `isahc::wire` at level
//! `TRACE`, and to `isahc::handler` at `DEBUG` what libcurl says of HTTP/2 headers. The thread that drives the
//! transfer does so if whoever sends the request has a subscriber who wants to know of it; so it has one who does not.
//!
//! A subscriber is not set lightly: once a process has had one, whatever its scope, the feature `log` of `tracing` hands
//! nothing over to `log` any more. If there has been none, there is none to keep anything from, and one is set only if a
//! logger would get the secrets.

use std::future::Future;
use std::sync::{LazyLock, Once};

use log::Level;
use tracing::dispatcher::{has_been_set, with_default};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Sends a request that bears a secret.
pub(crate) fn muted<T>(send: impl FnOnce() -> T) -> T {
    if is_overheard() {
        with_default(&DEAF, send)
    } else {
        send()
    }
}

/// As [`muted`], asynchronously. The request must not have begun.
pub(crate) async fn muted_async<T>(send: impl Future<Output = T>) -> T {
    if is_overheard() {
        send.with_subscriber(DEAF.clone()).await
    } else {
        send.await
    }
}

/// Whether anybody may listen.
fn is_overheard() -> bool {
    static WARNED: Once = Once::new();
    if has_been_set() {
        return true;
    }
    let logger_listens = log::log_enabled!(target: "isahc::wire", Level::Trace)
        || log::log_enabled!(target: "isahc::handler", Level::Debug);
    if logger_listens {
        WARNED.call_once(|| {
            log::warn!(
                "isahc would log tokens and client secrets, so from here on `tracing` may hand nothing over to `log`; to \
                 have that back, mute the targets isahc::wire and isahc::handler in your logger"
            );
        });
    }
    logger_listens
}

/// `Dispatch::none()` would not do: it has no say in what a subscriber of the program wants always, for which nobody is
/// asked again.
static DEAF: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Deaf));

/// Wants to hear of nothing.
struct Deaf;

impl Subscriber for Deaf {
    /// Once one subscriber never wants what another always wants, each is asked every time. All but isahc is spared
    /// that.
    fn register_callsite(&self, callsite: &'static Metadata<'static>) -> Interest {
        if callsite.target().starts_with("isahc") {
            Interest::never()
        } else {
            Interest::always()
        }
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
