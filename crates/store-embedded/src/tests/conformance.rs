use std::sync::Arc;

use tempfile::TempDir;
use tenure_store::conformance::{Subject, follow_the_model, run, run_several};
use tenure_store::{RowKey, Store};
use tenure_types::{ActorId, FeedName};

use super::support::{damage_entry, damage_row, fast_folder, folder};
use crate::EmbeddedStore;

struct EmbeddedSubject {
    folder: TempDir,
}

impl Subject for EmbeddedSubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(EmbeddedStore::new(self.folder.path()))
    }

    fn damage(&self, actor: &ActorId, key: Option<&RowKey>) {
        damage_row(self.folder.path(), actor, key);
    }

    fn damage_feed(&self, feed: &FeedName) {
        damage_entry(self.folder.path(), feed);
    }
}

/// All of whose stores share one folder.
struct SharedSubject {
    folder: TempDir,
    first: EmbeddedStore,
}

impl SharedSubject {
    fn new() -> Self {
        let folder = folder();
        Self { first: EmbeddedStore::new(folder.path()), folder }
    }
}

impl Subject for SharedSubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.first.share())
    }

    fn damage(&self, actor: &ActorId, key: Option<&RowKey>) {
        damage_row(self.folder.path(), actor, key);
    }

    fn damage_feed(&self, feed: &FeedName) {
        damage_entry(self.folder.path(), feed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_incarnations_share_the_engine() {
    run_several(SharedSubject::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_share_a_folder_conform_one_by_one() {
    run(SharedSubject::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine_conforms() {
    run(|| EmbeddedSubject { folder: folder() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_units_of_many_seeds_follow_the_model() {
    for seed in 100..130 {
        follow_the_model(&EmbeddedSubject { folder: fast_folder() }, seed).await;
    }
}
