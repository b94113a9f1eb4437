//! What is written in `#[actor(..)]`.

use proc_macro2::{Ident, TokenStream};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Lit, LitInt, LitStr, Type};

use super::persist::Persist;
use crate::duration;
use crate::report::Report;
use crate::root::Root;

/// The options of an actor type.
#[derive(Default)]
pub(super) struct Options {
    pub(super) root: Root,
    pub(super) name: Option<LitStr>,
    pub(super) persist: Persist,
    pub(super) events: Option<Type>,
    pub(super) idle_after_ms: Option<u64>,
    pub(super) mailbox_len_max: Option<usize>,
    pub(super) schema: Option<u32>,
}

impl Options {
    /// Reads the options; what is wrong goes to `report` and keeps its default.
    pub(super) fn parse(tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let parsed = syn::meta::parser(|meta| {
            let key = meta.path.get_ident().map(Ident::to_string);
            let key = key.unwrap_or_default();
            if seen.contains(&key) {
                return Err(meta.error(format!("`{key}` is given twice")));
            }
            options.set(&key, &meta)?;
            seen.push(key);
            Ok(())
        })
        .parse2(tokens);
        report.keep(parsed);
        if options.persist.is_event_sourced() && options.events.is_none() {
            report.error(
                options.persist.span,
                "an event_sourced actor names its events: `events = CartEvent`, a #[tenure::data] \
                 enum of what can happen to it",
            );
        }
        options
    }

    fn set(&mut self, key: &str, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        match key {
            "crate" => self.root = Root::parse(meta)?,
            "name" => self.name = Some(type_name(meta)?),
            "persist" => self.persist = Persist::parse(meta)?,
            "events" => self.events = Some(events(meta)?),
            "idle_after" => self.idle_after_ms = Some(duration::millis(&meta.value()?.parse()?)?),
            "mailbox" => self.mailbox_len_max = Some(number(meta, "mailbox")?),
            "schema" => self.schema = Some(number(meta, "schema")?),
            _ => {
                return Err(meta.error(
                    "#[actor] has the options `name`, `persist`, `events`, `idle_after`, `mailbox`, \
                     `schema` and `crate`",
                ));
            }
        }
        Ok(())
    }
}

fn events(meta: &ParseNestedMeta<'_>) -> syn::Result<Type> {
    let value = meta.value()?;
    if value.peek(Lit) {
        return Err(value.error("write the type, as in `events = CartEvent`, without quotes"));
    }
    value.parse()
}

fn type_name(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let name: LitStr = meta.value()?.parse()?;
    check_type_name(&name.value()).map_err(|what| syn::Error::new(name.span(), what))?;
    Ok(name)
}

/// The rule of `tenure_types::ActorTypeName`, told at compile time.
pub(super) fn check_type_name(name: &str) -> Result<(), String> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let goes_on_well =
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts_well && goes_on_well && name.len() <= 128 {
        return Ok(());
    }
    Err(format!(
        "an actor type is named with lower-case letters, digits and `_`, beginning with a letter, \
         at most 128 bytes; \"{name}\" is not"
    ))
}

fn number<N: std::str::FromStr + PartialOrd + Default>(
    meta: &ParseNestedMeta<'_>,
    what: &str,
) -> syn::Result<N>
where
    N::Err: std::fmt::Display,
{
    let literal: LitInt = meta.value()?.parse()?;
    let number = literal.base10_parse::<N>()?;
    if number <= N::default() {
        return Err(syn::Error::new(literal.span(), format!("`{what}` is at least 1")));
    }
    Ok(number)
}
