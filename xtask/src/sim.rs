//! `cargo xtask sim`: whole clusters on virtual time.

use std::path::Path;

use crate::command::{Invocation, timed};

/// The argument that takes a mechanism away, for which the program is built apart.
const PLANT: &str = "--plant";

/// Runs the simulation's program.
const RUN: [&str; 7] =
    ["run", "--release", "--quiet", "--package", "tenure-sim-cluster", "--bin", "tenure-sim"];

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Arguments of the simulation itself; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Where the seeds stand that found something once.
const SEEDS: &str = "crates/sim-cluster/tests/seeds.txt";

/// How long `ci` runs seeds that nobody has run.
const FRESH_MINUTES: &str = "10";

/// Every seed that ever found something.
pub(crate) fn kept() -> Invocation {
    Invocation::cargo(&[&RUN[..], &["--", "--seeds", SEEDS]].concat())
}

/// Seeds that nobody has run. The first one follows from what is checked in under `crates`: other sources have other seeds, and a second
/// run of the same ones finds the same.
pub(crate) fn fresh(root: &Path) -> Invocation {
    let run = [&RUN[..], &["--", "--minutes", FRESH_MINUTES, "--shrink", "60"]].concat();
    let run = Invocation::cargo(&run);
    let tree = Invocation::new("git", &["rev-parse", "HEAD:crates"]).read(root);
    match tree.ok().and_then(|name| seed_of(name.trim())) {
        Some(seed) => run.args(&["--first".to_owned(), format!("{seed:#x}")]),
        // Sources without their history: any will do.
        None => run,
    }
}

/// A seed that follows from the name of a tree.
fn seed_of(tree: &str) -> Option<u64> {
    let bits = u64::from_str_radix(tree.get(..16)?, 16).ok()?;
    // Thousands of seeds follow it.
    Some(bits >> 1)
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    // Their names are told by any build.
    let features: &[&str] = match plant_of(&options.args).is_some_and(|plant| plant != "list") {
        // Another folder, so that one build does not undo the other.
        true => &["--features", "planted", "--target-dir", "target/planted"],
        false => &[],
    };
    let run = Invocation::cargo(&[&RUN[..], features, &["--"]].concat()).args(&options.args);
    timed("sim", &run.to_string(), || run.run(root)).0
}

/// What is given to `--plant`, in the flag or behind it.
fn plant_of(args: &[String]) -> Option<&str> {
    args.iter().enumerate().find_map(|(place, arg)| match arg.strip_prefix(PLANT)? {
        "" => Some(args.get(place + 1).map_or("", String::as_str)),
        value => value.strip_prefix('='),
    })
}

#[cfg(test)]
mod tests {
    use super::{plant_of, seed_of};

    #[test]
    fn a_plant_is_named_in_its_flag_or_behind_it() {
        let plant = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            plant_of(&args).map(str::to_owned)
        };
        assert_eq!(plant(&["--seeds", "list", "--plant", "fence"]).as_deref(), Some("fence"));
        assert_eq!(plant(&["--plant=list"]).as_deref(), Some("list"));
        assert_eq!(plant(&["--plant"]).as_deref(), Some(""));
        assert_eq!(plant(&["--planted", "--seeds", "list"]), None);
    }

    #[test]
    fn equal_trees_have_equal_seeds() {
        let name = "fedcba98765432100123456789abcdef01234567";
        assert_eq!(seed_of(name), Some(0x7f6e_5d4c_3b2a_1908));
        assert_eq!((seed_of(""), seed_of("no tree is named so")), (None, None));
    }
}
