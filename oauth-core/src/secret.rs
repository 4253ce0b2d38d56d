//! Keeping secrets out of sight and out of freed memory.

use bytes::Bytes;
use zeroize::Zeroizing;

pub use secrecy::{ExposeSecret, SecretString};

/// What stands in for a secret in every `Debug` output.
pub(crate) const REDACTED: &str = "[redacted]";

/// Bytes whose memory is wiped when the last reference to them is dropped.
pub(crate) fn wiped_bytes(mut bytes: Zeroizing<Vec<u8>>) -> Bytes {
    if bytes.len() < bytes.capacity() {
        // Shrinking might leave a copy behind.
        return Bytes::from_owner(bytes);
    }
    let bytes = std::mem::take(&mut *bytes).into_boxed_slice();
    Bytes::from_owner(Zeroizing::new(bytes))
}
