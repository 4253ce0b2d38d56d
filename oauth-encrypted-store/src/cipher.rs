//! Sealing a record and opening it, with one key.

use std::fmt::Write as _;

use chacha20poly1305::aead::Generate as _;
use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305, XNonce};
use oauth_core::TokenKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const NONCE: usize = 24;
const TAG: usize = 16;

/// XChaCha20-Poly1305: its nonce is long enough to be drawn at random by any number of processes that share a key.
#[derive(Clone)]
pub(crate) struct Cipher {
    aead: XChaCha20Poly1305,
    id: String,
}

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let digest = Sha256::new()
            .chain_update("oauth-encrypted-store: the name of a key\0")
            .chain_update(key)
            .finalize();
        let mut id = String::with_capacity(16);
        for byte in &digest[..8] {
            // Writing to a string cannot fail.
            let _ = write!(id, "{byte:02x}");
        }
        Self {
            aead: XChaCha20Poly1305::new(key.into()),
            id,
        }
    }

    /// Names the key: so much of a digest of it that two are never taken for one, and that says nothing about
    /// what it is.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Nonce, ciphertext and tag. `None`: the system has no random numbers to give.
    pub(crate) fn seal(&self, record: &[u8], of: &TokenKey) -> Option<Vec<u8>> {
        let nonce = XNonce::try_generate().ok()?;
        // With room for the tag, or growing would leave a copy of the record behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(record.len() + TAG));
        buffer.extend_from_slice(record);
        self.aead
            .encrypt_in_place(&nonce, &self.associated_data(of), &mut *buffer)
            .ok()?;
        Some([nonce.as_slice(), &buffer].concat())
    }

    /// `None`: it was sealed with another key or for another token key, or is damaged.
    pub(crate) fn open(&self, sealed: &[u8], of: &TokenKey) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        self.aead
            .decrypt_in_place(&nonce, &self.associated_data(of), &mut *buffer)
            .ok()?;
        Some(buffer)
    }

    fn associated_data(&self, of: &TokenKey) -> Vec<u8> {
        [
            b"oauth-encrypted-store 1\0",
            self.id.as_bytes(),
            of.as_bytes(),
        ]
        .concat()
    }
}
