//! Keys and signatures of a client, made with the cryptography library alone.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses its own part"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oauth_testkit::JwtAlgorithm;
use serde_json::{Value, json};

pub enum Key {
    Secret(Vec<u8>),
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    /// A fresh key, except for RSA and the secret of the default client.
    pub fn for_algorithm(algorithm: JwtAlgorithm) -> Self {
        let ec = |with| Self::Ec(EcdsaKeyPair::generate(with).unwrap());
        match algorithm {
            JwtAlgorithm::Hs256 | JwtAlgorithm::Hs384 | JwtAlgorithm::Hs512 => {
                Self::Secret(b"test-secret".to_vec())
            }
            JwtAlgorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            JwtAlgorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            JwtAlgorithm::Es512 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
            JwtAlgorithm::EdDsa => Self::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => {
                let pem = include_str!("../keys/TEST_ONLY_rsa_private_key.pem");
                let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
                Self::Rsa(RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap())
            }
        }
    }

    pub fn pem(&self) -> String {
        let der = match self {
            Self::Secret(_) => panic!("a secret has no public key"),
            Self::Rsa(_) => return include_str!("../keys/TEST_ONLY_rsa_public_key.pem").to_owned(),
            Self::Ec(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
        };
        let base64 = STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n")
    }

    pub fn jwk(&self) -> Value {
        let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        match self {
            Self::Secret(_) => panic!("a secret has no public key"),
            Self::Rsa(_) => {
                let jwk = include_str!("../keys/TEST_ONLY_rsa_public_key.json");
                serde_json::from_str(jwk).unwrap()
            }
            Self::Ec(key) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({ "kty": "EC", "crv": crv, "x": encode(x), "y": encode(y) })
            }
            Self::Ed(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref()) })
            }
        }
    }

    /// The JWS Compact Serialization (RFC 7515 §7.1). The header says what it says.
    pub fn sign(&self, algorithm: JwtAlgorithm, header: &Value, claims: &Value) -> String {
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let message = input.as_bytes();
        let random = SystemRandom::new();
        let signature = match self {
            Self::Secret(secret) => {
                let with = match algorithm {
                    JwtAlgorithm::Hs256 => hmac::HMAC_SHA256,
                    JwtAlgorithm::Hs384 => hmac::HMAC_SHA384,
                    _ => hmac::HMAC_SHA512,
                };
                hmac::sign(&hmac::Key::new(with, secret), message)
                    .as_ref()
                    .to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let with: &'static dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    JwtAlgorithm::Rs256 => &RSA_PKCS1_SHA256,
                    JwtAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
                    JwtAlgorithm::Rs512 => &RSA_PKCS1_SHA512,
                    JwtAlgorithm::Ps256 => &RSA_PSS_SHA256,
                    JwtAlgorithm::Ps384 => &RSA_PSS_SHA384,
                    _ => &RSA_PSS_SHA512,
                };
                key.sign(with, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The time of day, as a `NumericDate` (RFC 7519 §2).
#[expect(clippy::disallowed_methods, reason = "a client's clock")]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A `jti` like no other.
pub fn fresh_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("id-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// `value` with members set, or removed where there is `null`.
pub fn with(mut value: Value, changes: Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
    value
}
