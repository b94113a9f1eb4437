use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_etcd_server::EtcdServer;
use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{TableAction, TableAnswer, TableRequest};
use tenure_table_suite::{MemberTable, wait};
use tenure_types::{BoxFuture, ViewNumber};

use crate::{EtcdConfig, EtcdTable};

pub(super) const CLUSTER: &str = "test";
pub(super) const TERMS: &str = "leases of 10000 ms";
/// How long a test waits for something.
const COME_MAX: Duration = Duration::from_secs(60);
/// How long an answer is waited for: long for etcd, and short where a test waits for none.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Way(pub(super) EtcdTable);

impl MemberTable for Way {
    fn check(&self) -> BoxFuture<'static, Result<(), String>> {
        let checked = self.0.check();
        Box::pin(async move { checked.await.map_err(|error| error.to_string()) })
    }

    fn ask(&self, request: TableRequest) -> BoxFuture<'static, Result<TableAnswer, Lost>> {
        self.0.ask(request, ViewNumber(0))
    }
}

pub(super) fn config(servers: &[&EtcdServer], rest: &str) -> EtcdConfig {
    let hosts: Vec<_> = servers.iter().map(|it| format!("127.0.0.1:{}", it.port())).collect();
    let url = format!("etcd://{}/{rest}", hosts.join(","));
    url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

pub(super) fn table(servers: &[&EtcdServer]) -> Arc<Way> {
    Arc::new(Way(EtcdTable::new(config(servers, "table"), CLUSTER, TERMS, PATIENCE)))
}

pub(super) fn request(seen: u64, action: TableAction) -> TableRequest {
    TableRequest { seen: ViewNumber(seen), action }
}

/// The answer of a table that comes back: whatever was asked may be asked again.
pub(super) fn asked_again(table: &Way, seen: u64, action: &TableAction) -> TableAnswer {
    let began = Instant::now();
    loop {
        match wait(table.ask(request(seen, action.clone()))) {
            Ok(answer) => return answer,
            Err(Lost) => assert!(began.elapsed() < COME_MAX, "the table does not answer"),
        }
    }
}
