use super::*;
use crate::server::jwt::CompactJwt;

/// RFC 7515 A.1.1: the payload of A.1, A.2 and A.3.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn key(algorithm: JwtAlgorithm, jwk: &str) -> PublicKey {
    PublicKey::read(algorithm, jwk).unwrap().remove(0)
}

/// It verifies, and does not once the last octet of the signature or of the message is another.
fn assert_verifies(key: &PublicKey, message: &str, signature: &str) {
    let mut signature = decode(signature);
    assert!(key.verifies(message, &signature), "{key:?}");
    assert!(!key.verifies(&message[..message.len() - 1], &signature));
    *signature.last_mut().unwrap() ^= 1;
    assert!(!key.verifies(message, &signature));
}

#[test]
fn rfc7515_a1_hs256() {
    let secret = decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    );
    let message = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD}");
    let mac = decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert!(mac_verifies(JwtAlgorithm::Hs256, &secret, &message, &mac));
    assert!(!mac_verifies(
        JwtAlgorithm::Hs256,
        &secret[1..],
        &message,
        &mac
    ));
    assert!(!mac_verifies(JwtAlgorithm::Hs384, &secret, &message, &mac));
    assert!(!mac_verifies(JwtAlgorithm::Rs256, &secret, &message, &mac));
}

#[test]
fn rfc7515_a2_rs256() {
    let jwk = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
    assert_verifies(
        &key(JwtAlgorithm::Rs256, jwk),
        &format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}"),
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
}

#[test]
fn rfc7515_a3_es256() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    assert_verifies(
        &key(JwtAlgorithm::Es256, jwk),
        &format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}"),
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
}

#[test]
fn rfc7515_a4_es512() {
    let jwk = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
    assert_verifies(
        &key(JwtAlgorithm::Es512, jwk),
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
        "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    );
}

#[test]
fn rfc8037_a4_eddsa() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_verifies(
        &key(JwtAlgorithm::EdDsa, jwk),
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
}

/// Made by joserfc 1.x (Python, on pyca/cryptography), one JWS an algorithm with its key in both forms.
#[test]
fn every_algorithm_agrees_with_an_independent_library() {
    let vectors: Value = serde_json::from_str(include_str!("joserfc.json")).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert_eq!(vectors.len(), JwtAlgorithm::ALL.len());
    for (vector, algorithm) in vectors.iter().zip(JwtAlgorithm::ALL) {
        assert_eq!(vector["alg"], algorithm.name());
        let jwt = CompactJwt::parse(vector["jws"].as_str().unwrap()).unwrap();
        assert_eq!(JwtAlgorithm::of(&jwt.header), Ok(algorithm));
        let (message, signature) = (jwt.signing_input, URL_SAFE_NO_PAD.encode(&jwt.signature));
        if algorithm.is_symmetric() {
            let secret = decode(vector["jwk"]["k"].as_str().unwrap());
            assert!(mac_verifies(algorithm, &secret, message, &jwt.signature));
            assert!(!mac_verifies(algorithm, &secret, "else", &jwt.signature));
        } else {
            let jwk = vector["jwk"].to_string();
            assert_verifies(&key(algorithm, &jwk), message, &signature);
            let pem = vector["pem"].as_str().unwrap();
            assert_verifies(&key(algorithm, pem), message, &signature);
        }
    }
}

#[test]
fn a_key_of_one_algorithm_is_none_for_another() {
    let vectors: Value = serde_json::from_str(include_str!("joserfc.json")).unwrap();
    for vector in vectors.as_array().unwrap() {
        for algorithm in JwtAlgorithm::ALL {
            let jwk = &vector["jwk"];
            let fits = algorithm.key_type()
                == (
                    jwk["kty"].as_str().unwrap(),
                    jwk["crv"].as_str().filter(|crv| !crv.is_empty()),
                );
            let fits = fits && !algorithm.is_symmetric();
            assert_eq!(
                PublicKey::read(algorithm, &jwk.to_string()).is_ok(),
                fits,
                "{algorithm} {jwk}"
            );
            if let Some(pem) = vector["pem"].as_str() {
                assert_eq!(PublicKey::read(algorithm, pem).is_ok(), fits, "{algorithm}");
            }
        }
    }
}

#[test]
fn what_a_jwk_says_of_its_use_is_obeyed() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let jwk = |more: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{more}}}"#);
    let read = |more: &str| PublicKey::read(JwtAlgorithm::EdDsa, &jwk(more));
    assert!(read(r#","alg":"EdDSA","use":"sig""#).is_ok());
    assert!(
        read(r#","alg":"ES256""#)
            .unwrap_err()
            .contains("another alg")
    );
    assert!(
        read(r#","use":"enc""#)
            .unwrap_err()
            .contains("not for signatures")
    );
    let set = format!(r#"{{"keys":[{},{}]}}"#, jwk(""), jwk(r#","kid":"2""#));
    let ids: Vec<_> = PublicKey::read(JwtAlgorithm::EdDsa, &set)
        .unwrap()
        .into_iter()
        .map(|key| key.id)
        .collect();
    assert_eq!(ids, [None, Some("2".to_owned())]);
    assert!(PublicKey::read(JwtAlgorithm::EdDsa, "no key").is_err());
    assert!(PublicKey::read(JwtAlgorithm::EdDsa, "-----BEGIN PUBLIC KEY-----\n?").is_err());
}

fn thumbprint_of(jwk: &str) -> String {
    thumbprint(
        serde_json::from_str::<Value>(jwk)
            .unwrap()
            .as_object()
            .unwrap(),
    )
    .unwrap()
}

#[test]
fn rfc7638_3_1_thumbprint() {
    let jwk = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    assert_eq!(
        thumbprint_of(jwk),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

#[test]
fn rfc8037_a3_thumbprint() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_eq!(
        thumbprint_of(jwk),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn rfc9449_4_1_proof_and_6_1_thumbprint() {
    let proof = concat!(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0Vj",
        "NoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5",
        "VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TV",
        "CIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8",
        "lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
    );
    let jwt = CompactJwt::parse(proof).unwrap();
    let jwk = jwt.header["jwk"].as_object().unwrap();
    let signature = URL_SAFE_NO_PAD.encode(&jwt.signature);
    let key = PublicKey::from_jwk(JwtAlgorithm::Es256, jwk).unwrap();
    assert_verifies(&key, jwt.signing_input, &signature);
    assert_eq!(
        thumbprint(jwk).unwrap(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
}

#[test]
fn rfc9449_7_1_ath() {
    let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    assert_eq!(sha256(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
}
