//! Just enough DER (X.690 §10) to put private keys into the envelopes that cryptographic libraries open.

use zeroize::Zeroizing;

pub(crate) type Der = Zeroizing<Vec<u8>>;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// `id-ecPublicKey` (RFC 5480 §2.1.1).
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `id-Ed25519` (RFC 8410 §3).
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The curves of ECDSA, with the object identifiers of RFC 5480 §2.1.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    fn identifier(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }

    /// The length of a private key, and of each coordinate of a public one, in bytes (RFC 7518 §6.2).
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The name in a JWK.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }
}

/// An elliptic curve key alone (RFC 5915 §3).
pub(crate) fn ec_private_key(scalar: &[u8]) -> Der {
    sequence(&[&element(INTEGER, &[1]), &element(OCTET_STRING, scalar)])
}

/// An elliptic curve key with its curve: PKCS#8 (RFC 5958 §2) around RFC 5915.
pub(crate) fn pkcs8_ec(curve: Curve, ec_private_key: &[u8]) -> Der {
    let algorithm = sequence(&[
        &element(OBJECT_IDENTIFIER, EC_PUBLIC_KEY),
        &element(OBJECT_IDENTIFIER, curve.identifier()),
    ]);
    pkcs8(&algorithm, ec_private_key)
}

/// An Ed25519 key (RFC 8410 §7).
pub(crate) fn pkcs8_ed25519(seed: &[u8]) -> Der {
    let algorithm = sequence(&[&element(OBJECT_IDENTIFIER, ED25519)]);
    pkcs8(&algorithm, &element(OCTET_STRING, seed))
}

/// An RSA key of two primes (RFC 8017 A.1.2): n, e, d, p, q, dp, dq, qi.
pub(crate) fn pkcs1_rsa(numbers: [&[u8]; 8]) -> Der {
    let mut elements = vec![element(INTEGER, &[0])];
    elements.extend(numbers.map(unsigned));
    let elements: Vec<&[u8]> = elements.iter().map(|each| each.as_slice()).collect();
    sequence(&elements)
}

fn pkcs8(algorithm: &[u8], key: &[u8]) -> Der {
    sequence(&[
        &element(INTEGER, &[0]),
        algorithm,
        &element(OCTET_STRING, key),
    ])
}

/// A number without sign: as short as it can be, with a zero before it where it would seem negative.
fn unsigned(number: &[u8]) -> Der {
    let start = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    let number = &number[start..];
    let mut content = Zeroizing::new(Vec::with_capacity(1 + number.len()));
    if number.first().is_none_or(|byte| *byte >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(number);
    element(INTEGER, &content)
}

fn sequence(elements: &[&[u8]]) -> Der {
    let room = elements.iter().map(|each| each.len()).sum();
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    for each in elements {
        content.extend_from_slice(each);
    }
    element(SEQUENCE, &content)
}

fn element(tag: u8, content: &[u8]) -> Der {
    let mut der = Zeroizing::new(Vec::with_capacity(1 + 9 + content.len()));
    der.push(tag);
    let length = content.len().to_be_bytes();
    match content.len() {
        short @ 0..=0x7f => der.push(short as u8),
        _ => {
            let start = length.iter().position(|byte| *byte != 0).unwrap_or(0);
            der.push(0x80 | (length.len() - start) as u8);
            der.extend_from_slice(&length[start..]);
        }
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8410_section_10_3_an_ed25519_key() {
        let seed = [
            0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69,
            0xf8, 0xad, 0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb, 0xe0, 0x97, 0xa8, 0x8f,
            0x44, 0x75, 0x58, 0x42,
        ];
        let wanted = [
            &[
                0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
                0x04, 0x20,
            ][..],
            &seed,
        ]
        .concat();
        assert_eq!(*pkcs8_ed25519(&seed), wanted);
    }

    #[test]
    fn numbers_are_short_and_never_negative() {
        assert_eq!(*unsigned(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(*unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(*unsigned(&[]), [2, 1, 0]);
    }

    #[test]
    fn lengths_above_127_take_more_bytes() {
        assert_eq!(element(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(element(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[7; 300])[..4], [4, 0x82, 1, 44]);
    }
}
