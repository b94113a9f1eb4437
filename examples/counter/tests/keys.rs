//! The keys of `dev --nodes 3`, pressed at a terminal: what they do is asked of the nodes, over HTTP.

mod local;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use local::{call, call_within, children, is_running, signal, state, wait_until};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

/// After how long a call to a node that is paused is given up.
const SOON: Duration = Duration::from_millis(500);
const CTRL_C: &[u8] = b"\x03";
const CTRL_Z: &[u8] = b"\x1a";

/// A local cluster at a terminal of its own.
struct Screen {
    parent: Child,
    /// A person's end of the terminal.
    person: File,
    /// The program's end: its settings are looked at after the program is gone.
    terminal: OwnedFd,
    settings_before: String,
    /// All that was ever shown.
    shown: Arc<Mutex<String>>,
}

impl Screen {
    fn start(data: &Path) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&person).and_then(|()| unlockpt(&person)).expect("it can be opened");
        let name = ptsname(&person, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = open(name, flags, Mode::empty()).expect("its other end");
        let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("a size");
        let settings_before = settings(&terminal);
        let end = || Stdio::from(terminal.try_clone().expect("a descriptor"));
        // A session of its own, whose terminal this is: else ctrl-c would be nobody's signal.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_counter")).args(["dev", "--nodes", "3"]);
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.args(["--set", "node.drain_budget=10m", "--data"]).arg(data).env("TERM", "xterm");
        let parent = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("it starts");
        let mut person = File::from(person);
        let shown = Arc::new(Mutex::new(String::new()));
        let (keep, mut from) = (Arc::clone(&shown), person.try_clone().expect("a descriptor"));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                keep.lock().expect("no panic").push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        person.flush().expect("nothing is kept back");
        let screen = Self { parent, person, terminal, settings_before, shown };
        for number in 1..=3 {
            screen.ready(number, 1);
        }
        screen.sees("keys: [k] kill a node");
        screen
    }

    fn press(&mut self, keys: &[u8]) {
        self.person.write_all(keys).expect("the terminal takes keys");
    }

    /// Waits until something is shown, now or before.
    fn sees(&self, what: &str) {
        wait_until(&format!("`{what}` is shown"), || self.shown.lock().expect("no panic").contains(what));
    }

    /// How often a node was ready, and where it was the last time.
    fn readies(&self, number: u32) -> (usize, Option<String>) {
        let shown = self.shown.lock().expect("no panic");
        let said = format!("node-{number} | ready: calls on http://");
        let addresses = shown.split(&said).skip(1).map_while(|rest| rest.split_once(','));
        let addresses: Vec<_> = addresses.map(|(address, _)| address.to_owned()).collect();
        (addresses.len(), addresses.last().cloned())
    }

    /// Waits until a node is ready for this time; where it takes calls.
    fn ready(&self, number: u32, times: usize) -> String {
        let mut address = None;
        wait_until(&format!("node-{number} is ready"), || {
            let (count, last) = self.readies(number);
            address = last;
            count >= times && address.is_some()
        });
        address.expect("it was waited for")
    }

    /// Whether its terminal waits for lines, as programs find it.
    fn has_lines(&self) -> bool {
        tcgetattr(&self.terminal).expect("a terminal").local_modes.contains(LocalModes::ICANON)
    }

    /// Waits for the end: of all processes, with the terminal as it was.
    fn end(mut self, children: &[u32]) -> ExitStatus {
        let mut status = None;
        wait_until("it ends", || {
            status = self.parent.try_wait().expect("it was started");
            status.is_some()
        });
        assert!(!children.iter().any(|pid| is_running(*pid)), "no process stays behind");
        assert_eq!(settings(&self.terminal), self.settings_before);
        status.expect("it was waited for")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.parent.kill().ok();
        self.parent.wait().ok();
        if thread::panicking() {
            eprintln!("{}", self.shown.lock().expect("no panic"));
        }
    }
}

fn settings(terminal: &OwnedFd) -> String {
    let Termios { input_modes, output_modes, control_modes, local_modes, special_codes, .. } =
        tcgetattr(terminal).expect("a terminal");
    format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?} {special_codes:?}")
}

/// What the counter has, asked at this node.
fn value(address: &str) -> Option<String> {
    call_within(SOON, address, "/v1/counter/42/add", "0")
}

fn answers(address: &str) -> bool {
    value(address).as_deref() == Some("5")
}

#[test]
fn nodes_are_killed_paused_drained_and_added_by_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::start(folder.path());
    assert!(!screen.has_lines(), "keys come one by one");
    assert_eq!(call(&screen.ready(1, 1), "/v1/counter/42/add", "5").as_deref(), Some("5"));

    // A key without a node does nothing but say so.
    screen.press(b"k");
    screen.sees("choose a node first, by its number or the arrows");

    screen.press(b"2k");
    screen.sees("node-2 | ended (signal: 9 (SIGKILL)); it is started again");
    let back = screen.ready(2, 2);
    wait_until("the killed one is back", || answers(&back));

    screen.press(b"1p");
    let paused = screen.ready(1, 1);
    wait_until("the paused one does not answer", || value(&paused).is_none());
    screen.sees("paused (SIGSTOP); [p] lets it continue");
    screen.press(b"p");
    // If others took over meanwhile it starts again, elsewhere.
    wait_until("it answers again", || screen.readies(1).1.is_some_and(|address| answers(&address)));

    let leaves = screen.ready(3, 1);
    wait_until("it answers", || answers(&leaves));
    screen.press(b"3d");
    screen.sees("node-3 | has left in good order");
    assert_eq!(value(&leaves), None, "nobody listens there any more");
    // Another one is started again meanwhile: so this one could have been.
    screen.press(b"2k");
    let back = screen.ready(2, 3);
    wait_until("the killed one is back", || answers(&back));
    assert_eq!(screen.readies(3).0, 1, "a drained node stays away");

    screen.press(b"a");
    let again = screen.ready(3, 2);
    wait_until("the drained one is back", || answers(&again));
    screen.press(b"a");
    let new = screen.ready(4, 1);
    wait_until("the new one answers", || answers(&new));

    let children = children(screen.parent.id());
    assert_eq!(children.len(), 4);
    screen.press(CTRL_C);
    assert!(screen.end(&children).success(), "ctrl-c is an orderly end");
}

#[test]
fn the_terminal_is_given_back_for_a_while_and_after_sigterm() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::start(folder.path());
    let pid = screen.parent.id();
    screen.press(CTRL_Z);
    wait_until("it is stopped", || state(pid) == Some('T'));
    assert_eq!(settings(&screen.terminal), screen.settings_before);
    signal("-CONT", pid);
    wait_until("it has its keys again", || !screen.has_lines());
    screen.press(b"1l");
    screen.sees("the logs of node-1 are hidden");
    let children = children(pid);
    signal("-TERM", pid);
    assert!(screen.end(&children).success(), "SIGTERM is an orderly end");
}

#[test]
fn a_second_ctrl_c_kills_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::start(folder.path());
    let children = children(screen.parent.id());
    for pid in &children {
        signal("-STOP", *pid);
        wait_until("a node is stopped", || state(*pid) == Some('T'));
    }
    screen.press(b"q");
    screen.sees("q: stopping; [q] or ctrl-c again kills those that are left");
    assert!(children.iter().all(|pid| is_running(*pid)), "the first one waits");
    screen.press(CTRL_C);
    assert_eq!(screen.end(&children).code(), Some(1), "this is no orderly end");
}
