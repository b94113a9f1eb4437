//! `cargo xtask clients`: clients that know nothing of Tenure. Some are made from the OpenAPI document, some
//! follow actors while their node is restarted, some mean no good.
//!
//! What they need is installed into `target/clients`, once.

mod hostile;
mod live;
mod program;
mod step;

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::ci::programs;
use crate::command::{Invocation, timed};
use program::Program;
use step::{step, venv};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many requests schemathesis makes up for each operation.
    #[arg(long, default_value_t = 500)]
    examples: u32,
}

/// What is copied beside the installed packages: Node looks for packages where a program lies.
const FILES: [&str; 12] = [
    "client.mjs",
    "client.py",
    "client.ts",
    "follow.ts",
    "hooks.py",
    "live.mjs",
    "live.py",
    "package.json",
    "requirements.txt",
    "schemathesis.toml",
    "stream.mjs",
    "tsconfig.json",
];

/// The page whose TypeScript is compiled.
const LIVE_PAGE: &str = "docs/how-to/live.md";

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let folder = root.join("target/clients");
    step("build", root, &Invocation::cargo(&["build", "--package", "shapes"]))?;
    let live = ["build", "--package", "tenure", "--example", "live"];
    step("build", root, &Invocation::cargo(&live))?;
    programs::install(root, &[("slowhttptest", "slowhttptest")])?;
    install(root, &folder)?;
    let data = folder.join("data");
    let live_data = folder.join("live-data");
    let typed_data = folder.join("typed-data");
    // What schemathesis found once it tries again, whatever it was told since.
    let found = [".hypothesis", ".schemathesis"].map(|name| folder.join(name));
    for left in [&data, &live_data, &typed_data].into_iter().chain(&found) {
        if left.exists() {
            std::fs::remove_dir_all(left).context("could not delete what the last run left")?;
        }
    }
    let live = root.join("target/debug/examples/live");
    timed("live", "clients that follow an actor", || live::run(&live, &live_data, &folder)).0?;
    hostile::sockets(root, &folder)?;
    let program = Program::start(&root.join("target/debug/shapes"), &data)?;
    let document = program.document("shapes.json", &folder)?;
    step("validate", &folder, &venv("openapi-spec-validator", &[&document]))?;
    let types = ["openapi-typescript", &document, "--output", "shapes.ts"];
    step("types", &folder, &npx(&types))?;
    let room = Program::start(&live, &typed_data)?;
    let types =
        ["openapi-typescript", &room.document("live.json", &folder)?, "--output", "live.ts"];
    step("types", &folder, &npx(&types))?;
    step("compile", &folder, &npx(&["tsc"]))?;
    let calls = program.calls();
    step("typescript", &folder, &Invocation::new("node", &["out/client.js", calls]))?;
    step("follow", &folder, &Invocation::new("node", &["out/follow.js", room.calls()]))?;
    step("npm", &folder, &Invocation::new("node", &["client.mjs", calls]))?;
    step("pypi", &folder, &venv("python", &["client.py", calls]))?;
    timed("slow", "slowhttptest", || hostile::slow(calls)).0?;
    let examples = options.examples.to_string();
    let arguments = [
        "--config-file=schemathesis.toml",
        "run",
        &document,
        "--url",
        calls,
        "--phases=examples,coverage,fuzzing",
        "--no-color",
        "--max-examples",
        &examples,
    ];
    let found = venv("schemathesis", &arguments).env("SCHEMATHESIS_HOOKS", "hooks");
    step("schemathesis", &folder, &found)
}

/// The types for `centrifuge` that the documentation gives: what people copy is what is compiled here.
fn typed_helper(root: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(root.join(LIVE_PAGE)).context(LIVE_PAGE)?;
    let block = text.split_once("```ts\n").and_then(|(_, rest)| rest.split_once("```"));
    let (block, _) = block.with_context(|| format!("{LIVE_PAGE} has no block of TypeScript"))?;
    Ok(block.to_owned())
}

fn npx(arguments: &[&str]) -> Invocation {
    Invocation::new("npx", &[&["--no-install"], arguments].concat())
}

/// Copies the clients, and installs what they need where that has changed.
fn install(root: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let source = root.join("xtask/clients");
    let mut has_changed = false;
    for name in FILES {
        let text = std::fs::read(source.join(name)).with_context(|| format!("no {name}"))?;
        let is_list = matches!(name, "package.json" | "requirements.txt");
        let copy = folder.join(name);
        has_changed |= is_list && std::fs::read(&copy).ok() != Some(text.clone());
        std::fs::write(copy, text)?;
    }
    std::fs::write(folder.join("topics.ts"), typed_helper(root)?)?;
    let done: PathBuf = folder.join("installed");
    if done.exists() && !has_changed {
        println!("present: what clients need, in {}", folder.display());
        return Ok(());
    }
    let _ = std::fs::remove_file(&done);
    step("venv", folder, &Invocation::new("python3", &["-m", "venv", "venv"]))?;
    step(
        "pip",
        folder,
        &venv("pip", &["install", "--quiet", "--requirement", "requirements.txt"]),
    )?;
    let npm = ["install", "--no-audit", "--no-fund", "--silent"];
    step("npm install", folder, &Invocation::new("npm", &npm))?;
    std::fs::write(done, "")?;
    Ok(())
}
