//! The machine: which core a process runs on, and what a table says of it.

use std::process::Command;

use anyhow::Context;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Lets this thread, and the threads it makes from now on, run on the first core only.
pub(crate) fn pin_to_first_core() -> anyhow::Result<()> {
    pin(|cores| cores.first().copied())
}

/// As [`pin_to_first_core`], on the last one.
pub(crate) fn pin_to_last_core() -> anyhow::Result<()> {
    pin(|cores| cores.last().copied())
}

fn pin(choose: impl Fn(&[usize]) -> Option<usize>) -> anyhow::Result<()> {
    let allowed = sched_getaffinity(None).context("could not ask for the cores of this process")?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
    let mut one = CpuSet::new();
    one.set(choose(&cores).context("a process has a core")?);
    sched_setaffinity(None, &one).context("could not choose a core")
}

/// What the figures depend on, without a name of the machine.
pub(crate) fn facts() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    vec![
        ("cores", cores.to_string()),
        ("processor", processor()),
        ("memory", memory()),
        ("kernel", first_line("uname", &["-sr"])),
        ("compiler", first_line("rustc", &["--version"])),
        ("build", "release profile, mimalloc as the allocator of every process".to_owned()),
    ]
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model
        .map_or_else(|| "unknown".to_owned(), |rest| rest.trim_matches([' ', '\t', ':']).to_owned())
}

fn memory() -> String {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} GiB", (kib + (1 << 19)) >> 20))
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok().and_then(|text| Some(text.lines().next()?.to_owned())).unwrap_or_default()
}

/// As many as the largest case needs.
const FILES_WANTED: u64 = 65_536;

/// Lets this process, and those it starts, open as many files as it may.
pub(crate) fn allow_many_files() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let more = Rlimit { current: Some(FILES_WANTED), maximum: Some(FILES_WANTED) };
    if limit.current.is_none_or(|it| it >= FILES_WANTED)
        || setrlimit(Resource::Nofile, more).is_ok()
    {
        return Ok(());
    }
    // Who is not root may have what was set for it.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}
