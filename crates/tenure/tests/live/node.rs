use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The program as a process, killed when dropped.
pub(crate) struct Node {
    child: Child,
    /// One of a local cluster ends with it.
    _input: Option<ChildStdin>,
    pub(crate) calls: SocketAddr,
    pub(crate) admin: SocketAddr,
    data: tempfile::TempDir,
}

/// A response.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Node {
    /// Starts it on free ports with these variables, and waits until it serves.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_on(tempfile::tempdir().expect("a folder"), variables)
    }

    fn start_on(data: tempfile::TempDir, variables: &[(&str, &str)]) -> Self {
        let (mut child, calls, admin) = started(data.path(), variables);
        Self { _input: child.stdin.take(), child, calls, admin, data }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.data.path()
    }

    /// A node after this one, on what it has stored; this one has ended in the way that `end` says.
    pub(crate) fn restarted(mut self, signal: Signal, variables: &[(&str, &str)]) -> Self {
        self.signal(signal);
        self.child.wait().expect("its end is seen");
        (self.child, self.calls, self.admin) = started(self.data.path(), variables);
        self
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it still runs");
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("its end is seen")
    }

    pub(crate) fn connect(&self, at: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(at).expect("it listens");
        stream.set_nodelay(true).expect("it can be set");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream
    }

    /// Sends one request; further headers follow `head`'s first line.
    pub(crate) fn ask(&self, at: SocketAddr, head: &str, body: &str) -> Reply {
        attempt(at, head, body).expect("the reply comes in time")
    }

    pub(crate) fn call(&self, head: &str, body: &str) -> Reply {
        self.ask(self.calls, head, body)
    }

    /// Lets an actor say so many small things; gives the number of the last.
    pub(crate) fn say(&self, actor: &str, times: u64) -> u64 {
        self.say_at_length(actor, times, 0)
    }

    pub(crate) fn say_at_length(&self, actor: &str, times: u64, bytes: usize) -> u64 {
        let body = format!("{{\"times\":{times},\"bytes\":{bytes}}}");
        let reply = self.call(&format!("POST /v1/{actor}/say"), &body);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body.trim().parse().expect("a number")
    }

    /// Lets so many go on that wait.
    pub(crate) fn open_gate(&self, times: usize) {
        let reply = self.call("POST /v1/through/gate/open", &times.to_string());
        assert!(reply.status < 300, "{}", reply.body);
    }

    /// What is asked with GET, as JSON.
    pub(crate) fn get(&self, path: &str) -> Value {
        let reply = self.call(&format!("GET {path}"), "");
        assert_eq!(reply.status, 200, "{}", reply.body);
        serde_json::from_str(&reply.body).expect("it is JSON")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one request to who may be gone; `None` where no whole reply comes in time.
pub(crate) fn attempt(at: SocketAddr, head: &str, body: &str) -> Option<Reply> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request(head, "close", body).as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, body: body.to_owned() })
}

pub(crate) fn request(head: &str, connection: &str, body: &str) -> String {
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers: String = headers.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: {connection}\r\n\
         content-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::yield_now();
    }
}

fn started(data: &Path, variables: &[(&str, &str)]) -> (Child, SocketAddr, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["program::program", "--exact", "--ignored", "--nocapture"])
        .current_dir(data)
        .env_clear()
        .env("ARGUMENTS", "serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let (sender, ready) = mpsc::channel();
    // Reads to the end, so that the program never waits for a reader.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some(addresses) = addresses(&line) {
                let _ = sender.send(addresses);
            }
        }
    });
    let Ok((calls, admin)) = ready.recv_timeout(PATIENCE) else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("it did not say that it is ready");
    };
    (child, calls, admin)
}

/// Reads `ready: calls on http://127.0.0.1:7070, admin on http://127.0.0.1:7071`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (_, rest) = line.split_once("ready: calls on http://")?;
    let (calls, admin) = rest.split_once(", admin on http://")?;
    Some((calls.trim().parse().ok()?, admin.trim().parse().ok()?))
}
