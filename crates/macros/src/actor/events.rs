//! Events: the type's own, and `apply` of an event-sourced type.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, ImplItemFn, ReceiverKind, ReturnType, Signature, Type};

use super::model::Model;
use super::options::Options;
use crate::report::Report;
use crate::root::at;

pub(super) const NO_HANDLER: &str =
    "`apply` changes the state as stored events say; nobody calls it: leave the attribute off";

/// Refuses an event-sourced block without `apply`, and one whose `apply` is something else.
pub(super) fn apply(
    found: Option<&ImplItemFn>,
    options: &Options,
    stem: &Ident,
    report: &mut Report,
) -> Option<Ident> {
    if !options.persist.is_event_sourced() {
        return None;
    }
    let event = options.events.as_ref().map_or_else(
        || format!("{stem}Event"),
        |event| event.to_token_stream().to_string().replace(' ', ""),
    );
    let Some(method) = found else {
        report.error(
            stem.span(),
            format!(
                "the state of an event_sourced actor follows from its events: write \
                 `fn apply(&mut self, event: &{event})`, which changes it as one event says"
            ),
        );
        return None;
    };
    let sig = &method.sig;
    if !is_apply(sig) {
        report.error(
            sig.ident.span(),
            format!(
                "what applies events is no handler and cannot fail or wait: write \
                 `fn apply(&mut self, event: &{event})`"
            ),
        );
        return None;
    }
    Some(sig.ident.clone())
}

fn is_apply(sig: &Signature) -> bool {
    let takes_self_mut = sig.receiver().is_some_and(|receiver| {
        matches!(&receiver.kind, ReceiverKind::Reference(_, None, Some(_)))
    });
    let mut inputs = sig.inputs.iter().skip(1);
    let takes_event = matches!(
        (inputs.next(), inputs.next()),
        (Some(FnArg::Typed(event)), None)
            if matches!(&*event.ty, Type::Reference(it) if it.mutability.is_none())
    );
    takes_self_mut
        && takes_event
        && sig.asyncness.is_none()
        && sig.generics.params.is_empty()
        && matches!(sig.output, ReturnType::Default)
}

/// `type Event`, its stored form and, in an event-sourced type, `fn apply` of the implementation of `Actor`.
pub(super) fn items(model: &Model) -> TokenStream {
    let private = model.private();
    let ty = &model.ty;
    let Some(event) = &model.options.events else {
        return quote!(type Event = #private::NoEvent;);
    };
    let result = quote!(::core::result::Result);
    let apply = model.apply.as_ref().map(|apply| {
        quote_spanned! {at(apply.span())=>
            fn apply(&mut self, event: &<Self as #private::Actor>::Event) {
                <#ty>::#apply(self, event);
            }
        }
    });
    quote! {
        type Event = #event;
        #apply

        fn encode_event(
            event: &Self::Event,
            out: &mut ::std::vec::Vec<u8>,
        ) -> #result<(), #private::CodecError> {
            #[allow(unused_imports, reason = "only an event that lacks something needs it")]
            use #private::Unmet as _;
            <#private::Require<#event>>::encode(event, out)
        }

        fn decode_event(codec: u8, body: &[u8]) -> #result<Self::Event, #private::CodecError> {
            #[allow(unused_imports, reason = "only an event that lacks something needs it")]
            use #private::Unmet as _;
            <#private::Require<#event>>::decode(codec, body)
        }

        fn event_json(
            codec: u8,
            body: &[u8],
        ) -> #result<::std::vec::Vec<u8>, #private::CodecError> {
            #[allow(unused_imports, reason = "only an event that lacks something needs it")]
            use #private::Unmet as _;
            <#private::Require<#event>>::json(codec, body)
        }
    }
}

/// What `Context` asks of a type before it lets its handlers do something.
pub(super) fn markers(model: &Model) -> TokenStream {
    let private = model.private();
    let (ty, cfgs) = (&model.ty, model.cfgs());
    let options = &model.options;
    let mut markers = Vec::new();
    if !options.persist.is_volatile() {
        markers.push(quote!(IsStored));
    }
    if options.persist.is_event_sourced() {
        markers.push(quote!(Records));
    } else if options.events.is_some() {
        markers.push(quote!(Emits));
    }
    quote! {
        #(
            #cfgs
            #[automatically_derived]
            impl #private::#markers for #ty {}
        )*
    }
}
