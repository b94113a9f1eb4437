//! The first step: the compiler is the one this repository is built with, and has its components.

use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::command::Invocation;

/// Checks that rustc is the workspace's `rust-version`, and that rustfmt and clippy are there.
///
/// # Errors
///
/// When one of them is not; the message says what to type.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let wanted = wanted_version(root)?;
    let found = Invocation::new("rustc", &["--version"]).read(root)?;
    println!("{}", found.trim());
    ensure!(
        is_release_of(&found, &wanted),
        "this workspace is built and tested with Rust {wanted}, and `rustc --version` says {}; \
         type `rustup toolchain install {wanted} --component rustfmt,clippy` once, then \
         `cargo +{wanted} xtask ci`",
        found.trim(),
    );
    for (component, args) in
        [("rustfmt", ["fmt", "--version"]), ("clippy", ["clippy", "--version"])]
    {
        if Invocation::cargo(&args).read(root).is_err() {
            bail!("{component} is not installed; type `rustup component add {component}`");
        }
    }
    Ok(())
}

fn wanted_version(root: &Path) -> anyhow::Result<String> {
    let path = root.join("Cargo.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("could not read {}", path.display()))?;
    let manifest: toml::Table =
        text.parse().with_context(|| format!("could not parse {}", path.display()))?;
    let version = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("rust-version")?.as_str())
        .with_context(|| format!("{} has no workspace.package.rust-version", path.display()))?;
    Ok(version.to_owned())
}

/// Says whether `rustc --version` names a release of `wanted`, for example 1.95.2 of 1.95.
fn is_release_of(rustc: &str, wanted: &str) -> bool {
    let Some(found) = rustc.split_whitespace().nth(1) else {
        return false;
    };
    found == wanted || found.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_release_of;

    #[test]
    fn only_releases_of_the_wanted_version_pass() {
        for (rustc, expected) in [
            ("rustc 1.95.0 (59807616e 2026-04-14)", true),
            ("rustc 1.95.1 (59807616e 2026-05-14)", true),
            ("rustc 1.96.0 (59807616e 2026-05-14)", false),
            ("rustc 1.950.0 (59807616e 2026-05-14)", false),
            ("", false),
        ] {
            assert_eq!(is_release_of(rustc, "1.95"), expected, "{rustc}");
        }
    }
}
