//! Error messages side by side, to be read aloud once.

use std::error::Error as StdError;
use std::fmt;

use oauth_core::Error;

/// Errors as their readers get to see them, one below the other, with all their causes: a text for a snapshot test. A
/// message that has changed is then seen in review, and so is one that does not say what was wrong, with which value,
/// and what to do next.
///
/// # Examples
///
/// ```
/// use oauth_core::{Error, ErrorKind};
/// use oauth_testkit::Messages;
///
/// let error = Error::builder(ErrorKind::Connect, "no connection to https://id.example.com could be made");
/// let mut messages = Messages::new();
/// messages.add("the server is down", &error.source("connection refused").build());
///
/// messages.assert_free_of(&["t0p-s3cret"]);
/// assert_eq!(
///     messages.to_string(),
///     "the server is down (connect)\n\
///      \x20   no connection to https://id.example.com could be made\n\
///      \x20   <- connection refused\n"
/// );
/// ```
#[derive(Debug, Clone, Default)]
pub struct Messages {
    text: String,
    /// With what `Debug` shows, where a secret may hide too.
    shown: String,
}

impl Messages {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error, and when it comes. An [`Error`] of ours is shown with its kind.
    pub fn add(&mut self, when: &str, error: &(dyn StdError + 'static)) {
        self.text += when;
        if let Some(kind) = error.downcast_ref::<Error>().map(Error::kind) {
            self.text += &format!(" ({})", kind.as_str());
        }
        self.text += &format!("\n    {error}\n");
        let mut cause = error.source();
        while let Some(error) = cause {
            self.text += &format!("    <- {error}\n");
            cause = error.source();
        }
        self.shown += &format!("{error:?} {error:#?} {error:#}\n");
    }

    /// Adds the error of an outcome.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn add_err<T, E: StdError + 'static>(&mut self, when: &str, outcome: Result<T, E>) {
        assert!(outcome.is_err(), "no error came when {when}");
        if let Err(error) = outcome {
            self.add(when, &error);
        }
    }

    /// Checks that no message shows one of these, nor does the `Debug` of its error.
    ///
    /// # Panics
    ///
    /// If one does.
    #[track_caller]
    pub fn assert_free_of(&self, secrets: &[&str]) {
        for (index, secret) in secrets.iter().enumerate() {
            let shows = self.text.contains(secret) || self.shown.contains(secret);
            // It does not belong into the log of a test run either.
            let number = index + 1;
            assert!(
                !shows,
                "an error shows secret number {number} of those given"
            );
        }
    }
}

impl fmt::Display for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
