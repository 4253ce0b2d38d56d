//! The keys, and where they come from.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::cipher::Cipher;

const LENGTH: usize = 32;

/// Keys of 32 random bytes: the first encrypts, and all decrypt. Their memory is wiped when the last clone of the ring
/// is dropped; `Debug` shows none of them.
///
/// As text a key is written in hexadecimal digits or in base64, either alphabet, padded or not; further keys follow
/// after a comma, a space or a line break.
///
/// To rotate without losing a token: add the new key at the end everywhere, then move it to the front everywhere, and
/// drop the old one when the tokens encrypted with it have died. A process that meets a key it does not have
/// does without the token.
///
/// # Examples
///
/// ```
/// use oauth_encrypted_store::KeyRing;
///
/// let keys = KeyRing::parse(
///     "bmV3IGtleSwgMzIgYnl0ZXMsIG5vdCBhdCByYW5kb20=, 6f6c64206b65792c2033322062797465732c206e6f742061742072616e646f6d",
/// )?;
/// assert_eq!(keys.len(), 2);
/// # Ok::<(), oauth_encrypted_store::InvalidKey>(())
/// ```
#[derive(Clone)]
pub struct KeyRing {
    ciphers: Vec<Cipher>,
}

impl KeyRing {
    /// One key.
    #[must_use]
    pub fn from_bytes(key: [u8; LENGTH]) -> Self {
        let key = Zeroizing::new(key);
        Self {
            ciphers: vec![Cipher::new(&key)],
        }
    }

    /// Keys from a text.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`], which quotes none of the text.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        Self::parse_from(text, "the text")
    }

    /// Keys from a variable of the environment.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] with the name of the variable.
    pub fn from_env(name: &str) -> Result<Self, InvalidKey> {
        let place = format!("the environment variable {name}");
        match std::env::var(name) {
            Ok(text) => Self::parse_from(&Zeroizing::new(text), &place),
            Err(std::env::VarError::NotPresent) => Err(InvalidKey(format!(
                "{place} is not set; `openssl rand -base64 32` makes a key"
            ))),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(InvalidKey(format!("{place} is no text")))
            }
        }
    }

    /// Keys from a file, which is read once.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] with the path.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, InvalidKey> {
        let path = path.as_ref();
        let place = format!("the file {}", path.display());
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|cause| InvalidKey(format!("{place} cannot be read: {cause}")))?;
        Self::parse_from(&text, &place)
    }

    /// Adds the keys of another ring at the end, to decrypt with.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.ciphers.extend(others.ciphers);
        self
    }

    /// How many keys there are, at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.ciphers.len()
    }

    /// Encrypts.
    pub(crate) fn first(&self) -> Option<&Cipher> {
        self.ciphers.first()
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Cipher> {
        self.ciphers.iter().find(|cipher| cipher.id() == id)
    }

    fn parse_from(text: &str, place: &str) -> Result<Self, InvalidKey> {
        let separator = |character: char| character == ',' || character.is_whitespace();
        let words = text.split(separator).filter(|word| !word.is_empty());
        let ciphers = words
            .enumerate()
            .map(|(index, word)| {
                let key = decode(word).map_err(|problem| {
                    InvalidKey(format!("key {} of {place} {problem}", index + 1))
                })?;
                Ok(Cipher::new(&key))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if ciphers.is_empty() {
            return Err(InvalidKey(format!(
                "there is no key in {place}; `openssl rand -base64 32` makes one"
            )));
        }
        Ok(Self { ciphers })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.ciphers.iter().map(Cipher::id);
        f.write_str("KeyRing ")?;
        f.debug_list().entries(ids).finish()
    }
}

/// A text or place that holds no key. It tells where and how long it is, and nothing of what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no key of 32 bytes: {0}")]
pub struct InvalidKey(String);

/// What is wrong follows the name of the key.
fn decode(word: &str) -> Result<Zeroizing<[u8; LENGTH]>, String> {
    let bytes = if word.len() == 2 * LENGTH && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        hex(word)
    } else {
        base64(word)
    };
    let Some(bytes) = bytes else {
        return Err(format!(
            "is neither 64 hexadecimal digits nor base64 ({} characters); give it as `openssl rand -base64 32` makes it",
            word.len()
        ));
    };
    let mut key = Zeroizing::new([0; LENGTH]);
    if bytes.len() != LENGTH {
        return Err(format!(
            "has {} bytes; `openssl rand -base64 32` makes one of 32",
            bytes.len()
        ));
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

fn hex(word: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
    for start in (0..word.len()).step_by(2) {
        bytes.push(u8::from_str_radix(word.get(start..start + 2)?, 16).ok()?);
    }
    Some(bytes)
}

fn base64(word: &str) -> Option<Zeroizing<Vec<u8>>> {
    let alphabet = if word.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(alphabet, config);
    engine.decode(word).ok().map(Zeroizing::new)
}
