//! A cluster on PostgreSQL, as users run it: settings alone, nodes in one process and as processes. With the feature `etcd`
//! also one whose member table is there.

use std::time::Duration;

use tenure::config::Settings;
use tenure::prelude::*;
#[cfg(feature = "etcd")]
use tenure_etcd_server::EtcdServer;
use tenure_postgres_server::PostgresServer;
use tenure_store_postgres::{PostgresConfig, migrate};
use tenure_transport::{Authority, ClusterName};
use tenure_types::NodeId;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER_KEY: &str = "f0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const BUDGET: Duration = Duration::from_secs(20);

/// Stored.
#[tenure::data]
#[derive(Default)]
pub struct Counter {
    value: u64,
}

#[actor]
impl Counter {
    /// Adds.
    pub fn add(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }
}

/// Not stored: where it lives it stays, as long as that node lives.
#[derive(Default)]
pub struct Visitors {
    count: u64,
}

#[actor(persist = volatile)]
impl Visitors {
    /// Counts one more.
    pub fn come(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}

struct Database {
    server: PostgresServer,
    /// The URL of the member table; empty for the database's own.
    table: String,
}

impl Database {
    async fn start() -> Self {
        let server = PostgresServer::start().expect("PostgreSQL is installed");
        let config: PostgresConfig = server.url().parse().expect("a URL");
        migrate(&config, 0).await.expect("the tables are made");
        Self { server, table: String::new() }
    }

    /// Settings as an operator writes them.
    fn settings(&self, changes: &[(&str, &str)]) -> Settings {
        let mut settings = vec![
            ("store.url".to_owned(), self.server.url()),
            ("cluster.listen".to_owned(), "127.0.0.1:0".to_owned()),
            ("cluster.table".to_owned(), self.table.clone()),
            ("cluster.key".to_owned(), KEY.to_owned()),
            ("cluster.lease".to_owned(), "2s".to_owned()),
        ];
        settings
            .extend(changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let read = tenure::config::Configuration::read(None, [], &settings);
        read.expect("they make sense").settings().clone()
    }

    async fn start_node(&self, changes: &[(&str, &str)]) -> tenure::Result<Node> {
        let builder = Node::builder().actor::<Counter>().actor::<Visitors>();
        builder.settings(self.settings(changes)).start().await
    }

    async fn node(&self, name: &str) -> Node {
        self.start_node(&[("node.name", name)]).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_one_database_are_one_cluster() {
    are_one_cluster(&Database::start().await).await;
}

#[cfg(feature = "etcd")]
#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_a_table_in_etcd_are_one_cluster() {
    let etcd = EtcdServer::start().expect("etcd is installed");
    let mut database = Database::start().await;
    database.table = format!("etcd://127.0.0.1:{}/shop", etcd.port());
    are_one_cluster(&database).await;
    let members = etcd.ctl(&["get", "--prefix", "/shop/members/", "--keys-only"]);
    assert!(!members.expect("etcd is there").trim().is_empty(), "they agree there");
    let agreed = database.server.psql("SELECT count(*) FROM tenure.members");
    assert_eq!(agreed.expect("the table is there"), "0", "and not in the database");
    // After a full stop the cluster may have its table in the database again.
    database.table.clear();
    let node = database.node("e").await;
    assert_eq!(node.actor::<Counter>(3).add(0).await, Ok(5));
    node.stop(BUDGET).await.expect("it stops");
}

#[cfg(feature = "etcd")]
#[tokio::test(flavor = "multi_thread")]
async fn a_node_waits_for_an_etcd_that_is_away_and_loses_nothing() {
    let mut etcd = EtcdServer::start().expect("etcd is installed");
    let mut database = Database::start().await;
    database.table = format!("etcd://127.0.0.1:{}/shop", etcd.port());
    let a = database.node("a").await;
    for key in 0..8 {
        assert_eq!(a.actor::<Visitors>(key).come().await, Ok(1));
        assert_eq!(a.actor::<Counter>(key).add(1).await, Ok(1));
    }
    let incarnation = a.incarnation();
    etcd.kill().expect("it is killed");
    // Its lease ends, and nothing leaves it.
    let soon = Duration::from_millis(100);
    let suspended = async { while a.actor::<Counter>(0).add(0).deadline(soon).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(60), suspended).await.expect("it suspends");
    etcd.start_again().unwrap_or_else(|error| panic!("{error}"));
    let resumed = async { while a.actor::<Counter>(0).add(0).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(60), resumed).await.expect("it goes on");
    for key in 0..8 {
        assert_eq!(a.actor::<Visitors>(key).come().await, Ok(2), "what was in memory stayed");
    }
    assert_eq!(a.incarnation(), incarnation, "nobody took it for dead");
    // Others find it there.
    let b = database.node("b").await;
    for key in 0..8 {
        assert_eq!(b.actor::<Counter>(key).add(1).await, Ok(2));
    }
    a.stop(BUDGET).await.expect("it stops");
    b.stop(BUDGET).await.expect("it stops");
}

#[cfg(feature = "etcd")]
#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_etcd_that_is_of_no_use_is_refused_in_words() {
    let etcd = EtcdServer::start().expect("etcd is installed");
    let mut database = Database::start().await;
    database.table = format!("etcd://127.0.0.1:{}/shop", etcd.port());
    let first = database.node("a").await;
    for (changes, expected) in [
        (&[("cluster.table", "etcd://127.0.0.1:1/shop")][..], "has not answered"),
        (&[("cluster.lease", "3s")], "have leases of 2000 ms"),
        (&[("cluster.membership", "gossip")], "is where nodes agree"),
        (&[("cluster.listen", "")], "cluster.table"),
    ] {
        let refused = database.start_node(changes).await.expect_err("it cannot start");
        assert!(refused.to_string().contains(expected), "{changes:?}: {refused}");
    }
    let mut other = Database::start().await;
    other.table.clone_from(&database.table);
    let refused = other.start_node(&[("cluster.name", "other")]).await.expect_err("it cannot");
    assert!(refused.to_string().contains("that of the cluster \"tenure\""), "{refused}");
    first.stop(BUDGET).await.expect("it stops");
    // A node that lives in the database's own table is not passed by.
    let own =
        other.start_node(&[("cluster.table", ""), ("node.name", "b")]).await.expect("it starts");
    let refused = other.start_node(&[("cluster.table", "etcd://127.0.0.1:1/x")]).await;
    let refused = refused.expect_err("the database has a member").to_string();
    assert!(refused.contains("a member table in etcd://127.0.0.1:1/x"), "{refused}");
    own.stop(BUDGET).await.expect("it stops");
}

#[cfg(not(feature = "etcd"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_etcd_is_refused_where_it_was_not_built() {
    let database = Database::start().await;
    let with = [("cluster.table", "etcd://u:secret@127.0.0.1:1/shop")];
    let refused = database.start_node(&with).await.expect_err("it cannot").to_string();
    assert!(refused.contains("feature etcd") && !refused.contains("secret"), "{refused}");
}

async fn are_one_cluster(database: &Database) {
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        nodes.push(database.node(name).await);
    }
    for key in 0..12 {
        for (node, value) in nodes.iter().zip(1..) {
            assert_eq!(node.actor::<Counter>(key).add(1).await, Ok(value), "{key}");
            assert_eq!(node.actor::<Visitors>(key).come().await, Ok(value), "{key}");
        }
    }
    let hosted: Vec<usize> = nodes.iter().map(Node::activations).collect();
    assert_eq!(hosted.iter().sum::<usize>(), 24, "one copy of each: {hosted:?}");
    // One leaves in good order: what is stored moves.
    nodes.remove(0).stop(BUDGET).await.expect("it stops");
    for key in 0..12 {
        for (node, value) in nodes.iter().zip(4..) {
            assert_eq!(node.actor::<Counter>(key).add(1).await, Ok(value), "{key}");
        }
    }
    // One goes like a crash, and has nobody to prove it: its lease runs out.
    drop(nodes.remove(0));
    for key in 0..12 {
        // A call that went to the one which is gone is told that its outcome is not known. Adding nothing can be repeated.
        let answered = async {
            loop {
                match nodes[0].actor::<Counter>(key).add(0).await {
                    Err(CallError::Withheld { .. } | CallError::Unavailable { .. }) => {}
                    answered => return answered,
                }
            }
        };
        let answered = tokio::time::timeout(Duration::from_secs(60), answered).await;
        assert_eq!(answered.expect("it answers again"), Ok(5), "{key}");
    }
    nodes.remove(0).stop(BUDGET).await.expect("it stops");
    // And the next one goes on where they were.
    let later = database.node("d").await;
    assert_eq!(later.actor::<Counter>(3).add(0).await, Ok(5));
    assert!(later.incarnation().0 > 3, "{}", later.incarnation());
    later.stop(BUDGET).await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_cluster_is_refused_in_words() {
    let database = Database::start().await;
    let first = database.node("a").await;
    for (changes, expected) in [
        (&[("store.url", "")][..], "name a database (store.url"),
        (&[("cluster.key", "")], "a cluster needs a key"),
        (&[("cluster.key", "abc")], "cluster.key:"),
        (&[("cluster.key_file", "/nowhere/key")], "keep one"),
        (&[("cluster.key", ""), ("cluster.key_file", "/nowhere/key")], "/nowhere/key"),
        (&[("cluster.listen", "0.0.0.0:7072")], "cluster.advertise"),
        (&[("cluster.tls_cert", "/nowhere/cert")], "belong together"),
        (&[("cluster.name", "other")], "that of the cluster \"tenure\""),
        (&[("cluster.lease", "3s")], "leases of 2000 ms"),
        (&[("cluster.key", OTHER_KEY)], "have leases of 2000 ms, key "),
        (&[("cluster.seeds", "127.0.0.1:1")], "are for gossip"),
        (&[("cluster.nodes", "a=127.0.0.1:1")], "is for a fixed list"),
        (&[("cluster.membership", "gossip")], "has to know where others may be"),
        (
            &[("cluster.membership", "gossip"), ("cluster.seeds", "127.0.0.1:1")],
            "this node has gossip, key ",
        ),
        (
            &[("cluster.membership", "static"), ("cluster.nodes", "other=127.0.0.1:1")],
            "is not among them",
        ),
    ] {
        let refused = database.start_node(changes).await.expect_err("it cannot start");
        assert!(refused.to_string().contains(expected), "{changes:?}: {refused}");
    }
    let builder = Node::builder().actor::<Counter>().settings(database.settings(&[]));
    let refused = builder.store_in_memory().start().await.expect_err("a store of its own");
    assert!(refused.to_string().contains("leave cluster.listen out"), "{refused}");
    // Nobody was condemned by any of them.
    assert_eq!(first.actor::<Counter>("x").add(1).await, Ok(1));
    first.stop(BUDGET).await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_take_the_place_of_a_key() {
    let database = Database::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::make(ClusterName::new("tenure").unwrap()).expect("an authority");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("text").to_owned()
    };
    let root = file("authority.pem", authority.certificate());
    let mut nodes = Vec::new();
    for name in ["a", "b"] {
        let issued = authority.issue(&NodeId::new(name).unwrap()).expect("a certificate");
        let cert = file(&format!("{name}.pem"), &issued.certificate);
        let key = file(&format!("{name}.key"), &issued.key);
        let with = [
            ("node.name", name),
            ("cluster.key", ""),
            ("cluster.tls_authority", &root),
            ("cluster.tls_cert", &cert),
            ("cluster.tls_key", &key),
        ];
        let node = database.start_node(&with).await;
        nodes.push(node.unwrap_or_else(|error| panic!("{error}")));
    }
    for key in 0..8 {
        for (node, value) in nodes.iter().zip(1..) {
            assert_eq!(node.actor::<Counter>(key).add(1).await, Ok(value), "{key}");
        }
    }
    let refused = database.start_node(&[("node.name", "c")]).await.expect_err("it has a key");
    assert!(refused.to_string().contains("have leases of 2000 ms, certificates"), "{refused}");
    let cert = folder.path().join("a.pem").display().to_string();
    let key = folder.path().join("a.key").display().to_string();
    let with = [
        ("node.name", "a"),
        ("cluster.membership", "gossip"),
        ("cluster.seeds", "127.0.0.1:1"),
        ("cluster.key", ""),
        ("cluster.tls_authority", &root),
        ("cluster.tls_cert", &cert),
        ("cluster.tls_key", &key),
    ];
    let refused = database.start_node(&with).await.expect_err("datagrams need a key");
    assert!(refused.to_string().contains("certificates do not seal datagrams"), "{refused}");
    for node in nodes {
        node.stop(BUDGET).await.expect("it stops");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_node_takes_no_new_actors() {
    let database = Database::start().await;
    let (a, b) = (database.node("a").await, database.node("b").await);
    assert!(b.cordon(true));
    // What was placed before the node heard of it may still come: once none does, none does any more.
    let mut placed = 0;
    let settled = async {
        loop {
            let before = b.activations();
            for _ in 0..40 {
                placed += 1;
                assert_eq!(a.actor::<Counter>(placed).add(1).await, Ok(1));
            }
            if b.activations() == before {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), settled).await.expect("it takes none");
    assert!(b.cordon(false));
    let taken = async {
        let before = b.activations();
        while b.activations() == before {
            placed += 1;
            assert_eq!(a.actor::<Counter>(placed).add(1).await, Ok(1));
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taken).await.expect("it takes some again");
    a.stop(BUDGET).await.expect("it stops");
    b.stop(BUDGET).await.expect("it stops");
}
