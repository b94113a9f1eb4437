use std::sync::Arc;

use tempfile::TempDir;
use tenure_store::Store;
use tenure_store::conformance::{Subject, run};
use tenure_types::ActorId;

use super::support::{damage_row, folder};
use crate::EmbeddedStore;

struct EmbeddedSubject {
    folder: TempDir,
}

impl Subject for EmbeddedSubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(EmbeddedStore::new(self.folder.path()))
    }

    fn damage(&self, actor: &ActorId) {
        damage_row(self.folder.path(), actor);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine_conforms() {
    run(|| EmbeddedSubject { folder: folder() }).await;
}
