use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::json;
use tenure_types::Instant;

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

/// Stands still.
struct At(u64);

impl Clock for At {
    fn now(&self) -> Instant {
        Instant::from_nanos(0)
    }

    fn coarse(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> u64 {
        self.0 * 1_000
    }
}

fn verifier(keys: Vec<TokenKey>) -> TokenVerifier {
    let (audience, issuer) = (Some("shop".to_owned()), Some("me".to_owned()));
    let rules = TokenRules { audience, issuer, leeway_seconds: 10 };
    TokenVerifier::new(keys, rules, Arc::new(At(NOW)))
}

fn of_secret() -> TokenVerifier {
    verifier(vec![TokenKey::secret(Algorithm::Hs256, SECRET).unwrap()])
}

fn why(verified: Result<Claims, TokenError>) -> String {
    verified.unwrap_err().to_string()
}

fn good() -> Value {
    json!({ "sub": "alice", "exp": 1_001, "nbf": 999.5, "iss": "me", "aud": ["x", "shop"] })
}

#[test]
fn a_good_token_says_who_calls() {
    let claims = of_secret().verify(&token(&good())).unwrap();
    assert_eq!((&*claims.subject, claims.expires_unix_seconds), ("alice", 1_001));
    assert_eq!(claims.raw["aud"][1], "shop");
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
        let verified = of_secret().verify(&token(&claims));
        match part {
            "" => assert!(verified.is_ok(), "{claim} {value}: {verified:?}"),
            part => assert!(why(verified).contains(part), "{claim} {value}"),
        }
    }
    let mut claims = good();
    claims.as_object_mut().unwrap().remove("exp");
    assert!(why(of_secret().verify(&token(&claims))).contains("no `exp`"));
}

#[test]
fn a_token_that_was_good_is_told_from_one_that_never_was() {
    let mut claims = good();
    claims["exp"] = json!(990);
    assert_eq!(of_secret().verify(&token(&claims)), Err(TokenError::Expired));
    // A newer one with the same claims would not do either.
    claims["aud"] = json!("other");
    assert_ne!(of_secret().verify(&token(&claims)), Err(TokenError::Expired));
    claims["aud"] = json!("shop");
    let forged = signed(&json!({ "alg": "HS256" }), &claims, |_| vec![0; 32]);
    assert_ne!(of_secret().verify(&forged), Err(TokenError::Expired));
}

#[test]
fn keys_may_be_replaced() {
    let verifier = of_secret();
    let other = TokenKey::secret(Algorithm::Hs256, b"fedcba9876543210fedcba9876543210").unwrap();
    verifier.replace_keys(vec![other]);
    assert!(why(verifier.verify(&token(&good()))).contains("no key of this service"));
    verifier.replace_keys(vec![TokenKey::secret(Algorithm::Hs256, SECRET).unwrap()]);
    assert!(verifier.verify(&token(&good())).is_ok());
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
        let error = why(of_secret().verify(token));
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
    let tokens = verifier(keys);
    let sign = |message: &[u8]| pair.sign(message).as_ref().to_vec();
    for (id, is_good) in [("a", true), ("b", false)] {
        let token = signed(&json!({ "alg": "EdDSA", "kid": id }), &good(), sign);
        assert_eq!(tokens.verify(&token).is_ok(), is_good, "{id}");
    }
    // The public key, which everybody knows, used as the secret of an HMAC.
    let forge = |message: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message).as_ref().to_vec()
    };
    let forged = signed(&json!({ "alg": "HS256" }), &good(), forge);
    assert!(tokens.verify(&forged).is_err());
}

fn pem_of(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

#[test]
fn keys_of_pem_verify_too() {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
    let head = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let pem = pem_of(&[&head[..], pair.public_key().as_ref()].concat());
    let tokens = verifier(vec![TokenKey::from_pem(&pem).unwrap()]);
    let sign = |message: &[u8]| pair.sign(&random, message).unwrap().as_ref().to_vec();
    let token = signed(&json!({ "alg": "ES256" }), &good(), sign);
    assert!(tokens.verify(&token).is_ok());

    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let head = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let pem = pem_of(&[&head[..], pair.public_key().as_ref()].concat());
    let tokens = verifier(vec![TokenKey::from_pem(&pem).unwrap()]);
    let sign = |message: &[u8]| pair.sign(message).as_ref().to_vec();
    let token = signed(&json!({ "alg": "EdDSA" }), &good(), sign);
    assert!(tokens.verify(&token).is_ok());
}

/// Of this key `RS256` is a token: made with openssl, the private key thrown away.
const RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArftO1lqTZXRf4LXiwcT0
G8qIxLcjwwRZRCbffzFtjA37K0DmpjbwPEXY+8bTEDjjAmt58Kw2wQI3vBbPLe72
uZ9r8QSDuHSPLHfptVHJe6JLdnsUWG6gS2+hxI0jVCDXKGnSTipF+AD4/RNi7Dmt
bWrGnJgP96DHLeLyPKk04+MSYCaCn82PlGNAx4GFLOp2/xKtxiUwlHnq/tQxEEvs
2tYIYlJ0Rm/P2nlVq+njqFKC9zyJEKnKulfNLw0tFDcfBX6RyJ22PFV3agfV1fqu
Rne+tnt9fYWvJrhglHYyXJXIwzJw2OrzidYDMR/FP5OSi1pk9KyLubKPxXzHc7hv
DwIDAQAB
-----END PUBLIC KEY-----
";
const RSA_MODULUS: &str = "rftO1lqTZXRf4LXiwcT0G8qIxLcjwwRZRCbffzFtjA37K0DmpjbwPEXY-8bTEDjjAmt58Kw2wQI3vBbPLe72uZ9r8QSD\
    uHSPLHfptVHJe6JLdnsUWG6gS2-hxI0jVCDXKGnSTipF-AD4_RNi7DmtbWrGnJgP96DHLeLyPKk04-MSYCaCn82PlGNA\
    x4GFLOp2_xKtxiUwlHnq_tQxEEvs2tYIYlJ0Rm_P2nlVq-njqFKC9zyJEKnKulfNLw0tFDcfBX6RyJ22PFV3agfV1fqu\
    Rne-tnt9fYWvJrhglHYyXJXIwzJw2OrzidYDMR_FP5OSi1pk9KyLubKPxXzHc7hvDw";
/// `{"sub":"alice","exp":1001,"iss":"me","aud":"shop"}`
const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTAwMSwiaXNzIjoibWUiLCJhdWQiOiJzaG9wIn0.fOX\
    RSPAhwPkW_Zxwo1A_kmf87HQlIew_yns3jo859vm2LMr5Q-HBS0XB6fi8oTT-xtaDAHjlDV8CuzOyEoVXDgJmWTlxXxK\
    gwiD_kSpDa2pXudsXydZasZNjmPOflLyydPQY9jzSYBhT1B6CDH5R5scTJFC3QruCbt1SVrtJ_-EhzHhljLLNpO4gsDY\
    OlKEapwCJyVjEJMJgOCigzv-cGVDm9t2UmzecrspR8uaVdaoDFsVGN0ePN1Dfc3I554elAs3EWunsdErPSjxDJ30dmxi\
    F5s38eXAe854uWYK7oMLNK-Nzvvo4X8RgjUI_EoLab7wdhld9A4mhLAg_-sbS_g";

#[test]
fn an_rsa_key_of_pem_or_a_set_verifies() {
    let set = json!({ "keys": [{ "kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "alg": "RS256" }] });
    let of_set = TokenKey::from_jwks(&set.to_string()).unwrap();
    for keys in [vec![TokenKey::from_pem(RSA_PEM).unwrap()], of_set] {
        let verifier = verifier(keys);
        assert_eq!(verifier.verify(RS256).unwrap().subject, "alice");
        let (signed, signature) = RS256.rsplit_once('.').unwrap();
        let signature = signature.replacen('f', "g", 1);
        let changed = format!("{signed}.{signature}");
        assert!(why(verifier.verify(&changed)).contains("no key of this service"));
        // The public key, which everybody knows, used as the secret of an HMAC.
        let forge = |message: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, RSA_PEM.as_bytes());
            hmac::sign(&key, message).as_ref().to_vec()
        };
        assert!(verifier.verify(&signed_with("HS256", forge)).is_err());
    }
}

fn signed_with(algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    signed(&json!({ "alg": algorithm }), &good(), sign)
}

#[test]
fn what_is_no_key_is_refused_with_its_reason() {
    let p_384 = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEcnHMRhujjEWlEUU0vFAfCFpyJ8Yl7F1F
Jj+WNGt0IsEcD8GJoIEaoKfhbRz7H2o2r0h+u0kGqBoQmyTNuOvD+fojh840/I6q
MLlrueQm75/Fr2GaeD29spnNaRvHhAxw
-----END PUBLIC KEY-----
";
    let private = RSA_PEM.replace("PUBLIC KEY", "PRIVATE KEY");
    for (pem, part) in [
        ("", "is no PEM"),
        (&*private, "is no PEM with `BEGIN PUBLIC KEY`"),
        (&*RSA_PEM.replacen("MIIB", "MI!B", 1), "is no PEM"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "something else"),
        (p_384, "none of RSA, P-256 and Ed25519"),
    ] {
        let error = TokenKey::from_pem(pem).unwrap_err().to_string();
        assert!(error.contains(part), "{pem}: {error}");
    }
    assert!(TokenKey::from_jwks("{\"keys\":[]}").is_err());
    assert!(TokenKey::secret(Algorithm::Hs256, b"short").is_err());
}
