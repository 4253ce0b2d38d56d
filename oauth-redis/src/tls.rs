//! Who does the cryptography of TLS.

use oauth_core::StoreError;
use rustls::crypto::CryptoProvider;

/// Sees to it that there is a provider: without one rustls panics. What the program has installed is left alone.
pub(crate) fn make_ready() -> Result<(), StoreError> {
    if CryptoProvider::get_default().is_some() {
        return Ok(());
    }
    #[cfg(feature = "rustls")]
    {
        // Somebody else may have been faster, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Ok(())
    }
    #[cfg(not(feature = "rustls"))]
    Err(StoreError::new(
        "rediss:// needs a crypto provider of rustls: install one in the program with \
         CryptoProvider::install_default, or enable the feature `rustls` of oauth-redis",
    ))
}
