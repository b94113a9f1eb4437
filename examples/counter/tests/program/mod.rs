//! The program under test as a process, and the smallest HTTP client that can call it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a start or a reply may take before the test fails instead of waiting on.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running counter, killed when dropped.
pub(crate) struct Program {
    child: Child,
    calls: SocketAddr,
    admin: SocketAddr,
}

/// What a call was answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// A header by its name in small letters.
    #[allow(dead_code, reason = "not every test looks at headers")]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> (u16, &str) {
        (self.status, self.body.trim())
    }
}

impl Program {
    /// Starts the program on free ports and waits until it serves.
    pub(crate) fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_counter"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the counter starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        let (sender, ready) = mpsc::channel();
        // Reads to the end, so that the program never waits for a reader.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(addresses) = addresses(&line) {
                    let _ = sender.send(addresses);
                }
            }
        });
        let ready = ready.recv_timeout(PATIENCE);
        let nowhere = ([127, 0, 0, 1], 0).into();
        let mut program = Self { child, calls: nowhere, admin: nowhere };
        match ready {
            Ok((calls, admin)) => (program.calls, program.admin) = (calls, admin),
            Err(error) => panic!("the counter did not say that it is ready: {error}"),
        }
        program
    }

    /// Asks the admin server.
    #[allow(dead_code, reason = "not every test does")]
    pub(crate) fn admin(&self, method: &str, path: &str) -> Reply {
        self.ask(self.admin, method, path, "", &[])
    }

    /// Makes one call over a connection of its own.
    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        self.call_with(method, path, body, &[])
    }

    /// The same, with more headers.
    pub(crate) fn call_with(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Reply {
        self.ask(self.calls, method, path, body, headers)
    }

    fn ask(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut stream = TcpStream::connect(address).expect("the counter listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let length = body.len();
        let more: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{more}\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
            address
        );
        stream.write_all(request.as_bytes()).expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the reply comes in time");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head, a blank line, a body");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        let headers = headers.collect();
        Reply { status: status.expect("a status line"), headers, body: body.to_owned() }
    }

    /// Ends the program with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the counter still runs");
        self.child.wait().expect("its end is seen");
    }

    /// Asks the program to stop with SIGTERM, and waits for it.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it still runs");
        self.child.wait().expect("its end is seen")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail where the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads `ready: calls on http://127.0.0.1:7070, admin on http://127.0.0.1:7071`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.strip_prefix("ready: calls on http://")?;
    let (calls, admin) = rest.split_once(", admin on http://")?;
    Some((calls.trim().parse().ok()?, admin.trim().parse().ok()?))
}
