use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

/// What there is to know of a request with these headers.
fn check(pairs: &[(&'static str, &'static str)]) -> Result<Asked<'static>, Box<Problem>> {
    let headers = Box::leak(Box::new(headers(pairs)));
    Head::read(headers)?.check(false, true)
}

#[test]
fn other_sites_can_only_send_json() {
    let (json, form, text) = (
        ("content-type", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "text/plain;charset=UTF-8"),
    );
    let origin = ("origin", "https://evil.example");
    let site = |site| ("sec-fetch-site", site);
    for (pairs, ok) in [
        (vec![], true),
        (vec![json], true),
        (vec![form], true),
        (vec![text], true),
        (vec![json, origin], true),
        (vec![json, site("cross-site")], true),
        (vec![origin], false),
        (vec![form, origin], false),
        (vec![text, origin], false),
        (vec![form, ("origin", "null")], false),
        (vec![form, site("cross-site")], false),
        (vec![form, site("CROSS-SITE")], false),
        (vec![form, site("none")], true),
        (vec![form, site("same-origin")], true),
        (vec![site("cross-site")], false),
        (vec![("content-type", "multipart/form-data")], false),
        (vec![("content-type", "application/jsonp")], false),
        (vec![("content-type", "application/xml")], false),
        (vec![("content-type", "")], false),
        (vec![("content-type", "APPLICATION/JSON ; charset=utf-8")], true),
        (vec![("content-type", "application/json;charset=\"UTF-8\"")], true),
        (vec![("content-type", "application/json; charset=latin1")], false),
        // Nor does a header that a form cannot have make a request one of this site.
        (vec![form, origin, ("idempotency-key", "k")], false),
        (vec![json, origin, ("idempotency-key", "k")], true),
        (vec![json, ("content-encoding", "gzip")], false),
        (vec![json, ("content-encoding", "identity")], true),
    ] {
        let status = check(&pairs).map_err(|problem| problem.status.as_u16());
        assert_eq!(status.map(drop), if ok { Ok(()) } else { Err(415) }, "{pairs:?}");
    }
}

#[test]
fn what_may_occur_once_may_not_occur_twice() {
    for name in [
        "content-type",
        "content-length",
        "host",
        "origin",
        "authorization",
        "cookie",
        "grpc-timeout",
        "connect-timeout-ms",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "traceparent",
    ] {
        let headers = headers(&[(name, "1"), (name, "1")]);
        let problem = Head::read(&headers).unwrap_err();
        assert_eq!(problem.status.as_u16(), 400, "{name}");
        assert!(problem.detail.contains(name), "{}", problem.detail);
    }
    assert!(Head::read(&headers(&[("accept", "a"), ("accept", "b")])).is_ok());
}

#[test]
fn a_precondition_is_read_or_refused() {
    let asked = check(&[("if-match", "*")]).unwrap();
    assert_eq!(asked.precondition, Some(tenure_actor::Precondition::Exists));
    let problem = check(&[("if-match", "x")]).unwrap_err();
    assert_eq!(problem.status.as_u16(), 400);
    assert!(problem.detail.contains("double quotes"), "{}", problem.detail);
}

#[test]
fn a_key_is_read_or_refused() {
    for (value, key) in [("k-1", "k-1"), ("\"k-1\"", "k-1")] {
        let asked = check(&[("idempotency-key", value)]).unwrap();
        assert_eq!(asked.idempotency_key, Some(key));
    }
    assert_eq!(check(&[]).unwrap().idempotency_key, None);
    let problem = check(&[("idempotency-key", "")]).unwrap_err();
    assert_eq!((problem.status.as_u16(), &*problem.code), (400, "bad_request"));
}

#[test]
fn preferences_are_read_from_all_of_their_headers() {
    let prefer = |value| ("prefer", value);
    for (pairs, durable) in [
        (vec![], false),
        (vec![prefer("wait=durable")], true),
        (vec![prefer("respond-async"), prefer("return=minimal, wait=durable")], true),
        (vec![prefer("wait=durable"), prefer("wait=5")], true),
        (vec![prefer("wait=5"), prefer("wait=durable")], false),
    ] {
        assert_eq!(check(&pairs).unwrap().durable, durable, "{pairs:?}");
    }
}

#[test]
fn a_deadline_is_read_or_refused() {
    let asked = check(&[("grpc-timeout", "250m")]).unwrap();
    assert_eq!(asked.budget, Some(Duration::from_millis(250)));
    for (grpc, connect) in [("40m", "1000"), ("1S", "40")] {
        let asked = check(&[("grpc-timeout", grpc), ("connect-timeout-ms", connect)]).unwrap();
        assert_eq!(asked.budget, Some(Duration::from_millis(40)), "the shorter one");
    }
    let asked = check(&[("connect-timeout-ms", "40")]).unwrap();
    assert_eq!(asked.budget, Some(Duration::from_millis(40)));
    for pairs in [
        vec![("grpc-timeout", "soon")],
        vec![("connect-timeout-ms", "-1")],
        vec![("connect-timeout-ms", "")],
        vec![("connect-timeout-ms", "7"), ("grpc-timeout", "soon")],
    ] {
        assert_eq!(check(&pairs).unwrap_err().status.as_u16(), 400, "{pairs:?}");
    }
}

#[test]
fn the_length_is_known_before_the_body_is_read() {
    for (pairs, content_length, has_body) in [
        (vec![], None, false),
        (vec![("content-length", "0")], Some(0), false),
        (vec![("content-length", "12")], Some(12), true),
        (vec![("transfer-encoding", "chunked")], None, true),
    ] {
        let asked = check(&pairs).unwrap();
        assert_eq!((asked.content_length, asked.has_body), (content_length, has_body));
    }
}

#[test]
fn http_1_1_needs_a_host() {
    let without = headers(&[]);
    let head = Head::read(&without).unwrap();
    assert_eq!(head.check(true, true).unwrap_err().status.as_u16(), 400);
    assert!(head.check(false, true).is_ok());
}
