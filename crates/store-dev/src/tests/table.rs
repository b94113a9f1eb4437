//! The member table over its lanes.

use tenure_protocol::view::MemberState;
use tenure_protocol::view::table::{
    JoinToken, TableAction, TableAnswer, TableOutcome, TableRequest,
};
use tenure_types::{Incarnation, NodeId, ViewNumber};

use super::support::Served;
use crate::DevTable;

async fn ask(table: &DevTable, action: TableAction) -> TableAnswer {
    table.ask(TableRequest { seen: ViewNumber(0), action }).await.expect("it is answered")
}

fn join(node: &str, token: u128) -> TableAction {
    TableAction::Join {
        node: NodeId::new(node).expect("a good name"),
        weight: 1,
        address: "127.0.0.1:7000".into(),
        former: None,
        token: JoinToken(token),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_processes_see_one_table_that_begins_past_what_the_store_saw() {
    let served = Served::start().await;
    let (a, b) = (served.client().await.table(), served.client().await.table());
    let joined = ask(&a, join("a", 1)).await;
    let incarnation = Incarnation(8);
    assert_eq!(joined.outcome, Ok(TableOutcome::Joined { incarnation, is_new: true }));
    // The answer may have been lost: the same join is done once.
    let again = ask(&a, join("a", 1)).await;
    assert_eq!(again.outcome, Ok(TableOutcome::Joined { incarnation, is_new: false }));
    let second = ask(&b, join("b", 2)).await;
    let other = Incarnation(9);
    assert_eq!(second.outcome, Ok(TableOutcome::Joined { incarnation: other, is_new: true }));
    let alive = TableAction::Advance { incarnation, to: MemberState::Alive };
    assert_eq!(ask(&a, alive).await.outcome, Ok(TableOutcome::Done));
    let poll = TableAction::Poll { known: ViewNumber(0), watch: vec![incarnation] };
    let TableAnswer { number, outcome, .. } = ask(&b, poll).await;
    let Ok(TableOutcome::Read { view: Some(view), rows }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((number, view.number), (ViewNumber(10), ViewNumber(10)));
    assert_eq!(view.state(incarnation), Some(MemberState::Alive));
    assert_eq!(view.state(other), Some(MemberState::Joining));
    assert_eq!(rows.len(), 1);
}
