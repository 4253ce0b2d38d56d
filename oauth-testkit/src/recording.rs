//! A recording of what the whole process logs.

use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use log::{LevelFilter, Log, Metadata as LogMetadata, Record as LogRecord};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing::{Event, Metadata};

use crate::captured_log::CapturedLog;
use crate::sync::lock;

/// Records what the whole process logs through `tracing` and `log`, at every level and on every thread, until it is
/// [finished](Self::finish) or dropped. Fields of spans and events are recorded as their `Debug` shows them.
///
/// # Examples
///
/// ```
/// use oauth_testkit::Recording;
///
/// let recording = Recording::start();
/// tracing::trace!(attempt = 1, "token request sent");
/// let log = recording.finish();
/// assert!(log.text().contains("token request sent"));
/// log.assert_free_of(&["t0p-s3cret"]);
/// ```
#[derive(Debug)]
#[must_use = "what is dropped records no more"]
pub struct Recording {
    log: CapturedLog,
    number: u64,
}

static RUNNING: Mutex<Vec<(u64, CapturedLog)>> = Mutex::new(Vec::new());
/// So that a process that records nothing at the moment formats nothing.
static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Recording {
    /// Starts to record.
    ///
    /// # Panics
    ///
    /// If the process has another subscriber of `tracing`, or another logger of `log`: it would get what belongs
    /// here.
    pub fn start() -> Self {
        static INSTALLED: OnceLock<(bool, bool)> = OnceLock::new();
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let installed = INSTALLED.get_or_init(|| {
            let logger = log::set_logger(&Recorder).is_ok();
            log::set_max_level(LevelFilter::Trace);
            (set_global_default(Recorder).is_ok(), logger)
        });
        assert_eq!(
            *installed,
            (true, true),
            "to record (tracing, log) there must be no other subscriber and logger"
        );
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let log = CapturedLog::new();
        lock(&RUNNING).push((number, log.clone()));
        COUNT.fetch_add(1, Ordering::SeqCst);
        let recording = Self { log, number };
        recording.assert_on();
        recording
    }

    /// Ends it, and gives what was recorded.
    pub fn finish(self) -> CapturedLog {
        self.log.clone()
    }

    /// A recording that hears nothing would find nothing.
    fn assert_on(&self) {
        let marks = [
            format!("tracing mark {}", self.number),
            format!("log mark {}", self.number),
        ];
        tracing::trace!("{}", marks[0]);
        log::trace!("{}", marks[1]);
        let text = self.log.text();
        let heard = marks.map(|mark| text.contains(&mark));
        assert_eq!(
            heard,
            [true, true],
            "(tracing, log) should be heard; is a level ruled out at compile time?"
        );
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        lock(&RUNNING).retain(|(number, _)| *number != self.number);
        COUNT.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Recorder;

impl Recorder {
    fn is_on() -> bool {
        COUNT.load(Ordering::SeqCst) > 0
    }

    fn write(line: &str) {
        for (_, log) in lock(&RUNNING).iter() {
            // Writing to memory does not fail.
            let _ = writeln!(log.clone(), "{line}");
        }
    }

    fn write_fields(head: &Metadata<'_>, visit: impl FnOnce(&mut Line)) {
        if !Self::is_on() {
            return;
        }
        let mut line = Line(format!("{} {}", head.target(), head.name()));
        visit(&mut line);
        Self::write(&line.0);
    }
}

impl Subscriber for Recorder {
    /// As subscribers answer who filter by nothing but the level. Nobody asks them again, span by span, which makes it
    /// harder to keep something from them.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        Self::is_on()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self::write_fields(span.metadata(), |line| span.record(line));
        Id::from_u64(IDS.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        if !Self::is_on() {
            return;
        }
        let mut line = Line("recorded later".to_owned());
        values.record(&mut line);
        Self::write(&line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        Self::write_fields(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Log for Recorder {
    fn enabled(&self, _: &LogMetadata<'_>) -> bool {
        Self::is_on()
    }

    fn log(&self, record: &LogRecord<'_>) {
        if Self::is_on() {
            Self::write(&format!("{} {}", record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}
