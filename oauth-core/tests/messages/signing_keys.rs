//! Private keys that cannot be used.

use oauth_core::{JwsAlgorithm, SigningKey};
use oauth_testkit::Messages;

fn pem(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
    std::fs::read_to_string(format!("{folder}/{file}.pem")).unwrap()
}

pub(crate) fn of_private_keys(messages: &mut Messages) {
    let es256 = JwsAlgorithm::Es256;
    for (when, text) in [
        ("no PEM", "hunter2"),
        (
            "a public key",
            "-----BEGIN PUBLIC KEY-----\nAQI=\n-----END PUBLIC KEY-----",
        ),
        (
            "no base64",
            "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----",
        ),
        (
            "an encrypted key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQI=\n-----END ENCRYPTED PRIVATE KEY-----",
        ),
        (
            "bytes that are no key",
            "-----BEGIN PRIVATE KEY-----\nAQI=\n-----END PRIVATE KEY-----",
        ),
    ] {
        messages.add_err(when, SigningKey::from_pem(es256, text));
    }
    let other = SigningKey::from_pem(JwsAlgorithm::Rs256, &pem("p256-pkcs8"));
    messages.add_err("a key of another kind", other);
    let short = SigningKey::from_pem(JwsAlgorithm::Rs256, &pem("rsa-1024"));
    messages.add_err("a key that is too short", short);
    let hmac = SigningKey::from_pem(JwsAlgorithm::Hs256, &pem("p256-pkcs8"));
    messages.add_err("an HMAC", hmac);
    messages.add_err("a JWK that is none", SigningKey::from_jwk("hunter2"));
    let nameless = SigningKey::from_jwk(r#"{"kty":"EC","crv":"P-256","d":"t0p-s3cret"}"#);
    messages.add_err("a JWK without alg", nameless);
    let curve = SigningKey::from_jwk_with(es256, r#"{"kty":"EC","crv":"P-384","d":"t0p-s3cret"}"#);
    messages.add_err("a JWK of another curve", curve);
    let public =
        SigningKey::from_jwk_with(es256, r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#);
    messages.add_err("a JWK without its private member", public);
    messages.add_err("RSA made here", SigningKey::generate(JwsAlgorithm::Rs256));
}
