//! Clients of others that follow an actor while its node is restarted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::program::Program;

/// How many events there are, and how often their node is restarted meanwhile.
const EVENTS: u32 = 300;
const RESTARTS: u32 = 2;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Each client with the program that runs it.
const CLIENTS: [[&str; 2]; 3] =
    [["node", "live.mjs"], ["node", "stream.mjs"], ["venv/bin/python", "live.py"]];

/// A client of somebody else's, killed when dropped.
struct Follower {
    child: Child,
    name: &'static str,
    lines: Receiver<String>,
}

impl Follower {
    fn start(folder: &Path, [program, file]: [&'static str; 2], url: &str) -> anyhow::Result<Self> {
        // A relative path with a folder in it is not looked for in the child's own.
        let path = if program.contains('/') { folder.join(program) } else { program.into() };
        let mut child = Command::new(path)
            .args([file, url, &EVENTS.to_string()])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {program} {file}"))?;
        let lines = BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
        let (sender, receiver) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|it| sender.send(it)));
        Ok(Self { child, name: file, lines: receiver })
    }

    /// Waits for a line that begins with `word`.
    fn said(&self, word: &str, until: Instant) -> anyhow::Result<String> {
        let left = until.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left);
        let line = line.with_context(|| format!("{} did not say `{word}`", self.name))?;
        ensure!(line.starts_with(word), "{} said `{line}` in place of `{word}`", self.name);
        Ok(line)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets every client follow an actor of the example `live`, and restarts its node between the events.
///
/// # Errors
///
/// When a client has not heard every event once, in order.
pub(super) fn run(program: &Path, data: &Path, folder: &Path) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut node = Program::start(program, data)?;
    let url = node.calls().to_owned();
    let address = url.strip_prefix("http://").context("an unknown URL")?;
    let started = CLIENTS.map(|client| Follower::start(folder, client, &url));
    let mut clients = Vec::new();
    for client in started {
        clients.push(client?);
    }
    // Whoever begins late would begin behind an event.
    for client in &clients {
        client.said("following", until)?;
    }
    let part = EVENTS / (RESTARTS + 1);
    for n in 1..=EVENTS {
        if n % part == 1 && n > 1 {
            node.stop()?;
            node = Program::start_at(program, data, address)?;
        }
        // Half of each part is said while they are away.
        if n % part == part / 2 && n > part {
            for client in &clients {
                client.said("following", until)?;
            }
        }
        say(address, &format!("word {n}"))?;
    }
    for client in &mut clients {
        println!("{}", client.said("done", until)?);
        let ended = client.child.wait()?;
        ensure!(ended.success(), "{} ended with {ended}", client.name);
    }
    node.stop()
}

/// Says something to the room that all follow.
fn say(address: &str, text: &str) -> anyhow::Result<()> {
    let body = format!("\"{text}\"");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST /v1/room/1/say HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    if !reply.starts_with("HTTP/1.1 200 ") {
        bail!("`{text}` was not said: {reply}");
    }
    Ok(())
}
