use std::fmt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::list::Test;
use super::tree::Tree;

/// A test that runs longer waits for what the mutant took away.
const TIME_MAX: Duration = Duration::from_secs(180);
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// What became of a test.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Hung,
    /// The compiler refused the mutant.
    NotCompiled,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "SURVIVED",
            Self::Failed => "caught",
            Self::Hung => "caught (hung)",
            Self::NotCompiled => "NOT COMPILED",
        })
    }
}

/// Compiles and runs one test in the copy.
pub(crate) fn try_test(tree: &Tree, test: &Test) -> anyhow::Result<Verdict> {
    let Some(program) = compile(tree, test)? else { return Ok(Verdict::NotCompiled) };
    // Not a pipe: nobody reads while it runs.
    let said = tree.target.join("said.txt");
    let mut running = Command::new(&program)
        .args(["--exact", &test.name])
        .current_dir(tree.folder())
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&said).context("could not keep the test's output")?)
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("could not start {}", program.display()))?;
    let Some(is_green) = wait(&mut running)? else { return Ok(Verdict::Hung) };
    let said = std::fs::read(&said).context("could not read the test's output")?;
    if is_green && !String::from_utf8_lossy(&said).contains("1 passed") {
        bail!("{test} names no test");
    }
    Ok(if is_green { Verdict::Passed } else { Verdict::Failed })
}

/// Gives the test's program, `None` where the compiler refuses the code.
fn compile(tree: &Tree, test: &Test) -> anyhow::Result<Option<PathBuf>> {
    let target = match test.target.as_str() {
        "lib" => vec!["--lib"],
        name => vec!["--test", name],
    };
    let (package, features) = test.package.split_once('+').unwrap_or((&test.package, ""));
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--no-run", "--package", package, "--features", features])
        .args(target)
        .current_dir(tree.folder())
        .env("CARGO_TARGET_DIR", &tree.target)
        .env("CARGO_TERM_COLOR", "never")
        .output()
        .context("could not start cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{said}");
        return Ok(None);
    }
    let program = said.lines().find_map(|line| {
        let (_, program) = line.trim().strip_prefix("Executable ")?.rsplit_once('(')?;
        program.strip_suffix(')').map(PathBuf::from)
    });
    program.map(Some).with_context(|| format!("cargo named no program for {test}"))
}

/// Gives whether the program ended well, `None` if it had to be ended.
fn wait(running: &mut Child) -> anyhow::Result<Option<bool>> {
    let start = Instant::now();
    loop {
        if let Some(status) = running.try_wait().context("could not look for the test's end")? {
            return Ok(Some(status.success()));
        }
        if start.elapsed() > TIME_MAX {
            running.kill().context("could not end the test")?;
            running.wait().context("could not wait for the test's end")?;
            return Ok(None);
        }
        std::thread::sleep(LOOK_PERIOD);
    }
}
