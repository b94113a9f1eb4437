use std::collections::BTreeMap;

use tenure_types::{Incarnation, ViewNumber};

use super::{Member, MemberState};

/// The members at one point of the cluster's history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Its number.
    pub number: ViewNumber,
    members: BTreeMap<Incarnation, Member>,
}

impl View {
    /// The view with this number and these members.
    #[must_use]
    pub fn new(number: ViewNumber, members: impl IntoIterator<Item = Member>) -> Self {
        let members = members.into_iter().map(|member| (member.incarnation, member)).collect();
        Self { number, members }
    }

    /// The member, gone ones included until they are forgotten.
    #[must_use]
    pub fn member(&self, incarnation: Incarnation) -> Option<&Member> {
        self.members.get(&incarnation)
    }

    /// Where the member stands; `None` when it is not listed (any more).
    #[must_use]
    pub fn state(&self, incarnation: Incarnation) -> Option<MemberState> {
        self.member(incarnation).map(|member| member.state)
    }

    /// Every member, by incarnation.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = &Member> {
        self.members.values()
    }

    /// Every member that stands there, by incarnation.
    pub fn in_state(&self, state: MemberState) -> impl Iterator<Item = &Member> {
        self.members.values().filter(move |member| member.state == state)
    }

    /// How many members are listed, gone ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether no member is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
