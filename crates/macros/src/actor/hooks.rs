//! `#[activate]`, `#[deactivate]`, `#[attach]` and `#[detach]`: handlers that run by themselves.

use super::model::{Access, Handler, Hook, Reply};
use crate::report::Report;

/// Refuses a hook that takes or gives something, or that shares its turn.
pub(super) fn check(handler: &Handler) -> syn::Result<()> {
    let Some(hook) = handler.hook else {
        return Ok(());
    };
    let word = hook.word();
    if hook.takes_peer() && handler.arguments.len() != 1 {
        return Err(syn::Error::new(
            handler.ident.span(),
            format!(
                "the #[{word}] method is told of the client: it has one argument, `peer: Peer`"
            ),
        ));
    }
    if hook == Hook::Attach {
        // It may share its turn, and answers what the client begins with, or refuses it.
        return Ok(());
    }
    if let Some(argument) = handler.arguments.first().filter(|_| !hook.takes_peer()) {
        return Err(syn::Error::new(
            argument.ident.span(),
            format!("nobody calls the #[{word}] method: it has no arguments"),
        ));
    }
    if let Reply::Value(_, span) | Reply::Result(_, span) = handler.reply {
        return Err(syn::Error::new(
            span,
            format!("nobody waits for the #[{word}] method: it returns nothing"),
        ));
    }
    if handler.access == Access::Shared {
        return Err(syn::Error::new(
            handler.ident.span(),
            format!(
                "the #[{word}] turn is alone with its actor: take `&mut self`, or `&self` and \
                 `cx: &mut Context<Self>`"
            ),
        ));
    }
    Ok(())
}

/// Refuses a second hook of one kind; the first one stays.
pub(super) fn refuse_twins(handlers: &mut Vec<Handler>, report: &mut Report) {
    let mut kept: Vec<Handler> = Vec::with_capacity(handlers.len());
    for handler in handlers.drain(..) {
        let twin = handler.hook.and_then(|hook| {
            // Two of one name are told apart by `#[cfg]`.
            kept.iter().find(|it| it.hook == Some(hook) && it.name != handler.name)
        });
        match (twin, handler.hook) {
            (Some(twin), Some(hook)) => report.error(
                handler.ident.span(),
                format!(
                    "`{}` is the #[{}] method of this type; call this one from there",
                    twin.name,
                    hook.word()
                ),
            ),
            _ => kept.push(handler),
        }
    }
    *handlers = kept;
}
