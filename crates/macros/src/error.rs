//! `#[tenure::error]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Fields, Generics, Ident, Item};

use crate::data;
use crate::report::Report;
use crate::root::Root;
use crate::schema::Schema;

mod emit;
mod message;
mod problem;

use problem::Case;

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut report = Report::default();
    let advice = "#[tenure::error] has one option, `crate = \"path\"`; status, code and message go in \
                  #[problem(..)] on each variant";
    let root = Root::parse_alone(options, advice, &mut report);
    let mut item = match syn::parse2::<Item>(item.clone()) {
        Ok(parsed) => parsed,
        Err(error) => {
            report.add(error);
            let errors = report.into_tokens();
            return quote!(#item #errors);
        }
    };
    let made = match &mut item {
        Item::Enum(item) => of_enum(item, &root, &mut report),
        Item::Struct(item) => of_struct(item, &root, &mut report),
        other => {
            report.error(other.span(), "#[tenure::error] goes on an enum or a struct");
            None
        }
    };
    let (derives, impls) = made.unwrap_or_default();
    let (item, schema) = describe(item, &root);
    let errors = report.into_tokens();
    let Schema { derives: schema_derives, impls: schema_impls } = schema;
    quote!(#derives #schema_derives #item #impls #schema_impls #errors)
}

fn describe(item: Item, root: &Root) -> (Item, Schema) {
    let mut item: DeriveInput = match item {
        Item::Enum(item) => item.into(),
        Item::Struct(item) => item.into(),
        other => return (other, Schema::default()),
    };
    let schema = data::schema(&mut item, root);
    (item.into(), schema)
}

/// The derives to put before the item, and the implementations to put after it.
type Made = (TokenStream, TokenStream);

fn of_enum(item: &mut syn::ItemEnum, root: &Root, report: &mut Report) -> Option<Made> {
    for stray in problem::take(&mut item.attrs) {
        report.add(syn::Error::new_spanned(stray, "#[problem(..)] goes on each variant"));
    }
    let mut cases = Vec::new();
    for variant in &mut item.variants {
        refuse_on_fields(&mut variant.fields, report);
        let problems = problem::take(&mut variant.attrs);
        let path = &variant.ident;
        let case = Case::new(
            &variant.ident,
            quote!(Self::#path),
            &variant.attrs,
            &variant.fields,
            &problems,
            report,
        );
        cases.push(case);
    }
    if cases.is_empty() {
        report.error(
            item.ident.span(),
            "an error without a variant can never happen; leave `Result` off the handler",
        );
        return None;
    }
    problem::refuse_twins(&cases, report);
    made(&item.ident, &item.generics, &item.attrs, &cases, root, report)
}

fn of_struct(item: &mut syn::ItemStruct, root: &Root, report: &mut Report) -> Option<Made> {
    refuse_on_fields(&mut item.fields, report);
    let problems = problem::take(&mut item.attrs);
    let case = Case::new(&item.ident, quote!(Self), &[], &item.fields, &problems, report);
    made(&item.ident, &item.generics, &item.attrs, &[case], root, report)
}

fn made(
    ident: &Ident,
    generics: &Generics,
    attributes: &[Attribute],
    cases: &[Case],
    root: &Root,
    report: &mut Report,
) -> Option<Made> {
    if !generics.params.is_empty() {
        report.add(syn::Error::new_spanned(
            generics,
            "an error is told apart by its code, so it has no generic parameters",
        ));
        return None;
    }
    data::refuse_derived(attributes, "#[tenure::error]", report);
    let serde = data::derives(root);
    let debug =
        (!data::derives_one(attributes, "Debug")).then(|| quote!(#[derive(::core::fmt::Debug)]));
    Some((quote!(#serde #debug), emit::impls(ident, cases, root)))
}

fn refuse_on_fields(fields: &mut Fields, report: &mut Report) {
    for field in fields.iter_mut() {
        for stray in problem::take(&mut field.attrs) {
            report.add(syn::Error::new_spanned(
                stray,
                "#[problem(..)] goes on the variant; name the field in its message: `{field}`",
            ));
        }
    }
}
