//! What private keys sign, against the examples of the RFCs and an independent reading of each signature.

#![cfg(feature = "jwt")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_executor::block_on;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use oauth_core::{ErrorKind, JwsAlgorithm, JwsSigner, SigningKey};
use p521::ecdsa::signature::Verifier as _;
use serde_json::{Value, json};

const RSA: [(&str, JwsAlgorithm); 6] = [
    ("rsa-pkcs1", JwsAlgorithm::Rs256),
    ("rsa-pkcs8", JwsAlgorithm::Rs384),
    ("rsa-pkcs8", JwsAlgorithm::Rs512),
    ("rsa-pkcs1", JwsAlgorithm::Ps256),
    ("rsa-pss-pkcs8", JwsAlgorithm::Ps384),
    ("rsa-pkcs8", JwsAlgorithm::Ps512),
];

const CURVES: [(&str, JwsAlgorithm); 5] = [
    ("p256-sec1", JwsAlgorithm::Es256),
    ("p256-pkcs8", JwsAlgorithm::Es256),
    ("p384-pkcs8", JwsAlgorithm::Es384),
    ("p521-pkcs8", JwsAlgorithm::Es512),
    ("ed25519-pkcs8", JwsAlgorithm::EdDsa),
];

/// The signing input of RFC 7515 Appendices A.2 and A.3, but for the header.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn pem(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
    std::fs::read_to_string(format!("{folder}/{file}.pem")).unwrap()
}

fn sign(key: &SigningKey, message: &str) -> Vec<u8> {
    block_on(key.sign(message.as_bytes())).unwrap()
}

/// Whether the signature holds under the public half that the key shows.
fn verifies(key: &SigningKey, message: &str, signature: &[u8]) -> bool {
    let jwk = key.public_jwk().unwrap();
    if key.algorithm() == JwsAlgorithm::Es512 {
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            let bytes = URL_SAFE_NO_PAD.decode(jwk[coordinate].as_str().unwrap());
            point.extend(bytes.unwrap());
        }
        let verifier = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
        let signature = p521::ecdsa::Signature::from_slice(signature).unwrap();
        return verifier.verify(message.as_bytes(), &signature).is_ok();
    }
    let algorithm: Algorithm = key.algorithm().as_str().parse().unwrap();
    let public = DecodingKey::from_jwk(&serde_json::from_value(jwk.clone()).unwrap()).unwrap();
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &public).unwrap();
    verifier
        .verify(message.as_bytes(), &signature.to_vec())
        .is_ok()
}

#[test]
fn every_algorithm_signs_with_keys_as_openssl_writes_them() {
    for (file, algorithm) in RSA.into_iter().chain(CURVES) {
        let key = SigningKey::from_pem(algorithm, &pem(file)).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.key_id(), None);
        let signature = sign(&key, "a.b");
        assert!(verifies(&key, "a.b", &signature), "{file} {algorithm}");
        assert!(!verifies(&key, "a.c", &signature), "{file} {algorithm}");
    }
}

#[test]
fn rfc_7518_section_3_4_signatures_of_curves_have_one_length() {
    for (algorithm, length) in [
        (JwsAlgorithm::Es256, 64),
        (JwsAlgorithm::Es384, 96),
        (JwsAlgorithm::Es512, 132),
        (JwsAlgorithm::EdDsa, 64),
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let signature = sign(&key, "a.b");
        assert_eq!(signature.len(), length, "{algorithm}");
        assert!(verifies(&key, "a.b", &signature), "{algorithm}");
    }
}

#[test]
fn no_two_generated_keys_are_alike() {
    let name = || {
        SigningKey::generate(JwsAlgorithm::Es256)
            .unwrap()
            .key_name()
    };
    assert_ne!(name(), name());
}

fn rfc_7515_rsa_key() -> Value {
    json!({
        "kty": "RSA",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "e": "AQAB",
        "d": "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        "p": "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        "q": "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        "dp": "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        "dq": "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        "qi": "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
    })
}

#[test]
fn rfc_7515_appendix_a_2_rs256() {
    let jwk = rfc_7515_rsa_key().to_string();
    let key = SigningKey::from_jwk_with(JwsAlgorithm::Rs256, &jwk).unwrap();
    let signature = sign(&key, &format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}"));
    assert_eq!(
        URL_SAFE_NO_PAD.encode(signature),
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
         AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4\
         BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
         0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv\
         hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
         p0igcN_IoypGlUPQGe77Rw"
    );
}

#[test]
fn rfc_7515_appendix_a_3_es256() {
    let jwk = json!({
        "kty": "EC",
        "alg": "ES256",
        "kid": "a3",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    });
    let key = SigningKey::from_jwk(&jwk.to_string()).unwrap();
    assert_eq!(key.key_id(), Some("a3"));
    assert_eq!(key.public_jwk().unwrap()["x"], jwk["x"], "out of d alone");
    assert_eq!(key.public_jwk().unwrap()["y"], jwk["y"]);
    let message = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}");
    let example = URL_SAFE_NO_PAD.decode(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
    assert!(verifies(&key, &message, &example.unwrap()));
    assert!(verifies(&key, &message, &sign(&key, &message)));
}

#[test]
fn rfc_7515_appendix_a_4_es512() {
    let jwk = json!({
        "kty": "EC",
        "crv": "P-521",
        "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        "d": "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C",
    });
    let key = SigningKey::from_jwk_with(JwsAlgorithm::Es512, &jwk.to_string()).unwrap();
    assert_eq!(key.public_jwk().unwrap()["x"], jwk["x"], "out of d alone");
    assert_eq!(key.public_jwk().unwrap()["y"], jwk["y"]);
    let message = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA";
    let example = URL_SAFE_NO_PAD.decode(
        "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZq\
         wqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8Kp\
         EHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    );
    assert!(verifies(&key, message, &example.unwrap()));
    assert!(verifies(&key, message, &sign(&key, message)));
}

#[test]
fn rfc_8037_appendix_a_4_ed25519() {
    let jwk = json!({
        "kty": "OKP",
        "alg": "EdDSA",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let key = SigningKey::from_jwk(&jwk.to_string()).unwrap();
    assert_eq!(
        key.key_name(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "RFC 8037 Appendix A.3"
    );
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    assert_eq!(
        URL_SAFE_NO_PAD.encode(sign(&key, message)),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn p09_neither_debug_nor_the_public_half_nor_an_error_shows_the_key() {
    let jwk = rfc_7515_rsa_key();
    let private = ["d", "p", "q", "dp", "dq", "qi"].map(|name| jwk[name].as_str().unwrap());
    let key = SigningKey::from_jwk_with(JwsAlgorithm::Ps256, &jwk.to_string()).unwrap();
    let mut spoilt = jwk.clone();
    spoilt["qi"] = 7.into();
    let missing = SigningKey::from_jwk_with(JwsAlgorithm::Rs256, &spoilt.to_string()).unwrap_err();
    let misfit = SigningKey::from_jwk_with(JwsAlgorithm::Es256, &jwk.to_string()).unwrap_err();
    let shown = format!(
        "{key:?} {:?} {} {missing:?} {misfit:?}",
        key.public_jwk(),
        key.key_name()
    );
    assert!(shown.contains("qi") && shown.contains("ES256"), "{shown}");
    assert!(
        !private.iter().any(|secret| shown.contains(secret)),
        "{shown}"
    );
}

#[test]
fn what_cannot_sign_is_refused_with_the_reason() {
    let refusals = [
        (JwsAlgorithm::Rs256, pem("rsa-1024"), "2048 bits"),
        (JwsAlgorithm::Es256, pem("p256-encrypted"), "encrypted"),
        (JwsAlgorithm::Es256, pem("rsa-pkcs8"), "not a key for ES256"),
        (
            JwsAlgorithm::Es256,
            pem("p384-pkcs8"),
            "not a key for ES256",
        ),
        (JwsAlgorithm::Es384, pem("p256-sec1"), "not a key for ES384"),
        (JwsAlgorithm::Es512, pem("p256-sec1"), "not a key for ES512"),
        (JwsAlgorithm::Es256, pem("rsa-pkcs1"), "not a key for ES256"),
        (
            JwsAlgorithm::EdDsa,
            pem("p256-pkcs8"),
            "not a key for EdDSA",
        ),
        (
            JwsAlgorithm::Rs256,
            pem("ed25519-pkcs8"),
            "not a key for RS256",
        ),
        (JwsAlgorithm::Hs256, pem("rsa-pkcs8"), "client_secret_jwt"),
        (JwsAlgorithm::Rs256, "hello".into(), "no private key"),
    ];
    for (algorithm, pem, reason) in refusals {
        let error = SigningKey::from_pem(algorithm, &pem).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(reason), "{error}");
    }
    for (jwk, reason) in [
        ("[]", "JSON object"),
        ("{}", "alg"),
        (r#"{"alg":"none"}"#, "alg"),
        (r#"{"alg":"ES256","kty":"EC","crv":"P-256"}"#, "\"d\""),
        (
            r#"{"alg":"ES256","kty":"EC","crv":"P-256","d":"!"}"#,
            "\"d\"",
        ),
        (
            r#"{"alg":"ES256","kty":"EC","crv":"P-256","d":"AQ"}"#,
            "ES256",
        ),
        (
            r#"{"alg":"EdDSA","kty":"OKP","crv":"Ed448","d":"AQ"}"#,
            "EdDSA",
        ),
        (
            r#"{"alg":"HS256","kty":"oct","k":"AQ"}"#,
            "client_secret_jwt",
        ),
    ] {
        let error = SigningKey::from_jwk(jwk).unwrap_err();
        assert!(error.to_string().contains(reason), "{jwk}: {error}");
    }
    let error = SigningKey::generate(JwsAlgorithm::Rs256).unwrap_err();
    assert!(error.to_string().contains("ES256"), "{error}");
}
