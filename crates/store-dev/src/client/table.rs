use std::sync::Arc;

use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{TableAnswer, TableRequest};
use tokio::sync::oneshot;

use super::connection::Connection;
use crate::message::Reply;

/// The member table of the local cluster, which the [`DevServer`](crate::DevServer) keeps: **for development and
/// tests only.** It has lanes of its own: what is asked of it never waits behind the store.
#[derive(Clone)]
pub struct DevTable {
    connection: Arc<Connection>,
}

impl DevTable {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Carries a request to the table and gives its answer.
    ///
    /// # Errors
    /// [`Lost`]: nobody heard what became of it. It may have been done, or be done later.
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    pub async fn ask(&self, request: TableRequest) -> Result<TableAnswer, Lost> {
        let (tell, told) = oneshot::channel();
        let told_once = Box::new(move |reply| drop(tell.send(reply)));
        self.connection.ask_table(&request.encode(), told_once);
        match told.await {
            Ok(Reply::Done(answer)) => TableAnswer::decode(&answer).map_err(|error| {
                tracing::error!(%error, "the table's answer cannot be read");
                Lost
            }),
            Ok(reply) => {
                tracing::debug!(?reply, "a request of the table is lost");
                Err(Lost)
            }
            Err(_) => Err(Lost),
        }
    }
}
