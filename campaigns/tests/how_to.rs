//! The consumer that `docs/how-to/feeds.md` prints, as it is printed.

#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use std::path::Path;
use std::process::{Child, Command};

use tenure_campaigns::http::Connection;
use tenure_campaigns::port;
use tenure_campaigns::process::Launch;

const PAGE: &str = include_str!("../../docs/how-to/feeds.md");
const SPEAKERS: u64 = 6;
const ROUNDS: u64 = 4;
const SAID_PER_ROUND: u64 = 120;

fn consumer(folder: &Path, url: &str, once: bool) -> Child {
    let mut command = Command::new("python3");
    command.arg(folder.join("consumer.py")).arg(url).arg(folder.join("counts.db"));
    command.args(once.then_some("once")).spawn().expect("the consumer starts")
}

/// What the consumer's table has, as `key count` lines.
fn counts(folder: &Path) -> String {
    let program = "import sqlite3, sys\n\
                   rows = sqlite3.connect(sys.argv[1]).execute('select * from counts order by key')\n\
                   print(*(f'{key} {count}' for key, count in rows), sep='\\n')";
    let shown =
        Command::new("python3").args(["-c", program]).arg(folder.join("counts.db")).output();
    String::from_utf8(shown.expect("python runs").stdout).expect("it is a text").trim().to_owned()
}

#[test]
fn the_consumer_of_the_page_counts_every_entry_once_over_kills() {
    let is_there = Command::new("python3").args(["-c", "import sqlite3"]).status();
    if !is_there.is_ok_and(|status| status.success()) {
        println!("skipped: there is no python3 with sqlite3");
        return;
    }
    let program = PAGE.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("consumer.py"), program.expect("the page has one")).expect("written");
    let launch = Launch {
        program: env!("CARGO_BIN_EXE_campaign-server").into(),
        listen: port::free().expect("a port"),
        data: path.join("data"),
        log: path.join("server.log"),
        settings: Vec::new(),
        env: Vec::new(),
        namespace: None,
    };
    let mut server = launch.start().expect("the server starts");
    let url = format!("http://{}", launch.listen);
    for round in 1..=ROUNDS {
        let mut following = consumer(path, &url, false);
        let mut connection = Connection::new(launch.listen);
        for n in 0..SAID_PER_ROUND {
            let said = connection.call("POST", &format!("/v1/speaker/{}/say", n % SPEAKERS), "");
            said.expect("it is said");
        }
        following.kill().expect("it can be killed");
        following.wait().expect("it has ended");
        server.kill();
        server = launch.start().expect("the server starts again");
        let caught_up = consumer(path, &url, true).wait().expect("it ends by itself");
        assert!(caught_up.success(), "round {round}");
        let each = round * SAID_PER_ROUND / SPEAKERS;
        let expected: Vec<_> = (0..SPEAKERS).map(|key| format!("{key} {each}")).collect();
        assert_eq!(counts(path), expected.join("\n"), "round {round}");
    }
    server.stop().expect("it stops in good order");
}
