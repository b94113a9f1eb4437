//! `#[actor]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

use crate::report::Report;

mod argument;
mod check;
mod events;
mod handler;
mod hooks;
mod mark;
mod message;
mod methods;
mod model;
mod options;
mod parse;
mod persist;
mod reference;
mod require;
mod suspend;
mod table;
mod upgrade;

use model::Model;
use options::Options;

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut report = Report::default();
    let mut block = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => block,
        Ok(other) => {
            report.add(syn::Error::new_spanned(
                &other,
                "#[actor] goes on the `impl` block that has the handlers; the struct itself takes \
                 #[tenure::data]",
            ));
            let errors = report.into_tokens();
            return quote!(#item #errors);
        }
        Err(error) => {
            report.add(error);
            let errors = report.into_tokens();
            return quote!(#item #errors);
        }
    };
    let options = Options::parse(options, &mut report);
    let items = match parse::model(&mut block, options, &mut report) {
        Some(model) => emit(&model),
        None => TokenStream::new(),
    };
    let errors = report.into_tokens();
    // The block stays whatever is wrong with its handlers, so that no error hides another.
    quote! {
        #[allow(
            unreachable_pub,
            clippy::needless_pass_by_value,
            reason = "`pub` is what makes a handler, and what it takes is owned"
        )]
        #block
        #items
        #errors
    }
}

fn emit(model: &Model) -> TokenStream {
    let require = require::emit(model);
    let messages = model.handlers.iter().map(|it| message::emit(model, it));
    let handlers = model.handlers.iter().map(|it| handler::emit(model, it));
    let reference = reference::emit(model);
    let methods = methods::emit(model);
    quote! {
        #require
        #(#messages)*
        #(#handlers)*
        #reference
        #methods
    }
}
