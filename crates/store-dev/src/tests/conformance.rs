use std::sync::Arc;

use tenure_store::conformance::{Subject, follow_the_model, run, run_several};
use tenure_store::{RowKey, Store};
use tenure_types::{ActorId, FeedName};

use super::damage::{damage_entry, damage_row};
use super::support::{Served, block_on};

/// Each of whose stores is a client's.
struct ServedSubject(Served);

impl ServedSubject {
    fn new() -> Self {
        Self(block_on(Served::start()))
    }
}

impl Subject for ServedSubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(block_on(self.0.client()).store())
    }

    fn damage(&self, actor: &ActorId, key: Option<&RowKey>) {
        block_on(self.0.dismiss_all());
        damage_row(self.0.folder.path(), actor, key);
    }

    fn damage_feed(&self, feed: &FeedName) {
        block_on(self.0.dismiss_all());
        damage_entry(self.0.folder.path(), feed);
    }

    fn can_be_walked(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_served_store_conforms() {
    run(ServedSubject::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_share_a_served_store() {
    run_several(ServedSubject::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_units_of_many_seeds_follow_the_model() {
    for seed in 200..204 {
        follow_the_model(&ServedSubject::new(), seed).await;
    }
}
