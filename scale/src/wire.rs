//! About how many bytes a request to the member table and its answer take. The cluster's own messages say it
//! themselves ([`Message::wire_bytes`](tenure_protocol::cluster::Message::wire_bytes)).

use tenure_protocol::view::View;
use tenure_protocol::view::table::{TableAction, TableAnswer, TableOutcome, TableRequest};

/// A frame of the store's protocol: its head, the statement's name, the row's head.
const FRAME: usize = 48;
/// The message that a view has a new number.
pub(crate) const HINT_BYTES: usize = 32;

pub(crate) fn ask_bytes(ask: &TableRequest) -> usize {
    FRAME
        + match &ask.action {
            TableAction::Poll { watch, .. } => 16 + 8 * watch.len(),
            TableAction::Join { node, address, .. } => 41 + node.as_str().len() + address.len(),
            TableAction::Forget { incarnations } => 8 + 8 * incarnations.len(),
            _ => 25,
        }
}

pub(crate) fn answer_bytes(answer: &TableAnswer) -> usize {
    let body = match &answer.outcome {
        Ok(TableOutcome::Read { view, rows }) => {
            17 * rows.len() + view.as_ref().map_or(0, view_bytes)
        }
        _ => 9,
    };
    FRAME + 16 + body
}

/// A row: incarnation, state, presumption, weight, two lengths and two texts.
fn view_bytes(view: &View) -> usize {
    view.members().map(|it| 8 + 3 + 8 + it.node.as_str().len() + it.address.len()).sum()
}
