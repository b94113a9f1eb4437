//! Three nodes, of which one is killed: each user has one owner at a time, and whoever is asked finds it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tenure_postgres_server::PostgresServer;
use tenure_store_postgres::{PostgresConfig, migrate};

const PATIENCE: Duration = Duration::from_secs(60);
const CLUSTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

struct Node {
    name: String,
    at: SocketAddr,
    child: Child,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

impl Node {
    fn start(server: &PostgresServer, name: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyring"))
            .env("TENURE_STORE", server.url())
            .env("TENURE_NODE__NAME", name)
            .env("TENURE_CLUSTER__LISTEN", "127.0.0.1:0")
            .env("TENURE_CLUSTER__KEY", CLUSTER_KEY)
            .env("KEYRING_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        output.read_line(&mut line).expect("it says that it is ready");
        let at = line.trim().strip_prefix("ready: http://").unwrap_or_else(|| panic!("{line:?}"));
        Self { name: name.to_owned(), at: at.parse().expect("an address"), child }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(at: SocketAddr, user: &str, action: &str, headers: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let length = body.len();
    let request = format!(
        "POST /users/{user}/{action} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// Who answered for which user under which term: one node for each.
#[derive(Default)]
struct Owners(Mutex<BTreeMap<(String, u64), String>>);

impl Owners {
    /// Asks for the user's token until somebody owns the user; gives who, the term and the token.
    fn token(&self, at: SocketAddr, user: &str) -> (String, u64, String) {
        let began = Instant::now();
        loop {
            let answer = ask(at, user, "token", "", "").expect("this node lives");
            if answer.status == 200 {
                let owner = answer.header("keyring-owner").expect("who answered").to_owned();
                let term = answer.header("keyring-term").and_then(|it| it.parse().ok());
                let term = term.expect("a term");
                let key = (user.to_owned(), term);
                let mut owners = self.0.lock().expect("nobody panicked");
                let known = owners.entry(key).or_insert_with(|| owner.clone());
                assert_eq!(*known, owner, "{user} has two owners under the term {term}");
                return (owner, term, answer.body);
            }
            assert_eq!(answer.status, 503, "{user}: {}", answer.body);
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(began.elapsed() < PATIENCE, "nobody owns {user}: {}", answer.body);
        }
    }
}

fn check(at: SocketAddr, user: &str, token: &str) -> u16 {
    ask(at, user, "check", "", token).expect("this node lives").status
}

#[test]
fn each_user_has_one_owner_also_when_a_node_is_killed() {
    let server = PostgresServer::start().expect("PostgreSQL is installed");
    let config: PostgresConfig = server.url().parse().expect("a URL");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(migrate(&config, 0)).expect("the tables are made");
    let mut nodes: Vec<Node> = ["a", "b", "c"].map(|name| Node::start(&server, name)).into();
    let users: Vec<String> = (0..48).map(|n| format!("user-{n}")).collect();
    let owners = Owners::default();

    // Once nobody changes hands any more every node names the same owner.
    let began = Instant::now();
    let settled: BTreeMap<&str, (String, u64, String)> = loop {
        let told = nodes.iter().map(|node| {
            users
                .iter()
                .map(|user| (&**user, owners.token(node.at, user)))
                .collect::<BTreeMap<_, _>>()
        });
        let told: Vec<_> = told.collect();
        if told.iter().all(|it| *it == told[0]) {
            break told.into_iter().next().expect("three nodes");
        }
        assert!(began.elapsed() < PATIENCE, "they do not agree");
    };
    for node in &nodes {
        let own = settled.values().filter(|(owner, ..)| *owner == node.name).count();
        assert!(own > 0, "{} owns nobody", node.name);
        for (user, (_, _, token)) in &settled {
            assert_eq!(check(node.at, user, token), 204, "{user} at {}", node.name);
        }
    }
    // What was passed on once is not passed on again.
    let other = settled.iter().find(|(_, (owner, ..))| *owner != "a").expect("not all are of one");
    let refused = ask(nodes[0].at, other.0, "token", "keyring-hop: 1\r\n", "").expect("a lives");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));

    let killed = nodes.remove(1);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&killed.child),
        rustix::process::Signal::KILL,
    )
    .expect("it runs");
    let after: BTreeMap<&str, (String, u64, String)> = std::thread::scope(|scope| {
        let asking = nodes.iter().map(|node| {
            let (users, owners) = (&users, &owners);
            scope.spawn(move || {
                let token = |user: &String| owners.token(node.at, user);
                users.iter().map(token).collect::<Vec<_>>()
            })
        });
        let asking: Vec<_> = asking.collect();
        let told: Vec<_> = asking.into_iter().map(|it| it.join().expect("it asks")).collect();
        users.iter().map(String::as_str).zip(told.into_iter().next_back().expect("two")).collect()
    });
    for (user, (owner, term, token)) in &settled {
        let (now, later, new) = &after[user];
        assert_ne!(now, "b", "{user} is of who is dead");
        let is_good = check(nodes[0].at, user, token) == 204;
        let has_stayed = (now, later) == (owner, term);
        assert_eq!(is_good, has_stayed, "{user} went from {owner} to {now}");
        assert!(has_stayed || owner == "b", "only those of who died have moved: {user}");
        assert_eq!(check(nodes[1].at, user, new), 204, "{user}");
    }
}
