//! The schema of a data type: derived by `schemars`, each field asked for its own.
//!
//! A field whose type has no schema must not keep the type from compiling. So the derive is told to
//! look at `Field<Self, 3>` in place of the field's type, which asks that type, and finds it
//! unknown where it does not answer.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Data, DeriveInput, Field, Fields, GenericArgument, Generics, Ident, Lit, LitStr,
    Meta, PathArguments, Token, Type, parse_quote,
};

use crate::root::Root;

/// What goes before the item and after it.
#[derive(Default)]
pub(crate) struct Schema {
    pub(crate) derives: TokenStream,
    pub(crate) impls: TokenStream,
}

/// Makes the schema of `item`, and marks those of its fields that are asked for theirs.
pub(crate) fn of(item: &mut DeriveInput, root: &Root) -> Schema {
    let metas = metas(&item.attrs, "serde");
    let named = |name: &str| metas.iter().find(|meta| meta.path().is_ident(name));
    if let Some(from) = named("from").or_else(|| named("try_from")) {
        return of_conversion(item, from, root);
    }
    if named("into").is_some() || named("remote").is_some() {
        return Schema::default();
    }
    let has_default = named("default").is_some();
    let mut fields = FieldTypes { root, generics: &item.generics, has_default, types: Vec::new() };
    match &mut item.data {
        Data::Struct(data) => fields.mark_all(&mut data.fields),
        Data::Enum(data) => {
            for variant in &mut data.variants {
                fields.mark_variant(variant);
                fields.mark_all(&mut variant.fields);
            }
        }
        Data::Union(_) => return Schema::default(),
    }
    let types = fields.types;
    let private = root.private();
    let schemars = root.inner("schemars");
    Schema {
        derives: quote! {
            #[derive(#private::schemars::JsonSchema)]
            #[schemars(crate = #schemars)]
        },
        impls: field_schemas(&item.ident, &item.generics, &types, root),
    }
}

/// `#[serde(from = "Other")]`: what is read is an `Other`.
fn of_conversion(item: &DeriveInput, from: &Meta, root: &Root) -> Schema {
    let other = text(from).and_then(|text| text.parse::<Type>().ok());
    let (Some(other), true) = (other, item.generics.params.is_empty()) else {
        return Schema::default();
    };
    let (private, ident) = (root.private(), &item.ident);
    let name = ident.to_string();
    let impls = quote! {
        const _: () = {
            #[allow(unused_imports, reason = "only a type without a schema needs it")]
            use #private::Undescribed as _;

            #[automatically_derived]
            impl #private::schemars::JsonSchema for #ident {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> ::std::borrow::Cow<'static, str> {
                    ::std::borrow::Cow::Borrowed(#name)
                }

                fn json_schema(
                    generator: &mut #private::schemars::SchemaGenerator,
                ) -> #private::schemars::Schema {
                    <#private::Describe<#other>>::TYPE.describe(generator)
                }
            }
        };
    };
    Schema { derives: TokenStream::new(), impls }
}

fn field_schemas(
    ident: &Ident,
    generics: &Generics,
    types: &[TokenStream],
    root: &Root,
) -> TokenStream {
    if types.is_empty() {
        return TokenStream::new();
    }
    let private = root.private();
    let (impl_generics, type_generics, bounds) = generics.split_for_impl();
    quote! {
        const _: () = {
            #[allow(unused_imports, reason = "only a field without a schema needs it")]
            use #private::Undescribed as _;

            #[automatically_derived]
            impl #impl_generics #private::FieldSchemas for #ident #type_generics #bounds {
                const FIELDS: &'static [#private::TypeSchema] = &[#(#types),*];
            }
        };
    }
}

/// The fields that were marked, and how each is asked for its schema.
struct FieldTypes<'a> {
    root: &'a Root,
    generics: &'a Generics,
    /// Whether fields that are missing are those of a default of the whole.
    has_default: bool,
    types: Vec<TokenStream>,
}

impl FieldTypes<'_> {
    fn mark_all(&mut self, fields: &mut Fields) {
        for field in fields {
            self.mark(field);
        }
    }

    fn mark(&mut self, field: &mut Field) {
        let serde = metas(&field.attrs, "serde");
        let has = |name: &str| serde.iter().any(|meta| meta.path().is_ident(name));
        note_aliases(&mut field.attrs, &serde);
        if has("skip") || describes_itself(&field.attrs) {
            return;
        }
        let is_converted = CONVERSIONS.into_iter().any(has);
        if !is_converted && (is_plain(&field.ty) || self.is_left_to_the_derive(&field.ty)) {
            return;
        }
        let private = self.root.private();
        let optional = if !is_converted { inside_option(&field.ty) } else { None };
        let asked = optional.unwrap_or(&field.ty);
        let schema = if !is_converted {
            quote!(<#private::Describe<#asked>>::TYPE)
        } else {
            quote!(#private::TypeSchema::unknown::<#asked>())
        };
        let mut with = self.push(&field.attrs, schema);
        // The derive would write down the default in its stored form, and would name `serde`, on
        // which nobody needs to depend.
        let has_default = is_converted && has("default");
        let hidden = match (has_default, is_converted && self.has_default) {
            (true, _) => quote!(, !default),
            (false, true) => quote!(, skip_serializing),
            (false, false) => TokenStream::new(),
        };
        if optional.is_some() || has_default {
            with = quote!(::core::option::Option<#with>);
        }
        mark(&mut field.attrs, &with, &hidden);
    }

    fn mark_variant(&mut self, variant: &mut syn::Variant) {
        let serde = metas(&variant.attrs, "serde");
        let has = |name: &str| serde.iter().any(|meta| meta.path().is_ident(name));
        note_aliases(&mut variant.attrs, &serde);
        if has("other") {
            variant.attrs.push(parse_quote!(#[schemars(extend("x-tenure-other" = true))]));
        }
        if CONVERSIONS.into_iter().any(has) && !describes_itself(&variant.attrs) {
            let private = self.root.private();
            let with = self.push(&variant.attrs, quote!(#private::TypeSchema::unknown::<()>()));
            mark(&mut variant.attrs, &with, &TokenStream::new());
        }
    }

    /// Adds a type to ask, and gives what stands for it.
    fn push(&mut self, attributes: &[Attribute], schema: TokenStream) -> TokenStream {
        let private = self.root.private();
        let number = self.types.len();
        let conditions: Vec<_> = attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("cfg"))
            .filter_map(|attribute| attribute.parse_args::<TokenStream>().ok())
            .collect();
        self.types.push(if conditions.is_empty() {
            schema
        } else {
            // A field that is left out keeps its number.
            quote! {{
                #[cfg(all(#(#conditions),*))]
                { #schema }
                #[cfg(not(all(#(#conditions),*)))]
                { #private::TypeSchema::unknown::<()>() }
            }}
        });
        quote!(#private::Field<Self, #number>)
    }

    /// Whether the type is a parameter of the item in types of the standard library, for which the
    /// derive asks in the bounds of what it writes. Inside of that, nobody else can ask.
    fn is_left_to_the_derive(&self, ty: &Type) -> bool {
        let parameters: Vec<_> = self.generics.type_params().map(|it| &it.ident).collect();
        mentions(ty, &parameters) && is_of_std(ty, &parameters)
    }
}

/// What makes the stored form of a field another one than that of its type.
const CONVERSIONS: [&str; 3] = ["with", "serialize_with", "deserialize_with"];

fn mark(attributes: &mut Vec<Attribute>, with: &TokenStream, more: &TokenStream) {
    let with = LitStr::new(&with.to_string(), proc_macro2::Span::call_site());
    attributes.push(parse_quote!(#[schemars(with = #with #more)]));
}

/// The derive leaves them out, and they decide whether a renamed field is still read.
fn note_aliases(attributes: &mut Vec<Attribute>, serde: &[Meta]) {
    let aliases: Vec<_> = serde
        .iter()
        .filter(|meta| meta.path().is_ident("alias"))
        .filter_map(text)
        .map(|text| text.value())
        .collect();
    if !aliases.is_empty() {
        attributes.push(parse_quote!(#[schemars(extend("x-tenure-aliases" = [#(#aliases),*]))]));
    }
}

/// Whether the author says how the field is described.
fn describes_itself(attributes: &[Attribute]) -> bool {
    metas(attributes, "schemars")
        .iter()
        .any(|meta| ["with", "schema_with", "skip"].iter().any(|name| meta.path().is_ident(name)))
}

/// What is written in all attributes of this name. One that cannot be read is told by its derive.
fn metas(attributes: &[Attribute], name: &str) -> Vec<Meta> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(name))
        .filter_map(|attribute| {
            attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()
        })
        .flatten()
        .collect()
}

fn text(meta: &Meta) -> Option<LitStr> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

const PLAIN: [&str; 16] = [
    "bool", "char", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize", "f32", "f64",
];

/// A type without the brackets, seen or unseen, that it came in.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

/// Whether nothing is to be asked: a number or a truth value.
fn is_plain(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => {
            path.path.get_ident().is_some_and(|name| PLAIN.iter().any(|it| name == it))
        }
        _ => false,
    }
}

/// `T` of `Option<T>`.
fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) if arguments.args.len() == 1 => Some(inner),
            _ => None,
        },
        _ => None,
    }
}

fn mentions(ty: &Type, parameters: &[&Ident]) -> bool {
    fn any(tokens: TokenStream, parameters: &[&Ident]) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => parameters.contains(&&ident),
            proc_macro2::TokenTree::Group(group) => any(group.stream(), parameters),
            _ => false,
        })
    }
    any(ty.to_token_stream(), parameters)
}

const STD: [&str; 15] = [
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Box",
    "Cow",
    "HashMap",
    "HashSet",
    "LinkedList",
    "Option",
    "PhantomData",
    "Rc",
    "String",
    "Vec",
    "VecDeque",
];

/// Whether the type is made of the parameters, plain types and types with names of the standard
/// library, and nothing else.
fn is_of_std(ty: &Type, parameters: &[&Ident]) -> bool {
    match bare(ty) {
        Type::Tuple(tuple) => tuple.elems.iter().all(|it| is_of_std(it, parameters)),
        Type::Array(array) => is_of_std(&array.elem, parameters),
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return false };
            let is_one = path.path.get_ident().is_some_and(|it| parameters.contains(&it));
            let is_std = STD.iter().any(|it| last.ident == it);
            let arguments_fit = match &last.arguments {
                PathArguments::None => true,
                PathArguments::AngleBracketed(all) => {
                    all.args.iter().all(|argument| match argument {
                        GenericArgument::Type(inner) => is_of_std(inner, parameters),
                        GenericArgument::Lifetime(_) => true,
                        _ => false,
                    })
                }
                PathArguments::Parenthesized(_) => false,
            };
            (is_one || is_std || is_plain(ty)) && arguments_fit
        }
        _ => false,
    }
}
