//! `#[problem(status = 409, code = "seat_taken", "seat {seat} is taken")]`, and with status 429 or 503
//! `retry_after = "1s"`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Fields, LitInt, LitStr, Token};

use super::message::{self, Message};
use crate::case;
use crate::duration;
use crate::report::Report;

const STATUS_DEFAULT: u16 = 422;
const RETRY_AFTER_MAX_MS: u64 = 24 * 3_600_000;

/// One way to fail: a variant, or the whole struct.
pub(super) struct Case {
    /// How its pattern begins, as in `Self::SeatTaken`.
    pub(super) path: TokenStream,
    pub(super) cfgs: Vec<Attribute>,
    pub(super) status: u16,
    /// When the same call may be made again, in milliseconds.
    pub(super) retry_after_ms: Option<u64>,
    pub(super) code: String,
    pub(super) message: Message,
    code_span: Span,
}

impl Case {
    /// Reads a case; what is wrong goes to `report` and keeps its default.
    pub(super) fn new(
        ident: &Ident,
        path: TokenStream,
        attributes: &[Attribute],
        fields: &Fields,
        problems: &[Attribute],
        report: &mut Report,
    ) -> Self {
        if let Some(second) = problems.get(1) {
            report.add(syn::Error::new_spanned(second, "`#[problem]` is given twice"));
        }
        let problem = problems
            .first()
            .and_then(|attribute| report.keep(attribute.parse_args::<Problem>()))
            .unwrap_or_default();
        problem.check_retry(ident.span(), report);
        let code_span = problem.code.as_ref().map_or_else(|| ident.span(), LitStr::span);
        let code = match &problem.code {
            Some(code) => code.value(),
            None => case::snake(&ident.unraw().to_string()),
        };
        let message = problem
            .message
            .and_then(|literal| report.keep(message::parse(&literal, fields)))
            .unwrap_or_else(|| Message::plain(&code.replace('_', " "), ident.span()));
        Self {
            path,
            cfgs: attributes
                .iter()
                .filter(|attribute| attribute.path().is_ident("cfg"))
                .cloned()
                .collect(),
            status: problem.status.unwrap_or(STATUS_DEFAULT),
            retry_after_ms: problem.retry_after_ms,
            code,
            message,
            code_span,
        }
    }
}

/// Takes the `#[problem]` attributes out of `attributes`.
pub(super) fn take(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let (problems, rest) = std::mem::take(attributes)
        .into_iter()
        .partition(|attribute| attribute.path().is_ident("problem"));
    *attributes = rest;
    problems
}

/// Refuses two cases of one code: clients tell errors apart by it.
pub(super) fn refuse_twins(cases: &[Case], report: &mut Report) {
    for (at, case) in cases.iter().enumerate() {
        if cases[..at].iter().any(|other| other.code == case.code) {
            report.error(
                case.code_span,
                format!(
                    "two variants have the code \"{}\"; clients could not tell them apart",
                    case.code
                ),
            );
        }
    }
}

#[derive(Default)]
struct Problem {
    status: Option<u16>,
    retry_after_ms: Option<u64>,
    code: Option<LitStr>,
    message: Option<LitStr>,
}

impl Parse for Problem {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut problem = Self::default();
        while !input.is_empty() {
            problem.parse_part(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(problem)
    }
}

impl Problem {
    fn parse_part(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        if input.peek(LitStr) {
            let message: LitStr = input.parse()?;
            return set(&mut self.message, "message", message.span(), message);
        }
        let key: Ident = input.call(Ident::parse_any).map_err(|error| {
            let expected =
                "expected `status = ..`, `code = \"..\"`, `retry_after = \"..\"` or a message";
            syn::Error::new(error.span(), expected)
        })?;
        if !["status", "code", "retry_after"].iter().any(|known| key == known) {
            return Err(syn::Error::new(
                key.span(),
                "#[problem] has `status = 409`, `code = \"seat_taken\"`, a message, and with status \
                 429 or 503 `retry_after = \"1s\"`",
            ));
        }
        input.parse::<Token![=]>()?;
        if key == "status" {
            let literal: LitInt = input.parse()?;
            return set(&mut self.status, "status", key.span(), status(&literal)?);
        }
        if key == "retry_after" {
            let literal: LitStr = input.parse()?;
            let millis = retry_after(&literal)?;
            return set(&mut self.retry_after_ms, "retry_after", key.span(), millis);
        }
        let code: LitStr = input.parse()?;
        check_code(&code)?;
        set(&mut self.code, "code", key.span(), code)
    }

    /// A client that may try again is told so with a status that says so, and the other way round for 503.
    fn check_retry(&self, span: Span, report: &mut Report) {
        match (self.status, self.retry_after_ms) {
            (Some(429 | 503), Some(_)) => {}
            (_, Some(_)) => {
                report.error(span, "`retry_after` goes with `status = 429` or `status = 503`");
            }
            (Some(503), None) => report.error(
                span,
                "`status = 503` needs `retry_after = \"1s\"`: it says that the call may be made again",
            ),
            (_, None) => {}
        }
    }
}

fn set<T>(place: &mut Option<T>, what: &str, span: Span, value: T) -> syn::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new(span, format!("the {what} is given twice"))),
    }
}

fn status(literal: &LitInt) -> syn::Result<u16> {
    match literal.base10_parse::<u16>() {
        Ok(status @ (400..=499 | 503)) => Ok(status),
        _ => Err(syn::Error::new(
            literal.span(),
            "the status of an application's error is 400 to 499, or 503: another 5xx would say that \
             Tenure failed",
        )),
    }
}

/// Milliseconds, at most a day: a longer wait is none that a client should make.
fn retry_after(literal: &LitStr) -> syn::Result<u64> {
    let millis = duration::millis(literal)?;
    if millis > RETRY_AFTER_MAX_MS {
        return Err(syn::Error::new(literal.span(), "`retry_after` is at most \"24h\""));
    }
    Ok(millis)
}

fn check_code(code: &LitStr) -> syn::Result<()> {
    let text = code.value();
    let starts_well = text.starts_with(|first: char| first.is_ascii_lowercase());
    let goes_on_well =
        text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts_well && goes_on_well {
        return Ok(());
    }
    Err(syn::Error::new(
        code.span(),
        "a code is a word of lower-case letters, digits and `_`, as in \"seat_taken\"",
    ))
}
