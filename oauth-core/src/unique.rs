//! Names that are used once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, ErrorKind};

/// A name that nobody has used before, for `jti`: 128 bits out of the randomness of the operating system
/// (RFC 9449 §4.2 asks for 96).
pub(crate) fn unique() -> Result<String, Error> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Randomness that is fit for keys.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|cause| {
        Error::builder(
            ErrorKind::Configuration,
            "the operating system gives no randomness",
        )
        .source(cause.to_string())
        .build()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let names: std::collections::BTreeSet<_> = (0..1000).map(|_| unique().unwrap()).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.len() == 22));
    }
}
