//! The sick accuser.

use tenure_types::NodeId;

use super::picture::Picture;

/// Whether the node suspects more than half of all others while it hears nobody.
///
/// It is likelier that one node is cut off or starved than that most others died at once. Of a pair neither is sick: there
/// one death is as likely as the other's deafness.
pub(super) fn is_sick(me: &NodeId, picture: &Picture) -> bool {
    let is_other = |node: &&NodeId| *node != me && picture.members.contains(*node);
    let others = picture.members.iter().filter(|node| *node != me).count();
    let suspected = picture.suspected.iter().filter(is_other).count();
    let heard = picture.heard.iter().filter(is_other).count();
    others >= 2 && 2 * suspected > others && heard == 0
}
