//! `dev --nodes N`: several processes of this program on this machine, which are one cluster.

mod display;
mod fleet;
mod keys;
mod panel;
mod process;
mod terminal;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::screen;
use super::signals::Signals;
use crate::cluster::{LocalCluster, LocalSeat};
use crate::config::Settings;
use crate::{Error, Result};
use display::Display;
use fleet::{Fleet, NODES_MAX, Order};
use keys::Keys;
use process::{Process, Said};
use terminal::{Terminal, TerminalSignals, Told};

/// Has the seat of a process that another one started.
pub(super) const SEAT_VARIABLE: &str = "TENURE_LOCAL_SEAT";
/// How far apart the ports of two nodes are.
const PORT_STEP: u16 = 10;
/// How often the nodes and the keys are looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How long the last words of nodes may take.
const HEAR_OUT_MAX: Duration = Duration::from_millis(500);
/// How many lines of nodes wait to be shown; past that a node waits until it can say more.
const LINES_MAX: usize = 1_024;
/// How many lines are shown at a time.
const LINES_AT_ONCE: usize = 256;

/// What every node is started with.
pub(super) struct Nodes<'a> {
    pub(super) settings: &'a Settings,
    pub(super) count: u32,
    /// What of the command line is for every node.
    pub(super) arguments: Vec<OsString>,
}

/// A local cluster at work: its nodes, and who looks on.
struct Work<'a> {
    nodes: &'a Nodes<'a>,
    cluster: &'a LocalCluster,
    fleet: Fleet,
    processes: BTreeMap<u32, Process>,
    tell: mpsc::Sender<Said>,
    lines: mpsc::Receiver<Said>,
    keys: Keys,
    terminal: Option<Terminal>,
    display: Display,
    /// What is to be printed.
    text: String,
}

/// The seat that this process was started with, if it was.
pub(super) fn seat_given() -> Result<Option<LocalSeat>> {
    let Some(text) = std::env::var_os(SEAT_VARIABLE) else { return Ok(None) };
    let seat = text.to_str().and_then(|text| text.parse::<LocalSeat>().ok());
    let wrong =
        || Error::Usage(format!("{SEAT_VARIABLE} is no seat; leave it to `dev --nodes`").into());
    seat.map(Some).ok_or_else(wrong)
}

/// Ends this process at once when the one that started it is gone: nothing may be left behind, and without the store
/// there is nothing that could still be saved.
pub(super) fn end_with_parent() {
    // One that is paused must be woken to see it. Elsewhere the kernel wakes who is left alone (POSIX, `_exit`).
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::CONT)).ok();
    thread::spawn(|| {
        let mut said = [0; 64];
        // It says nothing, and the end of what it says is its own.
        while std::io::stdin().lock().read(&mut said).is_ok_and(|read| read > 0) {}
        screen::gone("the process that has the store is gone");
    });
}

impl Nodes<'_> {
    /// Runs them until told to stop. Nodes that end otherwise are started again.
    ///
    /// # Errors
    /// [`Error`]; no process is left.
    pub(super) fn run(&self) -> Result<()> {
        if !(2..=NODES_MAX).contains(&self.count) {
            let what =
                format!("`dev --nodes {}`: write a number from 1 to {NODES_MAX}", self.count);
            return Err(Error::Usage(what.into()));
        }
        for number in 1..=self.count {
            self.addresses(number)?;
        }
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let threads = threads
            .map_err(|error| Error::Start(format!("the threads cannot be made: {error}").into()))?;
        threads.block_on(async {
            let mut signals = Signals::new(false)?;
            let (terminal, mut told) = terminal()?.unzip();
            let cluster = LocalCluster::host(&self.settings.store_path).await?;
            let mut work = Work::new(self, &cluster, terminal);
            let served = work.run(&mut signals, &mut told).await;
            drop(work);
            tokio::select! {
                biased;
                closed = cluster.close() => served.and(closed),
                by = signals.wait() => Err(hurried(by)),
            }
        })
    }

    /// The process of a node, which is not started yet.
    async fn command(&self, cluster: &LocalCluster, number: u32) -> Result<Command> {
        let seat = cluster.seat(&screen::node_name(number)).await?;
        let [calls, admin] = self.addresses(number)?;
        let program = std::env::current_exe().map_err(|error| not_started(number, &error))?;
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .args(["--listen", &calls.to_string()])
            .args(["--admin-listen", &admin.to_string()])
            .arg("dev")
            .env(SEAT_VARIABLE, seat.to_text());
        Ok(command)
    }

    /// Where a node takes calls, and where its admin server listens: port 0 picks any.
    fn addresses(&self, number: u32) -> Result<[SocketAddr; 2]> {
        let step = PORT_STEP * (number - 1) as u16;
        let address = |first: SocketAddr| -> Result<SocketAddr> {
            let port = match first.port() {
                0 => Some(0),
                port => port.checked_add(step),
            };
            let what = || format!("{first} leaves no ports for {number} nodes; choose a lower one");
            let port = port.ok_or_else(|| Error::Usage(what().into()))?;
            Ok(SocketAddr::new(first.ip(), port))
        };
        Ok([address(self.settings.gateway_listen)?, address(self.settings.admin_listen)?])
    }
}

impl<'a> Work<'a> {
    fn new(nodes: &'a Nodes<'a>, cluster: &'a LocalCluster, terminal: Option<Terminal>) -> Self {
        let with_ports = (1..=NODES_MAX).take_while(|it| nodes.addresses(*it).is_ok());
        let numbers_max = with_ports.last().unwrap_or(nodes.count);
        let (tell, lines) = mpsc::channel(LINES_MAX);
        Self {
            nodes,
            cluster,
            fleet: Fleet::new(nodes.count, numbers_max, nodes.settings.drain_budget),
            processes: BTreeMap::new(),
            tell,
            lines,
            keys: Keys::default(),
            display: Display::new(terminal.is_some()),
            terminal,
            text: String::new(),
        }
    }

    /// Keeps the nodes running until told to stop, and ends them.
    ///
    /// # Errors
    /// A node could not be started, or somebody asked twice for the end. The processes have ended.
    async fn run(
        &mut self,
        signals: &mut Signals,
        told: &mut Option<TerminalSignals>,
    ) -> Result<()> {
        let mut look = interval(LOOK_PERIOD);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = Ok(());
        let mut said = Vec::new();
        while !self.fleet.is_over() {
            tokio::select! {
                biased;
                by = signals.wait() => self.stop(by),
                told = told_by(told) => self.handle_told(told),
                _ = look.tick() => self.look(),
                _ = self.lines.recv_many(&mut said, LINES_AT_ONCE) => {}
            }
            said.drain(..).for_each(|said| self.handle_said(said));
            if let Err(error) = self.carry_out().await {
                failed = failed.and(Err(error));
                if !self.fleet.is_stopping() {
                    self.fleet.handle_stop("a failure");
                }
            }
            self.show();
        }
        self.hear_out().await;
        match self.fleet.hurried_by() {
            Some(by) => failed.and(Err(hurried(by))),
            None => failed,
        }
    }

    fn handle_told(&mut self, told: Told) {
        match (told, &mut self.terminal) {
            (Told::Stop(by), _) => self.stop(by),
            (Told::Suspend, Some(terminal)) => {
                self.display.print("", Vec::new());
                terminal.suspend();
            }
            (Told::Resume, Some(terminal)) => terminal.resume(),
            (Told::Suspend | Told::Resume, None) => {}
        }
    }

    fn stop(&mut self, by: &str) {
        if !self.fleet.is_stopping() {
            self.text.push_str(&screen::stopping_line(by, self.nodes.settings.drain_budget));
        }
        self.fleet.handle_stop(by);
    }

    /// Looks which nodes have ended, which keys were pressed, and what it is time for.
    fn look(&mut self) {
        let now = Instant::now();
        let ended =
            self.processes.iter_mut().filter_map(|(number, it)| Some((*number, it.ended()?)));
        for (number, status) in ended.collect::<Vec<_>>() {
            self.processes.remove(&number);
            self.fleet.handle_end(number, &status.to_string(), status.success(), now);
        }
        let typed = self.terminal.as_mut().map(Terminal::read).unwrap_or_default();
        for byte in typed {
            let known: Vec<u32> = self.fleet.nodes().keys().copied().collect();
            let Some(action) = self.keys.handle_byte(byte, &known) else { continue };
            self.fleet.handle_action(action, now);
        }
        self.fleet.handle_tick(now);
    }

    fn handle_said(&mut self, Said { number, run, line }: Said) {
        if let Some(addresses) = screen::ready_addresses(&line) {
            self.fleet.handle_ready(number, run, addresses);
        }
        if let Some(what) = line.strip_prefix("Error: ") {
            self.fleet.handle_trouble(number, run, what.to_owned());
        }
        if self.fleet.is_shown(number) {
            self.text.push_str(&screen::line_of_node(number, &line));
        }
    }

    /// Carries out what is to be done; after a start that failed, no other one.
    async fn carry_out(&mut self) -> Result<()> {
        let mut failed = Ok(());
        for order in self.fleet.take_orders() {
            match order {
                Order::Tell(number, what) => {
                    self.text.push_str(&screen::line_of_node(number, &what));
                }
                Order::Send(number, signal) => {
                    if let Some(process) = self.processes.get(&number) {
                        process.send(signal);
                    }
                }
                Order::Start { number, .. } if failed.is_err() => {
                    self.fleet.handle_not_started(number);
                }
                Order::Start { number, run } => match self.start(number, run).await {
                    Ok(process) => {
                        self.processes.insert(number, process);
                    }
                    Err(error) => {
                        self.fleet.handle_not_started(number);
                        failed = Err(error);
                    }
                },
            }
        }
        failed
    }

    async fn start(&self, number: u32, run: u32) -> Result<Process> {
        let command = self.nodes.command(self.cluster, number).await?;
        let started = Process::start(command, (number, run), &self.tell);
        started.map_err(|error| not_started(number, &error))
    }

    fn show(&mut self) {
        let is_taken = self.terminal.as_mut().is_some_and(Terminal::take);
        let foot =
            if is_taken { panel::lines(&self.fleet, self.keys.chosen()) } else { Vec::new() };
        self.display.print(&std::mem::take(&mut self.text), foot);
    }

    /// Shows what the nodes said last, and the foot no more.
    async fn hear_out(&mut self) {
        let until_quiet = async {
            while let Ok(Some(said)) = timeout(LOOK_PERIOD, self.lines.recv()).await {
                self.handle_said(said);
            }
        };
        // Whoever still speaks is no node, but has a node's output.
        timeout(HEAR_OUT_MAX, until_quiet).await.ok();
        self.display.print(&std::mem::take(&mut self.text), Vec::new());
    }
}

/// The terminal, if there is one that can be drawn on and has keys.
fn terminal() -> Result<Option<(Terminal, TerminalSignals)>> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
    let (keys, out) = (std::io::stdin(), std::io::stdout());
    if is_dumb || !keys.is_terminal() || !out.is_terminal() {
        return Ok(None);
    }
    let failed = |error| Error::Start(format!("the terminal cannot be used: {error}").into());
    Terminal::new(keys.as_fd()).map(Some).map_err(failed)
}

/// Waits for the next signal of the terminal; for ever where there is none.
///
/// # Cancel safety
/// Cancel safe.
async fn told_by(signals: &mut Option<TerminalSignals>) -> Told {
    match signals {
        Some(signals) => signals.wait().await,
        None => std::future::pending().await,
    }
}

fn not_started(number: u32, error: &std::io::Error) -> Error {
    Error::Start(format!("node {number} was not started: {error}").into())
}

fn hurried(by: &str) -> Error {
    Error::Stop(
        format!("{by} came a second time; what was in flight is lost, and what was acknowledged is stored")
            .into(),
    )
}
