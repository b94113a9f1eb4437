//! The servers outside of the cluster, as the simulation runs them.

use tenure_protocol::view::table::{Table, TableAnswer, TableRequest};
use tenure_sim::remote::Service;

/// The server of the member table: what every driver has to do, as its specification does it.
#[derive(Default)]
pub struct TableService(pub Table);

impl Service for TableService {
    type Request = TableRequest;
    type Answer = TableAnswer;

    fn apply(&mut self, request: TableRequest) -> TableAnswer {
        self.0.apply(request)
    }

    fn fail_over(&mut self) {
        self.0.fail_over();
    }
}
