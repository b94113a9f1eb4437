//! Clients that mean no good, and those that look at every corner of a standard.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::program::Program;
use super::step::{step, venv};
use crate::command::Invocation;

/// What of Autobahn's cases is not run: large messages, which are slow, and compression, which is not
/// spoken here.
const LEFT_OUT: [&str; 3] = ["9.*", "12.*", "13.*"];

/// How long each kind of slow client goes on, in seconds.
const SLOW_SECONDS: &str = "8";
/// How long an ordinary client then waits for its reply.
const PATIENCE: Duration = Duration::from_secs(5);
/// What slowhttptest is told besides, and what it asks for: heads, bodies, and replies that are read slowly.
const SLOW: [(&str, &[&str], &str); 3] = [
    ("slow heads", &["-H", "-i", "1"], "/v1/cart/1/has?item=tea"),
    ("slow bodies", &["-B", "-i", "1", "-s", "4096", "-f", "application/json"], "/v1/cart/1/put"),
    ("slow reads", &["-X", "-k", "3", "-w", "1", "-y", "8", "-n", "1"], "/v1/_openapi.json"),
];

/// Lets kosoku run Autobahn's cases as a client, against an echo on the gateway's own driver of sockets.
///
/// # Errors
///
/// When a case fails.
pub(super) fn sockets(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let test = ["test", "--quiet", "--package", "tenure-gateway", "--lib"];
    step("build", root, &Invocation::cargo(&[&test[..], &["--no-run"]].concat()))?;
    let mut serve = Command::new("cargo");
    serve.args(test);
    serve.args(["--", "websocket::echo::serve", "--exact", "--ignored", "--nocapture"]);
    // It ends when nobody holds the other end of this pipe; that nobody hears it then is no news.
    serve.current_dir(root).stdin(Stdio::piped()).stderr(Stdio::null());
    let echo = Program::run(Path::new("websocket::echo::serve"), &mut serve)?;
    let address = echo.calls().replace("http", "ws");
    let left_out = LEFT_OUT.iter().flat_map(|case| ["--exclude", case]);
    let arguments: Vec<&str> = left_out.chain(["--outdir", "kosoku", &address]).collect();
    step("kosoku", folder, &venv("kosoku", &arguments))
}

/// Lets slowhttptest hold hundreds of connections by being slow, while others are answered.
///
/// # Errors
///
/// When one of the others is not.
pub(super) fn slow(url: &str) -> anyhow::Result<()> {
    let address = url.strip_prefix("http://").context("an unknown URL")?;
    for (name, arguments, path) in SLOW {
        let mut slow = Command::new("slowhttptest")
            .args(["-c", "400", "-r", "400", "-l", SLOW_SECONDS, "-v", "1", "-u"])
            .arg(format!("{url}{path}"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("could not start slowhttptest")?;
        let answered =
            answered_beside(&mut slow, address).with_context(|| format!("beside {name}"));
        // Both fail where it has ended already.
        let _ = slow.kill();
        let _ = slow.wait();
        println!("{name}: {} others were answered", answered?);
    }
    Ok(())
}

/// Asks again and again until `slow` has ended; gives how often that was.
fn answered_beside(slow: &mut Child, address: &str) -> anyhow::Result<u32> {
    let mut answered = 0;
    loop {
        let ended = slow.try_wait()?;
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request =
            "GET /v1/cart/1/has?item=tea HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).context("no reply in time")?;
        ensure!(reply.starts_with("HTTP/1.1 200 "), "another reply: {reply}");
        answered += 1;
        if let Some(ended) = ended {
            ensure!(ended.success(), "slowhttptest ended with {ended}");
            return Ok(answered);
        }
    }
}
