//! The terminal: keys come one by one while it is ours, and it is given back as it was on every way out.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Once;

use parking_lot::Mutex;
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcgetpgrp, tcgetwinsize, tcsetattr,
};
use tokio::signal::unix::{self, SignalKind, signal};

/// The terminal that is to be given back, and its settings from before. Whoever gives it back may be a panic of any thread.
static TAKEN: Mutex<Option<(OwnedFd, Termios)>> = Mutex::new(None);
static AT_PANIC: Once = Once::new();
/// What is assumed of a terminal that does not say how large it is.
const SIZE: (usize, usize) = (80, 24);
/// The most that is read at a time; the rest comes next time.
const READ_BYTES_MAX: usize = 64;

/// The terminal of this process. Dropping it gives it back.
pub(super) struct Terminal {
    keys: OwnedFd,
    was_ours: bool,
}

/// The signals that mean something else where there is a terminal. They end or stop other programs.
pub(super) struct TerminalSignals {
    quit: unix::Signal,
    hangup: unix::Signal,
    suspend: unix::Signal,
    resume: unix::Signal,
}

/// What such a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Stop(&'static str),
    /// By ctrl-z.
    Suspend,
    Resume,
}

impl Terminal {
    /// Keys come from `keys`, a terminal. Nothing is changed yet. The signals must be asked for on a tokio runtime.
    ///
    /// # Errors
    /// [`io::Error`] where the system refuses a descriptor or a signal.
    pub(super) fn new(keys: BorrowedFd<'_>) -> io::Result<(Self, TerminalSignals)> {
        let signals = TerminalSignals {
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            suspend: signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?,
            resume: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
        };
        Ok((Self { keys: keys.try_clone_to_owned()?, was_ours: false }, signals))
    }

    /// Takes the terminal if it is ours to take and was not taken yet; whether it is taken. A process in the background
    /// would be stopped by the kernel for reading or setting it.
    pub(super) fn take(&mut self) -> bool {
        let is_ours = is_ours(self.keys.as_fd());
        if is_ours && !(self.was_ours && TAKEN.lock().is_some()) {
            give_back_at_panic();
            self.was_ours = take(self.keys.as_fd()).is_ok();
        } else {
            self.was_ours = is_ours;
        }
        self.was_ours
    }

    /// Gives it back and stops this process, as ctrl-z does; returns when it continues.
    pub(super) fn suspend(&mut self) {
        give_back();
        // It cannot fail for the own process.
        kill_process(getpid(), Signal::STOP).ok();
    }

    /// This process continues: whoever had the terminal meanwhile may have set it.
    pub(super) const fn resume(&mut self) {
        self.was_ours = false;
    }

    /// The bytes that were typed, while it is taken. Does not wait.
    pub(super) fn read(&mut self) -> Vec<u8> {
        if !self.take() {
            return Vec::new();
        }
        let mut bytes = [0; READ_BYTES_MAX];
        // A terminal that is gone says so by SIGHUP.
        let count = rustix::io::read(&self.keys, &mut bytes).unwrap_or_default();
        bytes[..count].to_vec()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

impl TerminalSignals {
    /// Waits for the next one.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn wait(&mut self) -> Told {
        tokio::select! {
            biased;
            _ = self.quit.recv() => Told::Stop("SIGQUIT"),
            _ = self.hangup.recv() => Told::Stop("SIGHUP"),
            _ = self.suspend.recv() => Told::Suspend,
            _ = self.resume.recv() => Told::Resume,
        }
    }
}

/// Columns and rows of the terminal that is written to.
pub(super) fn size(out: BorrowedFd<'_>) -> (usize, usize) {
    match tcgetwinsize(out) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            (usize::from(size.ws_col), usize::from(size.ws_row))
        }
        _ => SIZE,
    }
}

/// Whether this process is in the foreground. A terminal that controls no processes is everybody's.
fn is_ours(keys: BorrowedFd<'_>) -> bool {
    tcgetpgrp(keys).map_or(true, |group| group == getpgrp())
}

/// Keys come at once, are not echoed, and a read does not wait for one. Ctrl-c and ctrl-z stay signals.
fn take(keys: BorrowedFd<'_>) -> io::Result<()> {
    let mut taken = TAKEN.lock();
    if taken.is_none() {
        *taken = Some((keys.try_clone_to_owned()?, tcgetattr(keys)?));
        // What was typed before the keys were shown is not meant for them.
        tcflush(keys, QueueSelector::IFlush)?;
    }
    let Some((_, before)) = &*taken else { return Ok(()) };
    let mut settings = before.clone();
    settings.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    Ok(tcsetattr(keys, OptionalActions::Now, &settings)?)
}

fn give_back() {
    let Some((keys, before)) = TAKEN.lock().take() else { return };
    // In the background the shell has set it for itself.
    if is_ours(keys.as_fd()) {
        tcsetattr(&keys, OptionalActions::Now, &before).ok();
    }
}

/// Before a panic is told of: the program may be one that ends then without unwinding.
fn give_back_at_panic() {
    AT_PANIC.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::fs::{Mode, OFlags, open};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// Both ends of a pseudo-terminal: a person's, and a program's.
    fn terminals() -> (OwnedFd, OwnedFd) {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&person).and_then(|()| unlockpt(&person)).expect("it can be opened");
        let name = ptsname(&person, Vec::new()).expect("it has a name");
        let program = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its end");
        (person, program)
    }

    fn settings(of: &OwnedFd) -> String {
        let Termios { input_modes, output_modes, local_modes, special_codes, .. } =
            tcgetattr(of).expect("a terminal");
        format!("{input_modes:?} {output_modes:?} {local_modes:?} {special_codes:?}")
    }

    /// One test, as the terminal to give back is one for the whole process.
    #[tokio::test]
    async fn keys_come_one_by_one_and_the_terminal_is_given_back_also_after_a_panic() {
        let (person, program) = terminals();
        let before = settings(&program);
        rustix::io::write(&person, b"typed too early\n").expect("it is typed");
        let (mut terminal, _signals) = Terminal::new(program.as_fd()).expect("signals");
        assert_eq!(settings(&program), before, "nothing is changed yet");
        assert!(terminal.take());
        assert_ne!(settings(&program), before);
        assert_eq!(terminal.read(), b"", "a read does not wait, and gives nothing old");
        rustix::io::write(&person, b"2k").expect("it is typed");
        assert_eq!(terminal.read(), b"2k", "without an end of line");

        let panicked = thread::spawn(|| panic!("a test's panic"));
        assert!(panicked.join().is_err());
        assert_eq!(settings(&program), before, "after a panic on any thread");
        assert!(terminal.take(), "the program goes on, and has it again");
        assert_ne!(settings(&program), before);

        terminal.resume();
        tcsetattr(&program, OptionalActions::Now, &{
            let mut other = tcgetattr(&program).expect("a terminal");
            other.local_modes.insert(LocalModes::ICANON | LocalModes::ECHO);
            other
        })
        .expect("a shell sets it");
        assert!(terminal.take());
        rustix::io::write(&person, b"q").expect("it is typed");
        assert_eq!(terminal.read(), b"q", "it is taken again after a pause");

        drop(terminal);
        assert_eq!(settings(&program), before);
    }
}
