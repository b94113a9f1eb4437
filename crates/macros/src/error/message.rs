//! The text of an error: a format string that names fields.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Fields, LitStr, Member};

/// A format string whose placeholders were matched with fields.
pub(super) struct Message {
    /// The string with nameless placeholders.
    pub(super) format: LitStr,
    /// Field and binding of each placeholder, in order; a field may occur more than once.
    pub(super) used: Vec<(Member, Ident)>,
}

impl Message {
    /// Text without placeholders.
    pub(super) fn plain(text: &str, span: Span) -> Self {
        let format = LitStr::new(text, crate::root::at(span));
        Self { format, used: Vec::new() }
    }

    /// The fields of a pattern that binds what the message names.
    pub(super) fn bindings(&self) -> TokenStream {
        let mut fields = TokenStream::new();
        let mut bound: Vec<&Ident> = Vec::new();
        for (member, binding) in &self.used {
            if !bound.contains(&binding) {
                bound.push(binding);
                fields.extend(quote!(#member: #binding,));
            }
        }
        fields
    }
}

/// Matches the placeholders of `literal` with `fields`.
///
/// # Errors
/// At the literal: a placeholder that names no field, or braces that do not match.
pub(super) fn parse(literal: &LitStr, fields: &Fields) -> syn::Result<Message> {
    let text = literal.value();
    let mut format = String::with_capacity(text.len());
    let mut used = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        format.push_str(&rest[..at]);
        let brace = &rest[at..at + 1];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            format.push_str(brace);
            format.push_str(brace);
            rest = after;
            continue;
        }
        let end = rest.find('}').filter(|_| brace == "{").ok_or_else(|| {
            syn::Error::new(
                literal.span(),
                "the message has a brace without its other half; write `{{` or `}}` for a brace",
            )
        })?;
        let (name, spec) = match rest[..end].split_once(':') {
            Some((name, spec)) => (name, format!(":{spec}")),
            None => (&rest[..end], String::new()),
        };
        used.push(field(name.trim(), &spec, literal, fields)?);
        format.push('{');
        format.push_str(&spec);
        format.push('}');
        rest = &rest[end + 1..];
    }
    format.push_str(rest);
    let format = LitStr::new(&format, crate::root::at(literal.span()));
    Ok(Message { format, used })
}

fn field(
    name: &str,
    spec: &str,
    literal: &LitStr,
    fields: &Fields,
) -> syn::Result<(Member, Ident)> {
    if spec.contains('$') {
        return Err(syn::Error::new(
            literal.span(),
            "a width or precision in a message is a number",
        ));
    }
    let named = fields.members().enumerate().find(|(_, member)| spelt(member) == name);
    let Some((position, member)) = named else {
        return Err(syn::Error::new(literal.span(), unknown(name, fields)));
    };
    // The place is the literal's: that is where a field without `Display` is asked to have it.
    let binding = format_ident!("field{position}", span = crate::root::at(literal.span()));
    Ok((member, binding))
}

fn unknown(name: &str, fields: &Fields) -> String {
    let names: Vec<_> = fields.members().map(|it| format!("`{{{}}}`", spelt(&it))).collect();
    let there_is = if names.is_empty() {
        "there is no field".to_owned()
    } else {
        format!("there is {}", names.join(", "))
    };
    if name.is_empty() {
        return format!("`{{}}` in a message names a field: {there_is}");
    }
    format!("`{{{name}}}` in the message is no field: {there_is}")
}

/// The field as messages name it.
fn spelt(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
