use std::fmt;
use std::path::Path;

use anyhow::{Context, bail, ensure};

const LIST: &str = "xtask/mutants.toml";

/// One mechanism, and how to take it away.
pub(crate) struct Mutant {
    /// What is done, in a few words.
    pub(crate) name: String,
    /// The promise that it breaks.
    pub(crate) promise: String,
    /// The file, from the workspace's folder.
    pub(crate) file: String,
    find: String,
    replace: String,
    pub(crate) test: Test,
}

/// A test: `package target name`, the target being `lib` for unit tests. Behind the package may come `+` and a feature.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) name: String,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.package, self.target, self.name)
    }
}

/// Reads the list of the workspace in `root`.
pub(crate) fn read(root: &Path) -> anyhow::Result<Vec<Mutant>> {
    let text = std::fs::read_to_string(root.join(LIST))
        .with_context(|| format!("could not read {LIST}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("could not parse {LIST}"))?;
    let entries = table.get("mutant").and_then(toml::Value::as_array);
    entries.with_context(|| format!("{LIST} has no [[mutant]]"))?.iter().map(mutant).collect()
}

fn mutant(entry: &toml::Value) -> anyhow::Result<Mutant> {
    let text = |key: &str| {
        let value = entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        value.with_context(|| format!("{LIST}: a mutant has no `{key}`: {entry}"))
    };
    let words = text("test")?;
    let [package, target, name] = words.split(' ').collect::<Vec<_>>()[..] else {
        bail!("{LIST}: `test` is `package target name`, not `{words}`");
    };
    let test = Test { package: package.into(), target: target.into(), name: name.into() };
    Ok(Mutant {
        name: text("name")?,
        promise: text("promise")?,
        file: text("file")?,
        find: text("find")?,
        replace: text("replace")?,
        test,
    })
}

impl Mutant {
    /// The file's text with the mechanism taken away.
    ///
    /// # Errors
    ///
    /// When the text to replace is not there exactly once.
    pub(crate) fn apply(&self, text: &str) -> anyhow::Result<String> {
        let count = text.matches(self.find.as_str()).count();
        ensure!(
            count == 1,
            "{LIST}: the mutant `{}` fits {count} times into {}; write it anew",
            self.name,
            self.file
        );
        Ok(text.replacen(&self.find, &self.replace, 1))
    }

    /// Checks that it fits the code.
    pub(crate) fn check(&self, root: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(root.join(&self.file))
            .with_context(|| format!("{LIST}: the mutant `{}`: {}", self.name, self.file))?;
        self.apply(&text).map(drop)
    }
}
