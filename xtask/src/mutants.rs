//! `cargo xtask mutants`: takes one mechanism away at a time, and looks whether its test fails.
//!
//! `xtask/mutants.toml` lists them: a piece of text, what takes its place, and the test that must
//! turn red. Each is applied in a copy of the workspace below `target/mutants`.

mod list;
mod tree;
mod trial;

use std::path::Path;

use anyhow::bail;

use list::Mutant;
use tree::Tree;
use trial::{Verdict, try_test};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only those whose names contain one of these words.
    words: Vec<String>,
    /// Print the list and run nothing.
    #[arg(long)]
    list: bool,
}

/// Applies the mutants one after the other.
///
/// # Errors
///
/// When a mutant survives, does not compile or fits nowhere, or a test fails without any.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let mut mutants = list::read(root)?;
    let is_wanted = |name: &str| options.words.iter().any(|word| name.contains(word.as_str()));
    mutants.retain(|it| options.words.is_empty() || is_wanted(&it.name));
    if mutants.is_empty() {
        bail!("no mutant has such a name; `cargo xtask mutants --list` prints them");
    }
    for mutant in &mutants {
        mutant.check(root)?;
    }
    if options.list {
        mutants.iter().for_each(|it| println!("{}: {} ({})", it.promise, it.name, it.test));
        return Ok(());
    }
    let tree = Tree::copy(root)?;
    check_without(&tree, &mutants)?;
    let mut bad = Vec::new();
    for (at, mutant) in mutants.iter().enumerate() {
        let verdict = try_mutant(&tree, mutant)?;
        println!("{:3}/{} {verdict}: {}: {}", at + 1, mutants.len(), mutant.promise, mutant.name);
        println!("        {}", mutant.test);
        if verdict != Verdict::Failed && verdict != Verdict::Hung {
            bad.push(mutant.name.as_str());
        }
    }
    println!("{} of {} mutants were caught", mutants.len() - bad.len(), mutants.len());
    if !bad.is_empty() {
        bail!("not caught: {}", bad.join("; "));
    }
    Ok(())
}

/// A test that fails without a mutant catches nothing.
fn check_without(tree: &Tree, mutants: &[Mutant]) -> anyhow::Result<()> {
    let mut tests: Vec<_> = mutants.iter().map(|it| &it.test).collect();
    tests.sort();
    tests.dedup();
    for test in tests {
        match try_test(tree, test)? {
            Verdict::Passed => {}
            verdict => bail!("without a mutant, {test} {verdict}"),
        }
    }
    Ok(())
}

fn try_mutant(tree: &Tree, mutant: &Mutant) -> anyhow::Result<Verdict> {
    let before = tree.read(&mutant.file)?;
    tree.write(&mutant.file, &mutant.apply(&before)?)?;
    let verdict = try_test(tree, &mutant.test);
    tree.write(&mutant.file, &before)?;
    verdict
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::list;

    /// A change of the code that moves a mechanism moves its mutant with it.
    #[test]
    fn every_mutant_fits_the_code_and_names_a_test() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in a folder");
        let mutants = list::read(root).expect("the list is read");
        for mutant in &mutants {
            mutant.check(root).unwrap_or_else(|error| panic!("{error:#}"));
        }
        let mut names: Vec<_> = mutants.iter().map(|it| &it.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), mutants.len(), "two mutants have one name");
    }
}
