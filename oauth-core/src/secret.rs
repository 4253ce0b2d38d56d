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

/// The same, whose reference count shares no cache line with what other threads write: for a copy that is to be one
/// thread's alone. (Two lines, since processors fetch them in pairs.)
pub(crate) fn wiped_bytes_apart(bytes: Zeroizing<Vec<u8>>) -> Bytes {
    #[repr(align(128))]
    struct Apart(Zeroizing<Vec<u8>>);

    impl AsRef<[u8]> for Apart {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    // The count is the first thing beside its owner, and has the owner's alignment.
    Bytes::from_owner(Apart(bytes))
}
