//! Views: numbered lists of members, and how a cluster agrees on them (DESIGN section 7, rule 1).
//!
//! [`table`] is what the members share, [`membership`] is one node beside it.

mod member;
pub mod membership;
mod snapshot;
pub mod table;

pub use member::{Member, MemberState};
pub use snapshot::View;
