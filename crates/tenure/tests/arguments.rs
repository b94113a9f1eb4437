//! How arguments are written as JSON and as a query: one rule for every text protocol.

use tenure::__private::{Arguments, JSON_DEPTH_MAX, Shape, decode_json, decode_query};
use tenure::prelude::*;

/// Something that is no plain value.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Across.
    pub x: i32,
    /// Up.
    #[serde(default)]
    pub y: i32,
}

#[tenure::data]
#[derive(Default)]
struct Board;

#[actor]
impl Board {
    pub fn none(&self) {}
    pub fn number(&self, by: i64) {
        let _ = by;
    }
    pub fn maybe(&self, text: Option<String>) {
        let _ = text;
    }
    pub fn point(&self, at: Point) {
        let _ = at;
    }
    pub fn list(&self, of: Vec<Vec<i32>>) {
        let _ = of;
    }
    pub fn two(&self, name: String, times: u8, note: Option<String>) {
        let _ = (name, times, note);
    }
}

fn json<M: Arguments, T>(body: &str, field: impl FnOnce(M) -> T) -> Result<T, String> {
    decode_json::<M>(body.as_bytes()).map(field).map_err(|error| error.to_string())
}

#[test]
fn no_argument_is_nothing_null_or_an_empty_object() {
    for body in ["", " \n", "null", " null ", "{}", " { } "] {
        assert_eq!(json(body, |BoardNone {}| ()), Ok(()), "{body:?}");
    }
    for body in ["0", "[]", "\"\"", "{\"by\": 1}", "{} {}", "nul", "{"] {
        let error = json(body, |BoardNone {}| ()).unwrap_err();
        let expected = "`none` takes no argument: send an empty body, null or {}; ";
        assert!(error.starts_with(expected), "{body:?}: {error}");
    }
}

#[test]
fn one_plain_argument_is_the_body_or_a_named_value() {
    for (body, expected) in
        [("5", 5), (" -5 ", -5), ("{\"by\": 5}", 5), ("{\"by\":\n5}", 5), ("0", 0)]
    {
        assert_eq!(json(body, |m: BoardNumber| m.by), Ok(expected), "{body:?}");
    }
    for (body, what) in [
        ("", "the body is empty"),
        ("null", "invalid type: null"),
        ("\"5\"", "invalid type: string"),
        ("5.5", "invalid type: floating point"),
        ("5 6", "trailing characters"),
        ("5}", "trailing characters"),
        ("[5]", "invalid type: sequence"),
        ("{}", "missing field `by`"),
        ("{\"by\": \"x\"}", "invalid type: string"),
        ("{\"by\": 5, \"to\": 6}", "unknown field `to`"),
        ("{\"by\": 5, \"by\": 6}", "duplicate field `by`"),
        ("{\"by\": 5}x", "trailing characters"),
        ("{\"by\": 5", "EOF"),
        ("99999999999999999999", "invalid type: floating point"),
    ] {
        let error = json(body, |m: BoardNumber| m.by).unwrap_err();
        assert!(error.starts_with("`number` takes one argument: "), "{body:?}: {error}");
        assert!(error.contains(what), "{body:?}: {error}");
    }
}

#[test]
fn a_text_without_quotes_is_told_how_it_is_written() {
    let error = |body: &str| json(body, |m: BoardMaybe| m.text).unwrap_err();
    for (body, hint) in [
        ("hello", "as in curl -d '\"hello\"'"),
        ("say hi", "as in curl -d '\"say hi\"'"),
        ("5", "as in curl -d '\"5\"'"),
        (&"x".repeat(100), "as in curl -d '\"..\"'"),
    ] {
        assert!(error(body).ends_with(hint), "{body}: {}", error(body));
    }
    for body in ["\"hello", "{\"text\": hello}", "[1]", ""] {
        assert!(!error(body).contains("quotes"), "{body}: {}", error(body));
    }
    let number = json("five", |m: BoardNumber| m.by).unwrap_err();
    assert!(!number.contains("quotes"), "a text would not do: {number}");
}

#[test]
fn an_optional_argument_may_be_null() {
    for (body, expected) in [
        ("null", None),
        ("\"x\"", Some("x")),
        ("{}", None),
        ("{\"text\": null}", None),
        ("{\"text\": \"x\"}", Some("x")),
    ] {
        let text = json(body, |m: BoardMaybe| m.text);
        assert_eq!(text, Ok(expected.map(str::to_owned)), "{body:?}");
    }
}

#[test]
fn one_argument_of_several_parts_is_the_body() {
    assert_eq!(json("{\"x\": 1, \"y\": 2}", |m: BoardPoint| m.at), Ok(Point { x: 1, y: 2 }));
    assert_eq!(json("{\"x\": 1}", |m: BoardPoint| m.at), Ok(Point { x: 1, y: 0 }));
    assert_eq!(json("[[1], []]", |m: BoardList| m.of), Ok(vec![vec![1], vec![]]));
    for body in ["{\"at\": {\"x\": 1}}", "{\"x\": 1, \"x\": 2}", "[\"a\", 2]", "1"] {
        assert!(json(body, |m: BoardPoint| m.at).is_err(), "{body:?}");
    }
    assert_eq!(BoardPoint::SHAPE, Shape::One { name: "at", scalar: false });
}

#[test]
fn several_arguments_are_an_object_of_names() {
    let all = |m: BoardTwo| (m.name, m.times, m.note);
    for body in [
        "{\"name\": \"a\", \"times\": 2}",
        "{\"times\": 2, \"name\": \"a\"}",
        "{\"name\": \"a\", \"times\": 2, \"note\": null}",
    ] {
        assert_eq!(json(body, all), Ok(("a".to_owned(), 2, None)), "{body:?}");
    }
    for (body, what) in [
        ("", "the body is empty"),
        ("[\"a\", 2, null]", "this is no object"),
        ("null", "this is no object"),
        ("{}", "missing field `name`"),
        ("{\"name\": \"a\"}", "missing field `times`"),
        ("{\"name\": \"a\", \"times\": 256}", "invalid value: integer `256`"),
        ("{\"name\": \"a\", \"times\": 2, \"x\": 1}", "unknown field `x`"),
        ("{\"name\": \"a\", \"name\": \"b\", \"times\": 2}", "duplicate field `name`"),
    ] {
        let error = json(body, all).unwrap_err();
        let expected =
            "`two` takes 3 arguments: send {\"name\": .., \"times\": .., \"note\": ..}; ";
        assert!(error.starts_with(expected), "{body:?}: {error}");
        assert!(error.contains(what), "{body:?}: {error}");
    }
}

#[test]
fn nesting_is_bounded_before_anything_is_parsed() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let error = json(&nested(JSON_DEPTH_MAX + 1), |m: BoardList| m.of).unwrap_err();
    assert!(error.contains("nested deeper than 64 levels"), "{error}");
    let error = json(&nested(JSON_DEPTH_MAX), |m: BoardList| m.of).unwrap_err();
    assert!(!error.contains("nested deeper"), "{error}");
    let text = format!("\"{}\\\"{}\"", "[".repeat(100), "{".repeat(100));
    assert!(json(&text, |m: BoardMaybe| m.text).unwrap().is_some());
    let closed = "]".repeat(100) + &nested(JSON_DEPTH_MAX + 1);
    assert!(json(&closed, |m: BoardList| m.of).unwrap_err().contains("nested deeper"));
    let bottomless = "[".repeat(1 << 20);
    assert!(json(&bottomless, |m: BoardList| m.of).unwrap_err().contains("nested deeper"));
}

#[test]
fn a_query_carries_plain_values() {
    let query = |text: &str| decode_query::<BoardTwo>(text).map(|m| (m.name, m.times, m.note));
    for text in ["name=a%20b&times=2", "times=2&name=a+b"] {
        assert_eq!(query(text).unwrap(), ("a b".to_owned(), 2, None), "{text:?}");
    }
    assert_eq!(query("name=&times=0&note=x").unwrap().2.as_deref(), Some("x"));
    for text in
        ["", "name=a", "name=a&times=x", "name=a&times=2&x=1", "name=a&name=b&times=2", "times=-1"]
    {
        assert!(query(text).is_err(), "{text:?}");
    }
    assert_eq!(decode_query::<BoardNumber>("by=-3").unwrap().by, -3);
    assert!(decode_query::<BoardNone>("").is_ok());
    assert!(decode_query::<BoardNone>("x=1").is_err());
}
