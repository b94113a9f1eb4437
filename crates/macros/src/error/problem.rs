//! `#[problem(status = 409, code = "seat_taken", "seat {seat} is taken")]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Fields, LitInt, LitStr, Token};

use super::message::{self, Message};
use crate::case;
use crate::report::Report;

const STATUS_DEFAULT: u16 = 422;

/// One way to fail: a variant, or the whole struct.
pub(super) struct Case {
    /// How its pattern begins, as in `Self::SeatTaken`.
    pub(super) path: TokenStream,
    pub(super) cfgs: Vec<Attribute>,
    pub(super) status: u16,
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
            syn::Error::new(error.span(), "expected `status = ..`, `code = \"..\"` or a message")
        })?;
        if key != "status" && key != "code" {
            return Err(syn::Error::new(
                key.span(),
                "#[problem] has `status = 409`, `code = \"seat_taken\"` and a message",
            ));
        }
        input.parse::<Token![=]>()?;
        if key == "status" {
            let literal: LitInt = input.parse()?;
            return set(&mut self.status, "status", key.span(), status(&literal)?);
        }
        let code: LitStr = input.parse()?;
        check_code(&code)?;
        set(&mut self.code, "code", key.span(), code)
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
        Ok(status @ 400..=499) => Ok(status),
        _ => Err(syn::Error::new(
            literal.span(),
            "the status of an application's error is 400 to 499: a 5xx would say that Tenure failed",
        )),
    }
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
