//! Keys and signatures of JOSE (RFC 7515, 7517, 7518, 8037).

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// A signature or MAC algorithm for JWTs, by its name in the registry of RFC 7518 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// ECDSA with P-521 and SHA-512.
    Es512,
    /// EdDSA with Ed25519 (RFC 8037 §3.1).
    EdDsa,
}

impl JwtAlgorithm {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// As the `alg` of a header says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The `alg` of a header; `none` and what is not known here are errors.
    pub(crate) fn of(header: &Map<String, Value>) -> Result<Self, String> {
        let name = header.get("alg").and_then(Value::as_str);
        let name = name.ok_or("the header has no alg")?;
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.name() == name)
            .ok_or_else(|| format!("the alg {name:?} is not supported"))
    }

    /// Whether both sides have the same key.
    pub(crate) fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        Some(match self {
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }

    /// Absent for a MAC.
    fn verification(self) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => return None,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &ECDSA_P521_SHA512_FIXED,
            Self::EdDsa => &ED25519,
            _ => self.rsa()?,
        })
    }

    /// `kty` and, where there is a choice, `crv` of its keys.
    fn key_type(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => ("oct", None),
            Self::Es256 => ("EC", Some("P-256")),
            Self::Es384 => ("EC", Some("P-384")),
            Self::Es512 => ("EC", Some("P-521")),
            Self::EdDsa => ("OKP", Some("Ed25519")),
            _ => ("RSA", None),
        }
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A public key that verifies signatures of one algorithm.
#[derive(Clone)]
pub(crate) struct PublicKey {
    pub(crate) algorithm: JwtAlgorithm,
    pub(crate) id: Option<String>,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// The keys in a text: PEM (`PUBLIC KEY`), a JWK, or a JWK Set.
    pub(crate) fn read(algorithm: JwtAlgorithm, text: &str) -> Result<Vec<Self>, String> {
        if text.contains("-----BEGIN") {
            let der = public_key_pem(text).ok_or("the PEM has no readable PUBLIC KEY")?;
            return Ok(vec![Self::new(algorithm, None, &der)?]);
        }
        let json: Value = serde_json::from_str(text)
            .map_err(|_| "the key is neither PEM nor a JWK nor a JWK Set")?;
        let keys = match json.get("keys") {
            Some(keys) => keys.as_array().cloned().ok_or("keys is not an array")?,
            None => vec![json],
        };
        let objects = keys
            .iter()
            .map(|key| key.as_object().ok_or("a JWK is an object"));
        objects.map(|key| Self::from_jwk(algorithm, key?)).collect()
    }

    pub(crate) fn from_jwk(
        algorithm: JwtAlgorithm,
        jwk: &Map<String, Value>,
    ) -> Result<Self, String> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let octets = |name: &str| {
            let encoded = text(name).ok_or_else(|| format!("the JWK has no {name}"))?;
            URL_SAFE_NO_PAD
                .decode(encoded)
                .map_err(|_| format!("{name} of the JWK is not base64url"))
        };
        let (kty, crv) = algorithm.key_type();
        if text("kty") != Some(kty) || (crv.is_some() && text("crv") != crv) {
            let crv = crv.unwrap_or_default();
            return Err(format!("the JWK is not a key for {algorithm}: {kty} {crv}"));
        }
        if text("alg").is_some_and(|alg| alg != algorithm.name()) {
            return Err(format!("the JWK is for another alg than {algorithm}"));
        }
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return Err("the JWK is not for signatures".to_owned());
        }
        let id = text("kid").map(str::to_owned);
        match kty {
            "RSA" => {
                let components = RsaPublicKeyComponents {
                    n: octets("n")?,
                    e: octets("e")?,
                };
                let parameters = algorithm.rsa().ok_or("not RSA")?;
                let key = components
                    .to_parsed_public_key(parameters)
                    .map_err(|_| "n and e of the JWK are not an RSA key of 2048 bits or more")?;
                Ok(Self { algorithm, id, key })
            }
            "EC" => {
                // SEC 1 §2.3.3, uncompressed.
                let point = [vec![4], octets("x")?, octets("y")?].concat();
                Self::new(algorithm, id, &point)
            }
            "OKP" => Self::new(algorithm, id, &octets("x")?),
            _ => Err("a symmetric key is no public key".to_owned()),
        }
    }

    fn new(algorithm: JwtAlgorithm, id: Option<String>, key: &[u8]) -> Result<Self, String> {
        let verification = algorithm.verification();
        let verification = verification.ok_or_else(|| format!("{algorithm} has no public key"))?;
        let key = ParsedPublicKey::new(verification, key)
            .map_err(|_| format!("the key is not one for {algorithm}"))?;
        Ok(Self { algorithm, id, key })
    }

    pub(crate) fn verifies(&self, message: &str, signature: &[u8]) -> bool {
        self.key.verify_sig(message.as_bytes(), signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whether this is the MAC of a message under a secret. Never for an algorithm that is not symmetric.
pub(crate) fn mac_verifies(
    algorithm: JwtAlgorithm,
    secret: &[u8],
    message: &str,
    mac: &[u8],
) -> bool {
    let hmac = match algorithm {
        JwtAlgorithm::Hs256 => hmac::HMAC_SHA256,
        JwtAlgorithm::Hs384 => hmac::HMAC_SHA384,
        JwtAlgorithm::Hs512 => hmac::HMAC_SHA512,
        _ => return false,
    };
    hmac::verify(&hmac::Key::new(hmac, secret), message.as_bytes(), mac).is_ok()
}

/// The SHA-256 thumbprint of a public key (RFC 7638 §3).
pub(crate) fn thumbprint(jwk: &Map<String, Value>) -> Result<String, String> {
    let kty = jwk.get("kty").and_then(Value::as_str).unwrap_or_default();
    // RFC 7638 §3.2 and RFC 8037 §2, in the order of their names.
    let required: &[&str] = match kty {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return Err(format!("there is no thumbprint of a key of kty {kty:?}")),
    };
    let members: Result<Vec<String>, String> = required
        .iter()
        .map(|name| match jwk.get(*name) {
            Some(value @ Value::String(_)) => Ok(format!("\"{name}\":{value}")),
            _ => Err(format!("the JWK has no {name}")),
        })
        .collect();
    Ok(sha256(&format!("{{{}}}", members?.join(","))))
}

/// The SHA-256 digest of a text, in base64url.
pub(crate) fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// RFC 7468 §13.
fn public_key_pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (encoded, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    let encoded: String = encoded.split_whitespace().collect();
    STANDARD.decode(encoded).ok()
}
