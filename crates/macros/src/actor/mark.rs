//! What is written on a function of the block: `#[handler]`, `#[activate]`, `#[deactivate]`,
//! `#[attach]`, `#[detach]` or `#[upgrade]`.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, ImplItemFn, LitInt, Meta, Visibility};

use super::model::Hook;
use super::persist::{Mode, Persist};
use crate::report::Report;

const MARKS: [&str; 6] = ["handler", "activate", "deactivate", "attach", "detach", "upgrade"];

/// What a function of the block is.
pub(super) enum Mark {
    Handler {
        /// Kept off HTTP.
        internal: bool,
        /// Where `persist = write_through` is written.
        durable: Option<Span>,
    },
    Hook(Hook),
    Upgrade {
        /// The schema that it reads.
        from: u32,
        span: Span,
    },
}

impl Mark {
    /// Takes the marks off the method and reads them.
    pub(super) fn take(method: &mut ImplItemFn) -> syn::Result<Option<Self>> {
        let (marks, rest) =
            std::mem::take(&mut method.attrs).into_iter().partition::<Vec<_>, _>(is_mark);
        method.attrs = rest;
        let Some(first) = marks.first() else {
            return Ok(None);
        };
        if let Some(second) = marks.get(1) {
            return Err(syn::Error::new_spanned(second, twice(first, second)));
        }
        let mark = if first.path().is_ident("handler") {
            handler(first, method)?
        } else if first.path().is_ident("upgrade") {
            upgrade(first)?
        } else {
            hook(first)?
        };
        mark.check_receiver(method)?;
        Ok(Some(mark))
    }

    /// A `pub` method needs no mark.
    pub(super) fn of_unmarked(method: &ImplItemFn) -> Option<Self> {
        let public = matches!(method.vis, Visibility::Public(_));
        let handler = public && method.sig.receiver().is_some();
        handler.then_some(Self::Handler { internal: false, durable: None })
    }

    fn check_receiver(&self, method: &ImplItemFn) -> syn::Result<()> {
        let what = match (self, method.sig.receiver()) {
            (Self::Upgrade { .. }, None) | (Self::Handler { .. } | Self::Hook(_), Some(_)) => {
                return Ok(());
            }
            (Self::Upgrade { .. }, Some(_)) => "an upgrade makes the state of an older one: write \
                 `fn upgrade_1(old: CounterV1) -> Self`"
                .to_owned(),
            (Self::Handler { .. }, None) => "a handler takes `&self` or `&mut self`".to_owned(),
            (Self::Hook(hook), None) => format!("the #[{}] method takes `&mut self`", hook.word()),
        };
        Err(syn::Error::new_spanned(&method.sig.ident, what))
    }
}

fn is_mark(attribute: &Attribute) -> bool {
    MARKS.iter().any(|mark| attribute.path().is_ident(mark))
}

fn twice(first: &Attribute, second: &Attribute) -> String {
    let name = |attribute: &Attribute| {
        attribute.path().get_ident().map(ToString::to_string).unwrap_or_default()
    };
    if name(first) == name(second) {
        return format!("`#[{}]` is given twice", name(first));
    }
    format!("a function is one of them: #[{}] or #[{}]", name(first), name(second))
}

fn handler(attribute: &Attribute, method: &ImplItemFn) -> syn::Result<Mark> {
    let mut internal = !matches!(method.vis, Visibility::Public(_));
    let mut durable = None;
    if !matches!(attribute.meta, Meta::Path(_)) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("internal") {
                internal = true;
                return Ok(());
            }
            if meta.path.is_ident("persist") {
                durable = Some(write_through(&meta)?);
                return Ok(());
            }
            Err(meta.error("#[handler] has the options `internal` and `persist = write_through`"))
        })?;
    }
    Ok(Mark::Handler { internal, durable })
}

/// The one mode that a handler may have of its own.
fn write_through(meta: &ParseNestedMeta<'_>) -> syn::Result<Span> {
    let persist = Persist::parse(meta)?;
    if persist.mode == Mode::WriteThrough {
        return Ok(persist.span);
    }
    Err(syn::Error::new(
        persist.span,
        format!(
            "a handler can promise more than its type, not less: `{}` is for the whole type; \
             `persist = write_through` lets one reply of a `write_behind` type wait for the store",
            persist.word()
        ),
    ))
}

fn hook(attribute: &Attribute) -> syn::Result<Mark> {
    let is = |word| attribute.path().is_ident(word);
    let hook = match () {
        () if is("activate") => Hook::Activate,
        () if is("attach") => Hook::Attach,
        () if is("detach") => Hook::Detach,
        () => Hook::Deactivate,
    };
    match attribute.meta {
        Meta::Path(_) => Ok(Mark::Hook(hook)),
        _ => Err(syn::Error::new_spanned(attribute, format!("#[{}] has no options", hook.word()))),
    }
}

fn upgrade(attribute: &Attribute) -> syn::Result<Mark> {
    let mut from = None;
    if !matches!(attribute.meta, Meta::Path(_)) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("from") {
                return Err(meta.error("#[upgrade] has the option `from`"));
            }
            let literal: LitInt = meta.value()?.parse()?;
            match literal.base10_parse::<u32>()? {
                0 => Err(syn::Error::new(literal.span(), "schemas begin with 1")),
                schema => {
                    from = Some((schema, literal.span()));
                    Ok(())
                }
            }
        })?;
    }
    match from {
        Some((from, span)) => Ok(Mark::Upgrade { from, span }),
        None => Err(syn::Error::new(
            attribute.span(),
            "say which schema it reads: #[upgrade(from = 1)]",
        )),
    }
}

/// Refuses a mark on something that is no function.
pub(super) fn refuse_elsewhere(item: &mut ImplItem, report: &mut Report) {
    let attributes = match item {
        ImplItem::Const(item) => &mut item.attrs,
        ImplItem::Type(item) => &mut item.attrs,
        ImplItem::Macro(item) => &mut item.attrs,
        _ => return,
    };
    attributes.retain(|attribute| {
        let mark = is_mark(attribute);
        if mark && attribute.path().is_ident("handler") {
            report.add(syn::Error::new_spanned(attribute, "a handler is a method"));
        } else if mark {
            report.add(syn::Error::new_spanned(attribute, "what is marked so is a function"));
        }
        !mark
    });
}
