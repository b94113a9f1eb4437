//! `tenure backup` and `tenure restore`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::world::{Service, command, counter_program, ran, wait_until};

const WRITERS: usize = 4;

/// Adds to two actors, the second once the first is acknowledged, until told to stop; gives how often.
fn write_pairs(url: &str, writer: usize, stop: &AtomicBool) -> i64 {
    let agent = ureq::Agent::new_with_defaults();
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        rounds += 1;
        for side in ["left", "right"] {
            let call = format!("{url}/v1/counter/{side}-{writer}/add");
            let said = agent.post(call).send("1").and_then(|mut it| it.body_mut().read_to_string());
            assert_eq!(said.expect("it is answered"), rounds.to_string());
        }
    }
    rounds
}

fn value(counter: &Service, key: &str) -> i64 {
    counter.said(&["call", "counter", key, "get"]).parse().expect("a number")
}

#[test]
fn a_backup_under_load_is_of_one_moment_and_is_restored_elsewhere() {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let counter = Service::start(data.path());
    let file = elsewhere.path().join("counters.backup");
    let file = file.to_str().expect("text");
    let stop = AtomicBool::new(false);
    let (before, copied, after) = std::thread::scope(|scope| {
        let (url, stop) = (&counter.url, &stop);
        let writers: Vec<_> =
            (0..WRITERS).map(|n| scope.spawn(move || write_pairs(url, n, stop))).collect();
        let keys: Vec<String> = (0..WRITERS).map(|n| format!("right-{n}")).collect();
        wait_until("some load", || keys.iter().all(|key| value(&counter, key) > 20));
        let before: Vec<i64> = keys.iter().map(|key| value(&counter, key)).collect();
        let copied = counter.json(&["backup", file]);
        stop.store(true, Ordering::Relaxed);
        let after: Vec<i64> = writers.into_iter().map(|it| it.join().expect("it wrote")).collect();
        (before, copied, after)
    });
    assert!(!Path::new(&format!("{file}.part")).exists());
    let bytes = std::fs::metadata(file).expect("it is there").len();
    assert_eq!(copied["bytes"], bytes);
    let verified = counter.json(&["backup", "--verify", file]);
    assert_eq!(verified, copied);

    let restored = elsewhere.path().join("restored");
    let folder = restored.to_str().expect("text");
    let told = counter.json(&["restore", file, "--data", folder]);
    assert_eq!((&told["rows"], &told["incarnation"]), (&copied["rows"], &copied["incarnation"]));
    // The program reads all of it: one record for every actor, none of them half of a turn.
    let check = |arguments: &[&str]| {
        let mut check = Command::new(counter_program());
        check.arg("check").args(arguments).current_dir(elsewhere.path());
        ran(check)
    };
    check(&["--update"]).good(&["check --update"]);
    let checked = check(&["--strict", "--records", "1000", "--data", folder, "-o", "json"]);
    let report: Value = serde_json::from_str(checked.good(&["check"])).expect("a report");
    assert_eq!(report["store"]["checked"], true, "{report}");
    let read = json!({ "records": 2 * WRITERS, "sample": false });
    assert_eq!((&report["store"]["types"]["counter"], &report["findings"]), (&read, &json!([])));
    let other = Service::start(&restored);
    for n in 0..WRITERS {
        let (left, right) =
            (value(&other, &format!("left-{n}")), value(&other, &format!("right-{n}")));
        assert!(left == right || left == right + 1, "writer {n}: {left}, {right}");
        assert!(right >= before[n], "what was acknowledged before is in it: {right}");
        assert!(left <= after[n], "{left}");
        // Each turn added one: the tag counts the turns that the state has.
        for (side, turns) in [("left", left), ("right", right)] {
            let page = other.json(&["actor", "get", "counter", &format!("{side}-{n}")]);
            let tag = page["stored"]["tag"].as_str().expect("a tag").to_owned();
            assert!(tag.ends_with(&format!("-{turns}")), "{side}-{n}: {tag} of {turns}");
        }
        assert_eq!(value(&counter, &format!("left-{n}")), after[n], "the node went on");
    }
    // The copy counts on from the incarnation that it was made in.
    let page = other.json(&["actor", "get", "counter", "left-0"]);
    assert_eq!(page["stored"]["deleted"], false);
}

#[test]
fn a_backup_replaces_a_backup_and_nothing_else() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    counter.said(&["call", "counter", "42", "add", "5"]);
    let place = tempfile::tempdir().expect("a folder");
    let path = |name: &str| place.path().join(name).to_str().expect("text").to_owned();
    let (copy, thesis, folder) = (path("copy"), path("thesis.txt"), path("folder"));
    let first = counter.json(&["backup", &copy]);
    counter.said(&["call", "counter", "43", "add", "5"]);
    // A copy that was cut off left this.
    std::fs::write(format!("{copy}.part"), vec![7; 1 << 20]).expect("a file");
    let second = counter.json(&["backup", &copy]);
    assert!(second["rows"].as_u64() > first["rows"].as_u64(), "{first} {second}");
    assert!(!Path::new(&format!("{copy}.part")).exists());
    counter.said(&["backup", "--verify", &copy]);

    std::fs::write(&thesis, "years of work").expect("a file");
    std::fs::create_dir(&folder).expect("a folder");
    for (code, arguments, expected) in [
        (2, ["backup", &thesis].as_slice(), "is no backup; it stays"),
        (2, &["backup", &folder], "is no backup; it stays"),
        (2, &["backup", ".."], "no name of a file"),
        (2, &["backup"], "<FILE>"),
        (1, &["backup", &path("none/copy")], "No such file"),
        (1, &["backup", &path("new"), "--admin", "127.0.0.1:1"], "is a node running?"),
        (1, &["backup", &path("new"), "--admin", &counter.url], "code: not_found"),
        (1, &["backup", "--verify", &path("none")], "No such file"),
        (1, &["backup", "--verify", &thesis], "does not begin as a backup does"),
        (1, &["restore", &thesis, "--data", &path("new")], "no whole one"),
        (1, &["restore", &path("none"), "--data", &path("new")], "No such file"),
        (2, &["restore", &copy], "--data"),
        (
            1,
            &["restore", &copy, "--data", data.path().to_str().unwrap()],
            "open in another process",
        ),
        (1, &["restore", &copy, "--data", &thesis], "no store was made"),
    ] {
        let ran = counter.tenure(arguments);
        assert!(ran.bad(code, arguments).contains(expected), "{arguments:?}:\n{}", ran.err);
    }
    assert_eq!(std::fs::read_to_string(&thesis).expect("it stays"), "years of work");
    assert!(!Path::new(&path("new")).exists());
    let restore = ["restore", &copy, "--data", &path("restored")];
    counter.said(&restore);
    let again = counter.tenure(&restore);
    assert!(again.bad(1, &restore).contains("there is a store already"), "{}", again.err);
}

/// Answers one request with the beginning of a copy; then stalls until the client goes, or cuts it off.
fn serve_once(body: Vec<u8>, stalls: bool) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        read_head(&mut stream);
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunk = format!("{head}{:x}\r\n", body.len());
        let sent = stream.write_all(chunk.as_bytes()).and_then(|()| stream.write_all(&body));
        sent.and_then(|()| stream.write_all(b"\r\n")).expect("it is sent");
        if stalls {
            // Ends when the client's end is closed.
            let _ = stream.read(&mut [0]);
        } else {
            stream.shutdown(Shutdown::Both).expect("it is cut off");
        }
    });
    (url, serving)
}

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a request");
        head.push(byte[0]);
    }
}

#[test]
fn a_backup_that_is_cut_off_or_altered_or_killed_leaves_no_file() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    for key in 0..20 {
        counter.said(&["call", "counter", &key.to_string(), "add", "5"]);
    }
    let place = tempfile::tempdir().expect("a folder");
    let (whole, file) = (place.path().join("whole"), place.path().join("copy"));
    let part = place.path().join("copy.part");
    counter.said(&["backup", whole.to_str().expect("text")]);
    let copy = std::fs::read(&whole).expect("it is there");
    let backup = |url: &str| command(&["backup", file.to_str().expect("text"), "--admin", url]);

    let mut altered = copy.clone();
    altered[copy.len() / 2] ^= 1;
    let longer = [&copy[..], b"x"].concat();
    for (what, body) in
        [("cut", copy[..copy.len() - 1].to_vec()), ("altered", altered), ("longer", longer)]
    {
        let (url, serving) = serve_once(body, false);
        let failed = ran(backup(&url));
        serving.join().expect("it served");
        assert!(failed.bad(1, &[what]).contains("nothing is kept"), "{what}: {}", failed.err);
        assert!(!file.exists() && !part.exists(), "{what}");
    }

    let (url, serving) = serve_once(copy[..copy.len() / 2].to_vec(), true);
    let mut killed = backup(&url).spawn().expect("it starts");
    wait_until("half a copy", || part.metadata().is_ok_and(|it| it.len() > 0));
    // Another backup under the same name keeps off meanwhile.
    let second = ran(backup(&counter.admin));
    assert!(second.bad(1, &["second"]).contains("another process"), "{}", second.err);
    killed.kill().expect("it still runs");
    killed.wait().expect("its end is seen");
    serving.join().expect("it served");
    assert!(!file.exists());
    assert!(part.exists(), "what was written so far has another name");
    let good = ran(backup(&counter.admin));
    good.good(&["after all"]);
    assert!(file.exists() && !part.exists());
}
