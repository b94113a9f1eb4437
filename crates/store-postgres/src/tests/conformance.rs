use std::sync::Arc;

use tenure_store::conformance::{
    Subject, follow_the_model, incarnations_are_handed_out_to_join, run, run_several,
};
use tenure_store::{RowKey, Store};
use tenure_types::{ActorId, FeedName};

use super::support::Database;
use crate::{PostgresConfig, PostgresStore};

struct PostgresSubject {
    database: Database,
    config: PostgresConfig,
}

impl PostgresSubject {
    fn of(database: &Database) -> Self {
        Self { database: database.clone(), config: database.config() }
    }
}

impl Subject for PostgresSubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(PostgresStore::new(self.config.clone()))
    }

    fn damage(&self, actor: &ActorId, key: Option<&RowKey>) {
        self.database.damage(&self.config, actor, key);
    }

    fn damage_feed(&self, feed: &FeedName) {
        let sql = format!(
            "UPDATE entries SET body = set_byte(body, 20, get_byte(body, 20) # 1) \
             WHERE feed = '{feed}' AND (stripe, position) = (SELECT stripe, position FROM entries \
             WHERE feed = '{feed}' ORDER BY stripe, position LIMIT 1) RETURNING 1"
        );
        assert_eq!(self.database.sql(&self.config, &sql), "1", "one entry was damaged");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_engine_conforms() {
    let database = Database::start();
    run(|| PostgresSubject::of(&database)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_commit_beside_each_other() {
    let database = Database::start();
    run_several(|| PostgresSubject::of(&database)).await;
    incarnations_are_handed_out_to_join(&PostgresSubject::of(&database)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_units_of_many_seeds_follow_the_model() {
    let database = Database::start();
    for seed in 100..106 {
        follow_the_model(&PostgresSubject::of(&database), seed).await;
    }
}
