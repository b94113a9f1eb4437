use std::sync::Arc;

use tempfile::TempDir;
use tenure_store::conformance::{Subject, follow_the_model, run};
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
