//! All actors of a store as one file: from an embedded store into a database and into another folder, and from
//! each of them again. Every file must be the same, and the program must find its actors as they were.

mod actors;
mod command;
mod options;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::database;
use crate::stage::program;
use actors::Actors;
use command::{Command, Told};

pub use options::Options;

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    actors: u64,
    rows: u64,
    bytes: u64,
    digest: String,
    making: Duration,
    steps: Vec<(&'static str, Told)>,
    sampled: u64,
    findings: Vec<String>,
}

/// Makes the actors, moves them, and compares.
///
/// # Errors
/// When the campaign could not be carried out. What differs is no error but in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    println!("campaign ship: {} actors, {} events of one", options.actors, options.events);
    let tenure = Command::new(program(options.tenure.as_deref(), "tenure", "tenure-cli")?);
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = folder.context("could not make a folder")?;
    let path = |name: &str| folder.path().join(name);
    let actors = Actors { options: options.clone(), runtime: tokio::runtime::Runtime::new()? };
    let begun = Instant::now();
    actors.make(&path("from"))?;
    let making = begun.elapsed();
    println!("made in {:.1} s", making.as_secs_f64());

    let server = database::start(None)?;
    let url = server.url();
    let [from, to] = ["from", "to"].map(|name| ["--data".into(), path(name).into_os_string()]);
    let base: [OsString; 2] = ["--store".into(), url.into()];
    let mut steps = Vec::new();
    let mut step = |name: &'static str, verb: &str, file: &str, store: &[OsString]| {
        let told = tenure.run(verb, &path(file), store)?;
        println!("{name}: {told}");
        steps.push((name, told));
        anyhow::Ok(())
    };
    step("export of the folder", "export", "1", &from)?;
    step("verify", "verify", "1", &[])?;
    step("import into the database", "import", "1", &base)?;
    step("export of the database", "export", "2", &base)?;
    step("import into a folder", "import", "2", &to)?;
    step("export of that folder", "export", "3", &to)?;
    let compare = |store: &[OsString; 2]| [&[OsString::from("--verify")][..], store].concat();
    step("compare with the folder", "export", "1", &compare(&from))?;
    step("compare with the database", "export", "1", &compare(&base))?;
    let first = &steps[0].1;
    let mut report = Report {
        actors: first.number("actors")?,
        rows: first.number("rows")?,
        bytes: first.number("bytes")?,
        digest: first.text("digest")?,
        making,
        sampled: options.sample.min(options.actors),
        findings: Vec::new(),
        steps,
    };
    if report.actors != options.actors + 1 {
        report.findings.push(format!("{} actors were exported", report.actors));
    }
    for file in ["2", "3"] {
        if !are_equal(&path("1"), &path(file))? {
            report.findings.push(format!("the files 1 and {file} differ"));
        }
    }
    flip(&path("3"), report.bytes / 2)?;
    tenure.refused(
        "import",
        &path("3"),
        &["--data".into(), path("none").into()],
        "does not match",
    )?;
    if path("none").exists() {
        report.findings.push("a file with a flipped bit left something".to_owned());
    }
    report.findings.extend(actors.look(&path("to"))?);
    tenure.refused("export", &path("1"), &compare(&to), "is another in the store")?;
    Ok(report)
}

fn are_equal(one: &Path, other: &Path) -> anyhow::Result<bool> {
    let open = |path: &Path| anyhow::Ok(BufReader::new(File::open(path)?));
    let (mut one, mut other) = (open(one)?, open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(other.read(&mut right)? == 0);
        }
        if other.read_exact(&mut right[..read]).is_err() || left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

fn flip(file: &Path, at: u64) -> anyhow::Result<()> {
    let mut file = File::options().read(true).write(true).open(file)?;
    let mut byte = [0];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&[byte[0] ^ 1])?;
    Ok(())
}

impl Report {
    /// Whether anything was lost or differs.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "WRONG: {finding}")?;
        }
        let peak = self.steps.iter().map(|(_, told)| told.peak_kib >> 10).max().unwrap_or(0);
        write!(
            f,
            "ship: {} actors, {} rows, {:.1} MiB made in {:.0} s; files equal, digest {}; at most {peak} MiB \
             of memory; {} looked at, {} findings",
            self.actors,
            self.rows,
            self.bytes as f64 / f64::from(1 << 20),
            self.making.as_secs_f64(),
            self.digest,
            self.sampled,
            self.findings.len(),
        )
    }
}
