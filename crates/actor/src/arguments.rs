mod whole;

use serde::Deserializer;
use tenure_types::CallError;

use crate::Message;

/// How deep JSON arguments may be nested.
pub const JSON_DEPTH_MAX: usize = 64;

/// The longest text that an error repeats to show how it is quoted.
const QUOTED_BYTES_MAX: usize = 64;

/// How many arguments a method takes, which decides how they are written (one rule for HTTP and
/// every other text protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No argument: an empty body, `null` or `{}`.
    None,
    /// One argument: the body is the argument.
    One {
        /// The argument's name.
        name: &'static str,
        /// Whether it is a plain value (number, text, truth value or an `Option` of one); then
        /// `{"name": value}` is accepted as well.
        scalar: bool,
    },
    /// Two or more arguments: an object of names.
    Named(&'static [&'static str]),
}

/// The arguments of a message as text. `#[actor]` writes this.
pub trait Arguments: Message {
    /// How many there are.
    const SHAPE: Shape;

    /// Reads the message from its single argument; fails where there is not exactly one.
    ///
    /// # Errors
    /// What the deserializer says.
    fn from_single<'de, D: Deserializer<'de>>(single: D) -> Result<Self, D::Error>;
}

/// Reads arguments from a JSON body.
///
/// # Errors
/// `BadRequest` that names the method, what it expects, and what is wrong.
pub fn decode_json<M: Arguments>(body: &[u8]) -> Result<M, CallError> {
    check_depth(body).map_err(|detail| bad::<M>(&detail))?;
    let body = body.trim_ascii();
    match M::SHAPE {
        Shape::None if body.is_empty() || body == b"null" => from_json::<M>(b"{}"),
        _ if body.is_empty() => Err(bad::<M>("the body is empty")),
        Shape::One { scalar: true, .. } if body[0] == b'{' => from_json::<M>(body),
        Shape::One { .. } => from_single(body),
        // serde would read an array as the arguments in their order.
        Shape::None | Shape::Named(_) if body[0] != b'{' => Err(bad::<M>("this is no object")),
        Shape::None | Shape::Named(_) => from_json::<M>(body),
    }
}

/// Reads scalar arguments from the query of a URL.
///
/// # Errors
/// `BadRequest` as above.
pub fn decode_query<M: Arguments>(query: &str) -> Result<M, CallError> {
    serde_html_form::from_str(query).map_err(|error| bad::<M>(&error.to_string()))
}

fn from_json<M: Arguments>(body: &[u8]) -> Result<M, CallError> {
    or_whole(body, |body| serde_json::from_slice(body))
}

fn from_single<M: Arguments>(body: &[u8]) -> Result<M, CallError> {
    or_whole(body, single)
}

fn single<M: Arguments>(body: &[u8]) -> Result<M, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    M::from_single(&mut reader).and_then(|message| reader.end().map(|()| message))
}

/// How to write `body` where it is a text that somebody forgot to quote.
fn quoted<M: Arguments>(body: &[u8]) -> Option<String> {
    let is_one = matches!(M::SHAPE, Shape::One { scalar: true, .. });
    if !is_one || body.first().is_none_or(|first| b"\"{[".contains(first)) {
        return None;
    }
    let text = serde_json::to_string(std::str::from_utf8(body).ok()?).ok()?;
    single::<M>(text.as_bytes()).ok()?;
    let shown = if text.len() <= QUOTED_BYTES_MAX { text } else { "\"..\"".to_owned() };
    Some(format!("; a text is sent with its quotes, as in curl -d '{shown}'"))
}

/// Reads `body`; where that fails, with its whole numbers written as such. To JSON Schema, and to
/// the clients made by it, `160.0` is an integer; to serde it is none.
fn or_whole<M: Arguments>(
    body: &[u8],
    read: impl Fn(&[u8]) -> Result<M, serde_json::Error>,
) -> Result<M, CallError> {
    let error = match read(body) {
        Ok(message) => return Ok(message),
        Err(error) => error,
    };
    let whole = whole::numbers(body).and_then(|body| read(&body).ok());
    whole.ok_or_else(|| {
        let hint = quoted::<M>(body).unwrap_or_default();
        bad::<M>(&format!("{error}{hint}"))
    })
}

fn bad<M: Arguments>(what: &str) -> CallError {
    let expected = match M::SHAPE {
        Shape::None => "takes no argument: send an empty body, null or {}".to_owned(),
        Shape::One { name, scalar: true } => {
            format!("takes one argument: send the JSON value of `{name}`, or {{\"{name}\": ..}}")
        }
        Shape::One { name, .. } => format!("takes one argument: send the JSON value of `{name}`"),
        Shape::Named(names) => {
            let fields: Vec<_> = names.iter().map(|name| format!("\"{name}\": ..")).collect();
            format!("takes {} arguments: send {{{}}}", names.len(), fields.join(", "))
        }
    };
    CallError::BadRequest { detail: format!("`{}` {expected}; {what}", M::METHOD).into() }
}

/// Refuses nesting past [`JSON_DEPTH_MAX`] before anything is parsed.
fn check_depth(body: &[u8]) -> Result<(), String> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for &byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return Err(format!("the JSON is nested deeper than {JSON_DEPTH_MAX} levels"));
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
