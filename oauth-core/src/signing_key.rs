//! Private keys in memory.

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::EllipticCurve;
use jsonwebtoken::{Algorithm, EncodingKey};
use p521::ecdsa::signature::Signer as _;
use p521::pkcs8::{DecodePrivateKey as _, PrivateKeyInfo};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::protocol::der::{Curve, Der, ec_private_key, pkcs1_rsa, pkcs8_ec, pkcs8_ed25519};
use crate::protocol::jwk::thumbprint;
use crate::protocol::jws::JwsAlgorithm;
use crate::protocol::pem::{self, Label};
use crate::protocol::private_jwk::PrivateJwk;
use crate::secret::REDACTED;
use crate::signer::JwsSigner;
use crate::unique::fill;

/// The smallest RSA modulus that may sign, in bytes (RFC 7518 §3.3): 2048 bits.
const SMALLEST_MODULUS: usize = 256;

/// A private key in memory, for `private_key_jwt` and DPoP. Needs the feature `jwt`.
///
/// Its memory is wiped when it is dropped, and `Debug` does not show it.
///
/// # Examples
///
/// ```
/// use oauth_core::{ClientCredentials, JwsAlgorithm, SigningKey};
///
/// # fn example(http_client: impl oauth_core::HttpClient + 'static) -> Result<(), Box<dyn std::error::Error>> {
/// let pem = std::fs::read_to_string("key.pem")?;
/// let key = SigningKey::from_pem(JwsAlgorithm::Es256, &pem)?.with_key_id("2024-05");
/// let source = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
///     .private_key(key)
///     .http_client(http_client)
///     .build()?
///     .cached();
/// # Ok(())
/// # }
/// ```
pub struct SigningKey {
    algorithm: JwsAlgorithm,
    key: Key,
    key_id: Option<String>,
    public_jwk: Value,
}

enum Key {
    Library(Algorithm, EncodingKey),
    /// Kept ready: with DPoP it signs each API request.
    P256(Box<p256::ecdsa::SigningKey>),
    /// jsonwebtoken has no ES512.
    P521(Box<p521::ecdsa::SigningKey>),
}

impl SigningKey {
    /// Reads a key in PEM: PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) or RFC 5915 (`EC PRIVATE KEY`),
    /// not encrypted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] says what is wrong: no such key, a key of another kind than the algorithm's,
    /// an RSA key below 2048 bits.
    pub fn from_pem(algorithm: JwsAlgorithm, pem: &str) -> Result<Self, Error> {
        let (label, der) = pem::private_key(pem).map_err(unusable)?;
        let der = match (label, Kind::of(algorithm)?) {
            (Label::Ec, Kind::Ec(curve)) => pkcs8_ec(curve, &der),
            (Label::Rsa, Kind::Rsa) => der,
            (Label::Pkcs8, Kind::Rsa) => rsa_inside(&der)?,
            (Label::Pkcs8, Kind::Ec(_) | Kind::Ed25519) => der,
            _ => return Err(other_kind(algorithm)),
        };
        Self::from_der(algorithm, &der)
    }

    /// Reads a private key as a JWK (RFC 7517), which has to name its algorithm in `alg`. Its `kid`, if any,
    /// becomes the key id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], as [`from_pem`](Self::from_pem).
    pub fn from_jwk(jwk: &str) -> Result<Self, Error> {
        let jwk = PrivateJwk::parse(jwk).ok_or_else(no_object)?;
        let named = jwk.text("alg").and_then(JwsAlgorithm::from_name);
        let algorithm = named
            .ok_or_else(|| unusable("it names no known algorithm in alg; use from_jwk_with"))?;
        Self::from_parsed(algorithm, &jwk)
    }

    /// Reads a private key as a JWK for an algorithm that the JWK does not name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], as [`from_pem`](Self::from_pem).
    pub fn from_jwk_with(algorithm: JwsAlgorithm, jwk: &str) -> Result<Self, Error> {
        let jwk = PrivateJwk::parse(jwk).ok_or_else(no_object)?;
        Self::from_parsed(algorithm, &jwk)
    }

    /// Makes a new key, of an elliptic curve: [`JwsAlgorithm::Es256`] is what every server with DPoP knows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an RSA or HMAC algorithm.
    pub fn generate(algorithm: JwsAlgorithm) -> Result<Self, Error> {
        let (size, excess) = match Kind::of(algorithm)? {
            // The order of P-521 has 521 bits.
            Kind::Ec(Curve::P521) => (Curve::P521.size(), 7),
            Kind::Ec(curve) => (curve.size(), 0),
            Kind::Ed25519 => (32, 0),
            Kind::Rsa => return Err(unusable("RSA keys are not made here; use ES256")),
        };
        // Nearly every number is a key; hitting one that is none this often is out of reach.
        let mut outcome = Err(unusable("the randomness of the system is none"));
        for _ in 0..32 {
            let mut number = Zeroizing::new(vec![0; size]);
            fill(&mut number)?;
            number[0] &= 0xff >> excess;
            outcome = Self::from_der(algorithm, &Kind::of(algorithm)?.wrap(&number));
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Names the key, so that the server finds the public one among those registered (`kid`).
    #[must_use]
    pub fn with_key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    fn from_parsed(algorithm: JwsAlgorithm, jwk: &PrivateJwk) -> Result<Self, Error> {
        let kind = Kind::of(algorithm)?;
        let fits = match kind {
            Kind::Rsa => jwk.text("kty") == Some("RSA"),
            Kind::Ec(curve) => {
                jwk.text("kty") == Some("EC") && jwk.text("crv") == Some(curve.name())
            }
            Kind::Ed25519 => jwk.text("kty") == Some("OKP") && jwk.text("crv") == Some("Ed25519"),
        };
        if !fits {
            return Err(other_kind(algorithm));
        }
        let der = if kind == Kind::Rsa {
            let members = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
            let [n, e, d, p, q, dp, dq, qi] = members.map(|name| jwk.bytes(name).map_err(missing));
            pkcs1_rsa([&n?, &e?, &d?, &p?, &q?, &dp?, &dq?, &qi?])
        } else {
            kind.wrap(&jwk.bytes("d").map_err(missing)?)
        };
        let mut key = Self::from_der(algorithm, &der)?;
        key.key_id = jwk.text("kid").map(str::to_owned);
        Ok(key)
    }

    /// From PKCS#8, or for RSA from PKCS#1.
    fn from_der(algorithm: JwsAlgorithm, der: &Der) -> Result<Self, Error> {
        let kind = Kind::of(algorithm)?;
        let fault = |_| other_kind(algorithm);
        match kind {
            Kind::Ec(curve @ Curve::P256) => {
                let key = p256::ecdsa::SigningKey::from_pkcs8_der(der).map_err(fault)?;
                let point = key.verifying_key().to_encoded_point(false);
                let public_jwk = ec_jwk(curve, point.as_bytes());
                return Ok(Self::of(algorithm, Key::P256(Box::new(key)), public_jwk));
            }
            Kind::Ec(curve @ Curve::P521) => {
                let secret = p521::SecretKey::from_pkcs8_der(der).map_err(fault)?;
                let scalar = Zeroizing::new(secret.to_bytes());
                let key = p521::ecdsa::SigningKey::from_bytes(&scalar)
                    .map_err(|_| other_kind(algorithm))?;
                let point = p521::ecdsa::VerifyingKey::from(&key).to_encoded_point(false);
                let public_jwk = ec_jwk(curve, point.as_bytes());
                return Ok(Self::of(algorithm, Key::P521(Box::new(key)), public_jwk));
            }
            _ => {}
        }
        let utilities = &DEFAULT_PROVIDER.key_utils;
        let library = library_algorithm(algorithm).ok_or_else(|| other_kind(algorithm))?;
        let fault = |_| other_kind(algorithm);
        let (key, public_jwk) = match kind {
            Kind::Ec(curve) => {
                let (_, x, y) =
                    (utilities.ec_pub_components_from_private_key)(der, library).map_err(fault)?;
                let point = [&[4], x.as_slice(), &y].concat();
                (EncodingKey::from_ec_der(der), ec_jwk(curve, &point))
            }
            Kind::Ed25519 => {
                let curve = EllipticCurve::Ed25519;
                let x =
                    (utilities.ed_pub_components_from_private_key)(der, &curve).map_err(fault)?;
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&x)});
                (EncodingKey::from_ed_der(der), jwk)
            }
            Kind::Rsa => {
                let (n, e) = (utilities.rsa_pub_components_from_private_key)(der).map_err(fault)?;
                if n.len() < SMALLEST_MODULUS {
                    return Err(unusable(
                        "it is an RSA key below 2048 bits, which must not be used (RFC 7518 §3.3); make a longer one",
                    ));
                }
                let jwk = json!({"kty": "RSA", "n": base64url(&n), "e": base64url(&e)});
                (EncodingKey::from_rsa_der(der), jwk)
            }
        };
        Ok(Self::of(algorithm, Key::Library(library, key), public_jwk))
    }

    fn of(algorithm: JwsAlgorithm, key: Key, public_jwk: Value) -> Self {
        Self {
            algorithm,
            key,
            key_id: None,
            public_jwk,
        }
    }
}

#[async_trait]
impl JwsSigner for SigningKey {
    fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }

    fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    fn public_jwk(&self) -> Option<&Value> {
        Some(&self.public_jwk)
    }

    fn key_name(&self) -> String {
        thumbprint(&self.public_jwk).unwrap_or_default()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.key {
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.try_sign(message).map_err(|_| unsigned())?;
                Ok(signature.to_vec())
            }
            Key::P521(key) => {
                let signature: p521::ecdsa::Signature =
                    key.try_sign(message).map_err(|_| unsigned())?;
                Ok(signature.to_vec())
            }
            Key::Library(algorithm, key) => sign(*algorithm, key, message),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .field("key", &REDACTED)
            .finish_non_exhaustive()
    }
}

/// The HMAC of a message under a client secret, for `client_secret_jwt`.
pub(crate) fn hmac(
    algorithm: JwsAlgorithm,
    secret: &str,
    message: &[u8],
) -> Result<Vec<u8>, Error> {
    let library = library_algorithm(algorithm).ok_or_else(unsigned)?;
    sign(
        library,
        &EncodingKey::from_secret(secret.as_bytes()),
        message,
    )
}

/// By this provider, whatever the process has for a default: that one may be missing, and panic.
fn sign(algorithm: Algorithm, key: &EncodingKey, message: &[u8]) -> Result<Vec<u8>, Error> {
    let signer = (DEFAULT_PROVIDER.signer_factory)(&algorithm, key).map_err(|_| unsigned())?;
    signer.try_sign(message).map_err(|_| unsigned())
}

/// The kinds of keys, by what their algorithms ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ec(Curve),
    Ed25519,
}

impl Kind {
    fn of(algorithm: JwsAlgorithm) -> Result<Self, Error> {
        Ok(match algorithm {
            JwsAlgorithm::Es256 => Self::Ec(Curve::P256),
            JwsAlgorithm::Es384 => Self::Ec(Curve::P384),
            JwsAlgorithm::Es512 => Self::Ec(Curve::P521),
            JwsAlgorithm::EdDsa => Self::Ed25519,
            JwsAlgorithm::Rs256
            | JwsAlgorithm::Rs384
            | JwsAlgorithm::Rs512
            | JwsAlgorithm::Ps256
            | JwsAlgorithm::Ps384
            | JwsAlgorithm::Ps512 => Self::Rsa,
            JwsAlgorithm::Hs256 | JwsAlgorithm::Hs384 | JwsAlgorithm::Hs512 => {
                return Err(unusable(
                    "an HMAC has no private key; use the method client_secret_jwt",
                ));
            }
        })
    }

    /// An envelope around a bare number. RSA keys have several.
    fn wrap(self, number: &[u8]) -> Der {
        match self {
            Self::Ec(curve) => pkcs8_ec(curve, &ec_private_key(number)),
            Self::Ed25519 | Self::Rsa => pkcs8_ed25519(number),
        }
    }
}

/// The PKCS#1 key within PKCS#8, of either RSA kind (RFC 8017 A.1, A.2.3).
fn rsa_inside(pkcs8: &[u8]) -> Result<Der, Error> {
    let not_rsa = || other_kind(JwsAlgorithm::Rs256);
    let info = PrivateKeyInfo::try_from(pkcs8).map_err(|_| not_rsa())?;
    let kind = info.algorithm.oid.to_string();
    if kind != "1.2.840.113549.1.1.1" && kind != "1.2.840.113549.1.1.10" {
        return Err(not_rsa());
    }
    Ok(Zeroizing::new(info.private_key.to_vec()))
}

fn library_algorithm(algorithm: JwsAlgorithm) -> Option<Algorithm> {
    algorithm.as_str().parse().ok()
}

/// From a point that is not compressed: a tag and both coordinates (RFC 5480 §2.2).
fn ec_jwk(curve: Curve, point: &[u8]) -> Value {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates
        .split_at_checked(curve.size())
        .unwrap_or_default();
    json!({"kty": "EC", "crv": curve.name(), "x": base64url(x), "y": base64url(y)})
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn other_kind(algorithm: JwsAlgorithm) -> Error {
    unusable(&format!(
        "it is not a key for {algorithm}; name the algorithm that the key is for"
    ))
}

fn no_object() -> Error {
    unusable("it is not a JSON object, as a JWK is; for PEM there is from_pem")
}

fn missing(member: &str) -> Error {
    unusable(&format!(
        "its member {member:?} is missing or malformed; give the whole private key (RFC 7518 §6)"
    ))
}

fn unusable(what: &str) -> Error {
    Error::configuration(format!("the private key cannot be used: {what}"))
}

fn unsigned() -> Error {
    Error::new(ErrorKind::Configuration, "the private key does not sign")
}
