use std::sync::Arc;

use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{TableAction, TableAnswer, TableRequest};
use tenure_types::{BoxFuture, ViewNumber};

/// A way to a member table, as a node has one.
pub trait MemberTable: Send + Sync {
    /// Looks whether the table is there and this cluster's, with these terms.
    ///
    /// # Errors
    /// What people are told.
    fn check(&self) -> BoxFuture<'static, Result<(), String>>;

    /// Does one request. It is on its way when this returns, whether the future is awaited or not.
    ///
    /// # Errors
    /// [`Lost`]: it was done or not.
    fn ask(&self, request: TableRequest) -> BoxFuture<'static, Result<TableAnswer, Lost>>;
}

/// What makes tables for the suite.
pub trait Subject {
    /// Where a table is.
    type Place;

    /// A new place for a table, which nobody has joined.
    fn place(&self) -> Self::Place;

    /// A way of its own to the table there, for a node of this cluster with these terms.
    fn table(&self, place: &Self::Place, cluster: &str, terms: &str) -> Arc<dyn MemberTable>;
}

/// The answer of a table that is there.
///
/// # Panics
/// Where it does not answer.
pub fn asked(table: &dyn MemberTable, seen: u64, action: TableAction) -> TableAnswer {
    let request = TableRequest { seen: ViewNumber(seen), action };
    wait(table.ask(request)).expect("the table is there")
}

/// Runs a future to its end, from anywhere.
///
/// # Panics
/// Where it panics, or there is no thread.
pub fn wait<T: Send + 'static>(work: BoxFuture<'static, T>) -> T {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("there is a thread").block_on(work)
    });
    thread.join().expect("it does not panic")
}
