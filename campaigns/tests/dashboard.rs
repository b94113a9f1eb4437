//! The dashboard in a browser, over a cluster of two processes: what it shows, and what it shows of a kill.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tenure_campaigns::browser::{Browser, Driver};
use tenure_campaigns::http::Connection;

const PATIENCE: Duration = Duration::from_secs(60);
/// By then one of the actors is placed on the node whose dashboard is looked at.
const KEYS_MAX: u32 = 10_000;
/// What a key would do that got into the page as anything but text.
const HOSTILE: &str = "<img src=x onerror='window.isHurt=1'><script>window.isHurt=1</script>";

/// `dev --nodes 2`, as a user starts it.
struct Cluster {
    parent: Child,
    lines: mpsc::Receiver<String>,
    /// Where each node takes calls, and where its admin server is, by its name.
    nodes: BTreeMap<String, (SocketAddr, SocketAddr)>,
}

impl Cluster {
    fn start(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-server"));
        let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        command.args(["dev", "--nodes", "2"]).args(listen).arg("--data").arg(data);
        let mut parent =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let out = BufReader::new(parent.stdout.take().expect("its output is a pipe"));
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Reads to the end, so that nobody waits for a reader.
            out.lines().map_while(Result::ok).for_each(|line| tell.send(line).unwrap_or_default());
        });
        let mut cluster = Self { parent, lines, nodes: BTreeMap::new() };
        while cluster.nodes.len() < 2 {
            let line = cluster.lines.recv_timeout(PATIENCE).expect("both nodes get ready");
            let Some((node, said)) = line.split_once(" | ") else { continue };
            let Some(rest) = said.strip_prefix("ready: calls on http://") else { continue };
            let (calls, admin) = rest.split_once(", admin on http://").expect("two addresses");
            let at = |text: &str| text.trim().parse().expect("an address");
            cluster.nodes.insert(node.to_owned(), (at(calls), at(admin)));
        }
        cluster
    }

    /// Ends the process of a node with SIGKILL.
    fn kill(&self, node: &str) {
        let tasks = format!("/proc/{}/task", self.parent.id());
        let tasks = std::fs::read_dir(tasks).expect("the parent runs").filter_map(Result::ok);
        let children: Vec<String> = tasks
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .collect();
        let is_it = |pid: &&str| {
            let variables = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let seat = format!("TENURE_LOCAL_SEAT={node} ");
            variables.split(|byte| *byte == 0).any(|it| it.starts_with(seat.as_bytes()))
        };
        let children = children.join(" ");
        let pid = children.split_whitespace().find(is_it).expect("the node runs");
        let pid = Pid::from_raw(pid.parse().expect("a number")).expect("a process");
        kill_process(pid, Signal::KILL).expect("it is killed");
    }

    /// Ends all of it.
    fn end(&mut self) {
        self.parent.kill().ok();
        self.parent.wait().ok();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

fn get(admin: SocketAddr, path: &str) -> Value {
    let reply = Connection::new(admin).call("GET", path, "").expect("it answers");
    serde_json::from_str(&reply).expect("JSON")
}

/// A ledger with a hostile key that lives on this node.
fn hostile_actor(calls: SocketAddr, admin: SocketAddr) -> String {
    let escape = |byte: u8| format!("%{byte:02X}");
    let path: String = HOSTILE.bytes().map(escape).collect();
    let mut connection = Connection::new(calls);
    for number in 0..KEYS_MAX {
        let add = format!("/v1/ledger/{path}{number}/add");
        connection.call("POST", &add, "1").expect("it is called");
        let live = get(admin, "/admin/v1/actors?type=ledger&limit=1");
        if let Some(key) = live["actors"][0]["key"].as_str() {
            return key.to_owned();
        }
    }
    panic!("nobody places an actor on the node that is called");
}

/// What the row of a member shows in one of its columns.
fn member(browser: &Browser<'_>, incarnation: &str, column: u32) -> Value {
    let cell = format!("#members [data-name='{incarnation}'] > :nth-child({column})");
    browser.read(&format!("document.querySelector({})?.textContent", json!(cell)))
}

/// Waits until the row of a member shows one of these states.
#[track_caller]
fn wait_for_state(browser: &Browser<'_>, incarnation: &str, states: &[&str]) {
    let cell = json!(format!("#members [data-name='{incarnation}'] .state"));
    let states = json!(states);
    browser.wait(&format!("{states}.includes(document.querySelector({cell})?.textContent)"));
}

#[test]
fn the_dashboard_shows_a_cluster_its_actors_and_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(driver) = Driver::start(folder.path()) else { return };
    let mut cluster = Cluster::start(&folder.path().join("data"));
    let (calls, admin) = cluster.nodes["node-1"];
    let key = hostile_actor(calls, admin);
    let browser = driver.open(&format!("http://{admin}/"));

    browser.shows("#node", "node-1");
    browser.shows("#ready", "ready");
    let rows = "[...document.querySelectorAll('#members tbody tr')]";
    browser.wait(&format!("{rows}.filter(it => it.innerText.includes('Alive')).length === 2"));
    let known = get(admin, "/admin/v1/node");
    let members = known["cluster"]["members"].as_array().expect("members").clone();
    for it in &members {
        let incarnation = it["incarnation"].to_string();
        assert_eq!(member(&browser, &incarnation, 6), it["address"], "{known}");
        let name = member(&browser, &incarnation, 1);
        let is_own = it["node"] == "node-1";
        let expected =
            format!("{}{}", it["node"].as_str().unwrap(), if is_own { " this node" } else { "" });
        assert_eq!(name, expected, "{known}");
    }
    assert_eq!(browser.read("document.querySelectorAll('#bar span').length"), 2);

    is_called(&browser, calls);
    lists_hostile_key(&browser, &key);

    // The other node is killed: its row says so, and its next run is another row.
    let other = members.iter().find(|it| it["node"] == "node-2").expect("it is a member");
    let killed = other["incarnation"].to_string();
    browser.read("window.isTheFirst = true");
    cluster.kill("node-2");
    wait_for_state(&browser, &killed, &["Condemned", "Down"]);
    browser.wait(&format!("{rows}.filter(it => it.innerText.includes('Alive')).length === 2"));
    wait_for_state(&browser, &killed, &["Down"]);
    assert_eq!(member(&browser, &killed, 3), "–", "it keeps no slot any more");

    // Nobody answers any more: that is said, and what was known stays.
    assert_eq!(browser.read("document.querySelector('#away').checkVisibility()"), false);
    cluster.end();
    browser.wait(
        "document.querySelector('#away').innerText.startsWith('No answer from this node since ')",
    );
    browser.shows("#node", "node-1");
    assert_eq!(browser.read("document.title"), "node-1: no answer");
    assert_eq!(browser.read("window.isTheFirst"), true, "the page was loaded anew");
}

/// Calls are seen as so many a second.
fn is_called(browser: &Browser<'_>, calls: SocketAddr) {
    let cell = "document.querySelector('#types [data-name=ledger]').cells[2].textContent";
    browser.wait(&format!("{cell} !== '–'"));
    let mut connection = Connection::new(calls);
    let until = Instant::now() + PATIENCE;
    while browser.read(&format!("parseFloat({cell}) > 0")) == false {
        assert!(Instant::now() < until, "calls are not seen");
        connection.call("GET", "/v1/ledger/a/show", "").expect("it answers");
    }
}

/// A key is text, whatever it looks like.
fn lists_hostile_key(browser: &Browser<'_>, key: &str) {
    browser.click("#types [data-name=ledger] button");
    let first = "document.querySelector('#actors tbody th')";
    browser.wait(&format!(
        "[...document.querySelectorAll('#actors tbody th')].some(it => it.textContent === {})",
        json!(key)
    ));
    assert_eq!(browser.read(&format!("{first}.children.length")), 0);
    assert_eq!(browser.read("document.querySelectorAll('main img, main script').length"), 0);
    assert_eq!(browser.read("typeof window.isHurt"), "undefined");
    assert_eq!(browser.read("document.activeElement.id"), "actors-title");
}
