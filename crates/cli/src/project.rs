//! `tenure new`: a project from a template.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::command_line::{New, Template};
use crate::failure::Failure;
use crate::screen::Screen;

/// Each file of a template, and the line in its manifest that makes it one of this repository.
macro_rules! template {
    ($name:literal: $($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../templates/", $name, "/", $file)))),*]
    };
}

const COUNTER: &[(&str, &str)] =
    template!("counter": "Cargo.toml", "src/main.rs", "README.md", ".gitignore");
const CART: &[(&str, &str)] =
    template!("cart": "Cargo.toml", "src/main.rs", "src/cart.rs", "README.md", ".gitignore");

/// How a template names Tenure: as the checkout it is part of.
const DEPENDENCY: &str = "tenure = { path = \"../../../tenure\" }";
const NAME_BYTES_MAX: usize = 64;
/// Names that Cargo refuses, or that would shadow a crate.
const TAKEN: &[&str] = &[
    "alloc",
    "core",
    "proc_macro",
    "proc-macro",
    "std",
    "test",
    "tenure",
    "build",
    "deps",
    "examples",
    "incremental",
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "nul",
    "con",
    "prn",
    "aux",
];

pub(crate) fn new(new: &New, screen: &Screen) -> Result<(), Failure> {
    let New { name, template, path } = new;
    check_name(name)?;
    let checkout = path.as_deref().map(checkout).transpose()?;
    let folder = Path::new(name);
    check_folder(folder)?;
    let (word, files) = match template {
        Template::Counter => ("counter", COUNTER),
        Template::Cart => ("cart", CART),
    };
    for (file, text) in files {
        let text = match *file {
            "Cargo.toml" => manifest(text, word, name, checkout.as_deref()),
            "README.md" => text.replace("{name}", name),
            _ => (*text).to_owned(),
        };
        write(&folder.join(file), &text)?;
    }
    if let Some(checkout) = &checkout {
        // The versions that this checkout was tested with, so that nothing need be fetched.
        let lock = fs::read_to_string(checkout.join("Cargo.lock"));
        lock.map_or(Ok(()), |lock| write(&folder.join("Cargo.lock"), &lock))?;
    }
    let document = json!({ "folder": folder, "template": word });
    screen.result(&document, || {
        format!("{name} is a {word}; begin with:\n  cd {name}\n  cargo test\n  cargo run")
    })
}

fn check_name(name: &str) -> Result<(), Failure> {
    let refused = |why: &str| {
        Failure::usage(format!("`{name}` is no name for a project: {why}"))
            .advice("choose a word as `shop` or `my-shop`")
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(refused("it must begin with a letter"));
    }
    if !name.chars().all(fits) {
        return Err(refused("it has letters, digits, '-' and '_' only; make it where you are"));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(refused("it is longer than 64 characters"));
    }
    if TAKEN.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(refused("Rust or Cargo use it themselves"));
    }
    Ok(())
}

/// Refuses a folder that has anything in it.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    match folder.read_dir().map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => Err(Failure::usage(format!("the folder {shown} is not empty"))
            .advice("choose another name, or remove it")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(_) if folder.exists() => {
            Err(Failure::usage(format!("{shown} is there and no folder that can be read"))
                .advice("choose another name"))
        }
        Err(error) => Err(Failure::file("looking into", folder, &error)),
    }
}

/// The folder of a checkout, from the root.
fn checkout(path: &Path) -> Result<PathBuf, Failure> {
    let refused = |why: String| {
        Failure::usage(format!("--path {}: {why}", path.display()))
            .advice("name the folder that has Tenure's `crates` in it")
    };
    let found = path.canonicalize().map_err(|error| refused(error.to_string()))?;
    if !found.join("crates/tenure/Cargo.toml").is_file() {
        return Err(refused("it is no checkout of Tenure".to_owned()));
    }
    match found.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(found),
        _ => Err(refused("its name cannot be written into a manifest".to_owned())),
    }
}

fn manifest(text: &str, word: &str, name: &str, checkout: Option<&Path>) -> String {
    let dependency = match checkout {
        None => format!("tenure = {{ git = \"{}\" }}", env!("CARGO_PKG_REPOSITORY")),
        Some(checkout) => {
            let path = checkout.join("crates/tenure");
            let quoted = serde_json::to_string(&path).expect("it was checked to be text");
            // A text of TOML is written as one of JSON.
            format!("tenure = {{ path = {quoted} }}")
        }
    };
    text.replace(&format!("name = \"{word}\""), &format!("name = \"{name}\""))
        .replace(DEPENDENCY, &dependency)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = written.and_then(|()| fs::write(path, text));
    written.map_err(|error| Failure::file("writing", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_says_what_is_replaced_once() {
        for (word, files) in [("counter", COUNTER), ("cart", CART)] {
            let (_, text) = files.iter().find(|(file, _)| *file == "Cargo.toml").expect("one");
            for line in [DEPENDENCY, &format!("name = \"{word}\"")] {
                assert_eq!(text.matches(line).count(), 1, "{word}: {line}");
            }
            let rust = format!("rust-version = \"{}\"", env!("CARGO_PKG_RUST_VERSION"));
            assert!(text.contains(&rust), "{word}: {rust}");
            let made = manifest(text, word, "shop", None);
            assert!(
                made.contains("name = \"shop\"") && made.contains("git = \"https://"),
                "{made}"
            );
        }
    }
}
