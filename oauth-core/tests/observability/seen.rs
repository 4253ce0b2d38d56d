//! What a subscriber of `tracing` gets to see.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default, with_default};
use tracing::{Event, Metadata, Subscriber};

/// How long to wait for another thread.
const PATIENCE: Duration = Duration::from_secs(10);

/// Name, level and the names of the fields but the message.
pub(crate) type Sight = (String, String, Vec<String>);

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) events: BTreeSet<Sight>,
    pub(crate) spans: BTreeSet<Sight>,
}

/// What this thread shows during `story`.
pub(crate) fn by(story: impl FnOnce()) -> Seen {
    everywhere();
    let eye = Eye::default();
    with_default(eye.clone(), story);
    eye.0.seen.lock().unwrap().clone()
}

/// The event of that name that threads of the library's own show after `story`. Other tests may be at work too.
pub(crate) fn in_the_background(name: &str, story: impl FnOnce()) -> Option<Sight> {
    let eye = everywhere();
    story();
    let find = |seen: &Seen| seen.events.iter().find(|event| event.0 == name).cloned();
    let seen = eye.0.seen.lock().unwrap();
    let waiting = |seen: &mut Seen| find(seen).is_none();
    let came = &eye.0.came;
    let (seen, _) = came.wait_timeout_while(seen, PATIENCE, waiting).unwrap();
    find(&seen)
}

/// Sees all threads that nobody else watches. Each test needs it from the beginning: where nobody watches, `tracing` may
/// conclude that an event is of no interest to anybody.
pub(crate) fn everywhere() -> &'static Eye {
    static EYE: OnceLock<Eye> = OnceLock::new();
    EYE.get_or_init(|| {
        let eye = Eye::default();
        set_global_default(eye.clone()).unwrap();
        eye
    })
}

#[derive(Clone, Default)]
pub(crate) struct Eye(Arc<Sights>);

#[derive(Default)]
struct Sights {
    seen: Mutex<Seen>,
    came: Condvar,
}

impl Subscriber for Eye {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, head: &Metadata<'_>) -> bool {
        head.target().starts_with("oauth_core")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static IDS: AtomicU64 = AtomicU64::new(1);
        assert!(span.is_root(), "a flight belongs to no caller");
        self.0
            .seen
            .lock()
            .unwrap()
            .spans
            .insert(sight(span.metadata()));
        Id::from_u64(IDS.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.0
            .seen
            .lock()
            .unwrap()
            .events
            .insert(sight(event.metadata()));
        self.0.came.notify_all();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn sight(head: &Metadata<'_>) -> Sight {
    assert_eq!(head.target(), "oauth_core");
    let fields = head.fields().iter().map(|field| field.name().to_owned());
    let fields = fields.filter(|name| name != "message").collect();
    (head.name().to_owned(), head.level().to_string(), fields)
}
