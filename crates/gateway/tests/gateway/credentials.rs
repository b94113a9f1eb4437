//! API keys and tokens.

use std::sync::Arc;

use tenure_gateway::{
    Access, Algorithm, ApiKeys, Authorise, Credentials, Refusal, TokenKey, TokenRules,
    TokenVerifier,
};
use tenure_types::{BoxFuture, Clock, Instant};

use crate::world::{World, get, post};

const ALICE: &str = "alices-secret-key";
const KEYS: &str = "alice alices-secret-key\nbob bobs-other-secret-key read-only";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// For `{"sub":"carol","role":"guest","exp":4102444800}` and [`SECRET`].
const CAROL: &str = "eyJhbGciOiJIUzI1NiJ9.\
    eyJzdWIiOiJjYXJvbCIsInJvbGUiOiJndWVzdCIsImV4cCI6NDEwMjQ0NDgwMH0.\
    jWjyYzfMreCiVjoyB7EBDOx6JzA9G-SAMVb-AtphBYM";

/// Stands still at the beginning of Unix time.
struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn coarse(&self) -> Instant {
        Instant::ZERO
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

fn credentials() -> Arc<Credentials> {
    let key = TokenKey::secret(Algorithm::Hs256, SECRET).unwrap();
    let clock = Arc::new(Epoch);
    let tokens = TokenVerifier::new(vec![key], TokenRules::default(), clock);
    Arc::new(Credentials::new(ApiKeys::parse(KEYS).unwrap(), Some(Arc::new(tokens))))
}

fn with(request: &str, header: &str) -> String {
    request.replacen("host: t\r\n", &format!("host: t\r\n{header}\r\n"), 1)
}

#[test]
fn only_who_has_a_key_or_a_token_may_call() {
    let world = World::closed(credentials(), None);
    let call = post("/v1/counter/42/add", "5");
    for (header, status, part) in [
        ("x-api-key: alices-secret-key", 200, ""),
        ("authorization: Bearer alices-secret-key", 200, ""),
        ("authorization: bearer alices-secret-key", 200, ""),
        (&*format!("authorization: Bearer {CAROL}"), 200, ""),
        ("x-other: 1", 401, "say who calls"),
        ("x-api-key: alices-secret-kez", 401, "X-API-Key is no key"),
        ("x-api-key:", 401, "X-API-Key is no key"),
        ("authorization: Basic YTpi", 401, "not `Bearer` and a word"),
        ("authorization: Bearer", 401, "not `Bearer` and a word"),
        ("authorization: Bearer x.y.z", 401, "no JSON Web Token"),
        ("x-api-key: bobs-other-secret-key", 403, "may only call methods that read"),
        ("x-api-key: alices-secret-key\r\nx-api-key: x", 400, "occurs more than once"),
    ] {
        let reply = world.ask(&with(&call, header));
        assert_eq!(reply.status, status, "{header}: {reply:?}");
        assert_eq!(reply.header("www-authenticate").is_some(), status == 401, "{header}");
        assert!(reply.body.contains(part), "{header}: {reply:?}");
        assert!(!reply.body.contains("secret"), "{reply:?}");
    }
    let read = with(&get("/v1/counter/42/get"), "x-api-key: bobs-other-secret-key");
    assert_eq!(world.ask(&read).body, "20");
}

#[test]
fn keys_are_replaced_while_the_gateway_serves() {
    let credentials = credentials();
    let world = World::closed(Arc::clone(&credentials), None);
    let mut client = world.client();
    let call = with(&post("/v1/counter/42/add", "5"), &format!("x-api-key: {ALICE}"));
    assert_eq!(client.ask(&call).status, 200);
    credentials.replace_keys(ApiKeys::parse("alice another-secret-key").unwrap());
    assert_eq!(client.ask(&call).status, 401, "on the same connection");
    let token = with(&post("/v1/counter/42/add", "5"), &format!("authorization: Bearer {CAROL}"));
    assert_eq!(client.ask(&token).status, 200);
    credentials.tokens().unwrap().replace_keys(Vec::new());
    assert_eq!(client.ask(&token).status, 401);
}

/// Lets guests do nothing.
struct NoGuests;

impl Authorise for NoGuests {
    fn authorise<'a>(&'a self, access: Access<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        let identity = access.identity.expect("whoever comes here was let in");
        let is_guest = identity.claims().get("role").is_some_and(|role| role == "guest");
        let detail = format!("{} is a guest", identity.name()).into();
        Box::pin(async move { if is_guest { Err(Refusal::Forbidden { detail }) } else { Ok(()) } })
    }
}

#[test]
fn the_hook_knows_who_calls() {
    let world = World::closed(credentials(), Some(Arc::new(NoGuests)));
    let call = post("/v1/counter/42/add", "5");
    let reply = world.ask(&with(&call, &format!("x-api-key: {ALICE}")));
    assert_eq!(reply.status, 200);
    let reply = world.ask(&with(&call, &format!("authorization: Bearer {CAROL}")));
    assert_eq!(reply.problem(403, "denied"), "carol is a guest");
}
