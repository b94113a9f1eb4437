//! The actor type itself: its rules, its state and its events.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use super::model::Model;
use super::{events, reference, table, upgrade};
use crate::case;

pub(super) fn emit(model: &Model) -> TokenStream {
    let private = model.private();
    let (ty, cfgs) = (&model.ty, &model.cfgs);
    let reference = reference::name(model);
    let rules = rules(model);
    let state = state(model);
    let table = table::emit(model);
    let events = events::items(model);
    let markers = events::markers(model);
    let data = data(model);
    quote! {
        #markers

        #(#cfgs)*
        #[automatically_derived]
        impl #private::Actor for #ty {
            #rules
            type Ref = #reference;
            #events

            #state

            #data

            #table

            fn slot() -> &'static #private::TypeSlot {
                static SLOT: #private::TypeSlot = #private::TypeSlot::new();
                &SLOT
            }
        }
    }
}

fn rules(model: &Model) -> TokenStream {
    let private = model.private();
    let options = &model.options;
    let name = match &options.name {
        Some(name) => name.value(),
        None => case::snake(&model.stem.unraw().to_string()),
    };
    let persist = options.persist.value(&private);
    let schema = options.schema.map(|schema| quote!(const SCHEMA: u32 = #schema;));
    let idle_after = options.idle_after_ms.map(|millis| {
        quote! {
            const IDLE_AFTER: ::core::option::Option<::core::time::Duration> =
                ::core::option::Option::Some(::core::time::Duration::from_millis(#millis));
        }
    });
    let mailbox = options.mailbox_len_max.map(|len| {
        quote! {
            const MAILBOX_LEN_MAX: ::core::option::Option<usize> =
                ::core::option::Option::Some(#len);
        }
    });
    quote! {
        const TYPE: &'static str = #name;
        const PERSIST: #private::Persist = #persist;
        #schema
        #idle_after
        #mailbox
    }
}

/// What the state, its older forms and the events look like.
fn data(model: &Model) -> TokenStream {
    let private = model.private();
    let option = quote!(::core::option::Option);
    let asking = table::asking(&private);
    let state = if model.options.persist.is_volatile() {
        quote!(#option::None)
    } else {
        quote!(#option::Some(<#private::Describe<Self>>::TYPE))
    };
    let event = match &model.options.events {
        Some(event) => quote!(#option::Some(<#private::Describe<#event>>::TYPE)),
        None => quote!(#option::None),
    };
    let from = model.upgrades.iter().map(|upgrade| upgrade.from);
    let old = model.upgrades.iter().map(|upgrade| &upgrade.old);
    quote! {
        fn data() -> #private::DataTypes {
            #asking
            #private::DataTypes {
                state: #state,
                event: #event,
                upgrades: const { &[#((#from, <#private::Describe<#old>>::TYPE)),*] },
            }
        }
    }
}

/// How the state is made, written and read; what it lacks is told by `require`.
fn state(model: &Model) -> TokenStream {
    let private = model.private();
    let codec_error = quote!(#private::CodecError);
    let result = quote!(::core::result::Result);
    let upgrades = upgrade::emit(&model.upgrades, &private, &model.ty);
    let stored = if model.options.persist.is_volatile() {
        quote! {
            fn encode(&self, _: &mut ::std::vec::Vec<u8>) -> #result<(), #codec_error> {
                #result::Err(#codec_error::new("a volatile actor has no stored form"))
            }

            fn decode(_: u32, _: u8, _: &[u8]) -> #result<Self, #codec_error> {
                #result::Err(#codec_error::new("a volatile actor has no stored form"))
            }
        }
    } else {
        quote! {
            fn encode(&self, out: &mut ::std::vec::Vec<u8>) -> #result<(), #codec_error> {
                #[allow(unused_imports, reason = "only a state that lacks something needs it")]
                use #private::Unmet as _;
                <#private::Require<Self>>::encode(self, out)
            }

            fn decode(schema: u32, codec: u8, body: &[u8]) -> #result<Self, #codec_error> {
                #[allow(unused_imports, reason = "only a state that lacks something needs it")]
                use #private::Unmet as _;
                #upgrades
                #private::check_schema::<Self>(schema)?;
                <#private::Require<Self>>::decode(codec, body)
            }
        }
    };
    quote! {
        fn create() -> Self {
            #[allow(unused_imports, reason = "only a state that lacks something needs it")]
            use #private::Unmet as _;
            <#private::Require<Self>>::create()
        }

        #stored
    }
}
