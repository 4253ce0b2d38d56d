//! Everything a program logs, to be searched for secrets.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// A writer for a log that a test reads afterwards. Clones write into one text.
///
/// # Examples
///
/// ```
/// use oauth_testkit::CapturedLog;
/// use std::io::Write;
///
/// let log = CapturedLog::new();
/// write!(log.clone(), "token request sent")?;
/// assert!(log.text().contains("request"));
/// log.assert_free_of(&["t0p-s3cret"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CapturedLog {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl CapturedLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What has been written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.bytes)).into_owned()
    }

    /// Checks that none of the secrets has been written, as it is or in Base64.
    ///
    /// # Panics
    ///
    /// If one has been. The message shows the line with the secret taken out.
    pub fn assert_free_of(&self, secrets: &[&str]) {
        use base64::Engine as _;
        let text = self.text();
        for secret in secrets {
            let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
            for form in [
                (*secret).to_owned(),
                encoded.trim_end_matches('=').to_owned(),
            ] {
                let line = text.lines().find(|line| line.contains(&form));
                let line = line.map(|line| line.replace(&form, "<the secret>"));
                assert_eq!(line, None, "a secret stands in the log");
            }
        }
    }
}

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.bytes).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for CapturedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapturedLog")
            .field("bytes", &lock(&self.bytes).len())
            .finish()
    }
}
