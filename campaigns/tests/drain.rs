//! A node that leaves its cluster: what takes long keeps nothing else.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tenure_campaigns::cluster::member;
use tenure_campaigns::ground::{Ground, Table};
use tenure_campaigns::http::Connection;
use tenure_campaigns::metrics::Page;
use tenure_campaigns::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than that.
const GRIND_MS: &str = "25000";
const ACTORS: u32 = 24;

#[test]
fn actors_move_while_a_request_takes_long() {
    let ground = Ground::start(Table::Store, false, false).expect("PostgreSQL is installed");
    let folder = tempfile::tempdir().expect("a folder");
    let server = Some(PathBuf::from(env!("CARGO_BIN_EXE_campaign-server")));
    let stage = Stage { seed: None, broken: None, server };
    let start = |name| {
        let launch = member(&stage, &ground, folder.path(), name, 10).expect("a port");
        launch.start().expect("it starts")
    };
    let (leaver, other) = (start("a"), start("b"));
    let live = |node: &tenure_campaigns::ServerProcess| {
        let page = Page::read(&mut Connection::new(node.admin)).expect("it has metrics");
        page.sum("tenure_activations").unwrap_or(0.0) as u32
    };
    let mut client = Connection::new(leaver.calls);
    for key in 0..ACTORS {
        let reply = client.call("POST", &format!("/v1/ledger/{key}/add"), &key.to_string());
        assert_eq!(reply.map(|it| it.trim().to_owned()), Ok("1".to_owned()), "ledger/{key}");
    }
    assert!(live(&leaver) > 0 && live(&leaver) + live(&other) == ACTORS);
    let calls = leaver.calls;
    std::thread::spawn(move || Connection::new(calls).call("POST", "/v1/mill/m/grind", GRIND_MS));
    let until = Instant::now() + PATIENCE;
    let wait_until = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(Instant::now() < until, "{what}");
            std::thread::yield_now();
        }
    };
    wait_until("the turn that takes long begins", &|| live(&leaver) + live(&other) > ACTORS);
    // It waits for the request; the test does not.
    std::thread::spawn(move || leaver.stop());
    // The one whose turn has not ended may be at either.
    wait_until("actors move while the request takes long", &|| live(&other) >= ACTORS);
}
