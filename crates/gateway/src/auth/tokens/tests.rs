use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::json;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_000;

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn signed(head: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", part(head), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs256(message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), message).as_ref().to_vec()
}

fn token(claims: &Value) -> String {
    signed(&json!({ "alg": "HS256", "typ": "JWT" }), claims, hs256)
}

fn tokens(keys: Vec<TokenKey>) -> Tokens {
    let (audience, issuer) = (Some("shop".to_owned()), Some("me".to_owned()));
    Tokens { keys, audience, issuer, leeway_seconds: 10 }
}

fn of_secret() -> Tokens {
    tokens(vec![TokenKey::secret(Algorithm::Hs256, SECRET).unwrap()])
}

fn good() -> Value {
    json!({ "sub": "alice", "exp": 1_001, "nbf": 999.5, "iss": "me", "aud": ["x", "shop"] })
}

#[test]
fn a_good_token_says_who_calls() {
    let identity = of_secret().verify(&token(&good()), NOW).unwrap();
    assert_eq!((identity.name(), identity.is_read_only()), ("alice", false));
    assert_eq!(identity.claims()["aud"][1], "shop");
}

#[test]
fn each_claim_is_checked() {
    for (claim, value, part) in [
        ("exp", json!(990), "has expired"),
        ("exp", json!(991), ""),
        ("exp", Value::Null, "`exp` is no number"),
        ("exp", json!("1001"), "`exp` is no number"),
        ("nbf", json!(1_010), ""),
        ("nbf", json!(1_011), "not valid yet"),
        ("nbf", json!("99999"), "`nbf` is no number"),
        ("iss", json!("you"), "`iss`"),
        ("iss", json!(["me"]), "`iss`"),
        ("aud", json!("shop"), ""),
        ("aud", json!("shops"), "`aud`"),
        ("aud", json!([]), "`aud`"),
        ("aud", json!({ "shop": 1 }), "`aud`"),
    ] {
        let mut claims = good();
        claims[claim] = value.clone();
        let verified = of_secret().verify(&token(&claims), NOW);
        match part {
            "" => assert!(verified.is_ok(), "{claim} {value}: {verified:?}"),
            part => assert!(verified.unwrap_err().contains(part), "{claim} {value}"),
        }
    }
    let mut claims = good();
    claims.as_object_mut().unwrap().remove("exp");
    assert!(of_secret().verify(&token(&claims), NOW).unwrap_err().contains("no `exp`"));
}

#[test]
fn what_is_not_signed_by_a_key_is_refused() {
    let good = good();
    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&good));
    let valid = token(&good);
    let (kept, signature) = valid.rsplit_once('.').unwrap();
    let other = {
        let mut claims = good.clone();
        claims["sub"] = "root".into();
        format!("{}.{}.{signature}", kept.split_once('.').unwrap().0, part(&claims))
    };
    let critical = signed(&json!({ "alg": "HS256", "crit": ["b64"] }), &good, hs256);
    let hs512 = signed(&json!({ "alg": "HS512" }), &good, hs256);
    for (token, part) in [
        ("", "no JSON Web Token"),
        ("a.b", "no JSON Web Token"),
        ("a.b.c", "no JSON Web Token"),
        (&*unsigned, "algorithm is not accepted"),
        (&*other, "no key of this service"),
        (&*hs512, "no key of this service"),
        (&*critical, "critical headers"),
        (&*format!("{kept}."), "no key of this service"),
        (&*format!("{valid}="), "no JSON Web Token"),
        (&*format!("{valid}.x"), "no JSON Web Token"),
        (&*"x".repeat(TOKEN_BYTES_MAX + 1), "too long"),
    ] {
        let error = of_secret().verify(token, NOW).unwrap_err();
        assert!(error.contains(part), "{token}: {error}");
    }
}

#[test]
fn a_public_key_is_no_secret_and_its_kind_decides() {
    let random = SystemRandom::new();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let x = URL_SAFE_NO_PAD.encode(&public);
    let set = json!({ "keys": [
        { "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "a", "use": "sig" },
        { "kty": "oct", "k": "c2VjcmV0" },
    ] });
    let keys = TokenKey::from_jwks(&set.to_string()).unwrap();
    assert_eq!(keys.len(), 1, "a set of public keys has no secrets");
    let tokens = tokens(keys);
    let sign = |message: &[u8]| pair.sign(message).as_ref().to_vec();
    for (id, is_good) in [("a", true), ("b", false)] {
        let token = signed(&json!({ "alg": "EdDSA", "kid": id }), &good(), sign);
        assert_eq!(tokens.verify(&token, NOW).is_ok(), is_good, "{id}");
    }
    // The public key, which everybody knows, used as the secret of an HMAC.
    let forge = |message: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message).as_ref().to_vec()
    };
    let forged = signed(&json!({ "alg": "HS256" }), &good(), forge);
    assert!(tokens.verify(&forged, NOW).is_err());
}

#[test]
fn keys_of_pem_verify_too() {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
    let head = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let der = [&head[..], pair.public_key().as_ref()].concat();
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let (a, b) = text.split_at(64);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{a}\n{b}\n-----END PUBLIC KEY-----\n");
    let tokens = tokens(vec![TokenKey::from_pem(&pem).unwrap()]);
    let sign = |message: &[u8]| pair.sign(&random, message).unwrap().as_ref().to_vec();
    let token = signed(&json!({ "alg": "ES256" }), &good(), sign);
    assert!(tokens.verify(&token, NOW).is_ok());
    for wrong in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
        assert!(TokenKey::from_pem(wrong).is_err(), "{wrong}");
    }
    assert!(TokenKey::from_jwks("{\"keys\":[]}").is_err());
    assert!(TokenKey::secret(Algorithm::Hs256, b"short").is_err());
}
