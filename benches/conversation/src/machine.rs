//! The machine: which cores a process runs on, and what a table says of it.

use std::process::Command;

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// As many as the largest run needs.
const FILES_WANTED: u64 = 8_192;

/// The cores this process may use: those for services and stores, and the one for the load.
pub(crate) struct Cores {
    services: CpuSet,
    load: CpuSet,
}

impl Cores {
    /// All cores for both, or the last one for the load and the others for services.
    ///
    /// # Errors
    /// There is one core alone, and it is not to be shared.
    pub(crate) fn read(are_shared: bool) -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("could not ask for the cores")?;
        if are_shared {
            return Ok(Self { services: allowed, load: allowed });
        }
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
        let (last, others) = cores.split_last().context("a process has a core")?;
        ensure!(
            !others.is_empty(),
            "this needs two cores, one of them for the load; with one, say --share-cores"
        );
        let mut cores = Self { services: CpuSet::new(), load: CpuSet::new() };
        others.iter().for_each(|core| cores.services.set(*core));
        cores.load.set(*last);
        Ok(cores)
    }

    /// From now on what this thread starts runs where services do.
    pub(crate) fn of_services(&self) -> anyhow::Result<()> {
        sched_setaffinity(None, &self.services).context("could not choose the services' cores")
    }

    /// From now on this thread runs where the load does.
    pub(crate) fn of_load(&self) -> anyhow::Result<()> {
        sched_setaffinity(None, &self.load).context("could not choose the load's core")
    }
}

/// Lets this process, and those it starts, open as many files as 1,024 connections need.
pub(crate) fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES_WANTED, |it| it.min(FILES_WANTED));
    if limit.current.is_some_and(|it| it < wanted) {
        // Where it is not allowed the connections say so.
        let _: rustix::io::Result<()> =
            setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
    }
}

/// What the figures depend on, without a name of the machine.
pub(crate) fn facts() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or("unknown").trim_matches([' ', '\t', ':']);
    let memory = read("/proc/meminfo");
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = memory.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let gib = (kib.unwrap_or(0) + (1 << 19)) >> 20;
    let kernel = first_line("uname", &["-sr"]);
    let compiler = first_line("rustc", &["--version"]);
    let redis = first_line("redis-server", &["--version"]);
    let redis = redis.split_whitespace().find_map(|it| it.strip_prefix("v=")).unwrap_or("?");
    format!(
        "cores: {cores}; processor: {model}; memory: {gib} GiB; kernel: {kernel}; compiler: {compiler}; \
         Redis {redis}"
    )
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok().and_then(|text| Some(text.lines().next()?.to_owned())).unwrap_or_default()
}
