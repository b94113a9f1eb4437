use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program as a process, killed when dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) calls: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: Option<std::thread::JoinHandle<String>>,
    _data: TempDir,
}

impl Node {
    /// Starts it on free ports with these variables, and waits until it serves.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["program::program", "--exact", "--ignored", "--nocapture"])
            .current_dir(data.path())
            .env_clear()
            .env("ARGUMENTS", "serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut errors = child.stderr.take().expect("a pipe");
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).expect("the log is text");
            text
        });
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
            panic!("it did not say that it is ready: {}", log.join().expect("it is read"));
        };
        Self { child, calls, admin, log: Some(log), _data: data }
    }

    /// Sends one request, and gives status and body. Headers follow `head`'s first line.
    pub(crate) fn ask(&self, at: SocketAddr, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(at).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let length = body.len();
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let headers: String = headers.lines().map(|line| format!("{}\r\n", line.trim())).collect();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the reply comes in time");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    pub(crate) fn call(&self, head: &str, body: &str) -> (u16, String) {
        self.ask(self.calls, head, body)
    }

    /// Stops it in good order; gives how it ended, and its log.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it still runs");
        let ended = self.child.wait().expect("its end is seen");
        let log = self.log.take().expect("it is stopped once");
        (ended, log.join().expect("its log is read"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads `ready: calls on http://127.0.0.1:7070, admin on http://127.0.0.1:7071`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (_, rest) = line.split_once("ready: calls on http://")?;
    let (calls, admin) = rest.split_once(", admin on http://")?;
    Some((calls.trim().parse().ok()?, admin.trim().parse().ok()?))
}
