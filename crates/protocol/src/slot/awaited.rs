use tenure_types::Incarnation;

use super::Parts;

/// The members whose report of a slot is missing, and what came of it. There are as many as members in
/// every slot that changes hands, so they lie in one piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Awaited(Vec<(Incarnation, Option<Parts>)>);

impl Awaited {
    /// All of these.
    pub(crate) fn of(members: impl Iterator<Item = Incarnation>) -> Self {
        Self(members.map(|member| (member, None)).collect())
    }

    /// And these, of which none is awaited yet.
    pub(crate) fn extend(&mut self, members: impl IntoIterator<Item = Incarnation>) {
        self.0.extend(members.into_iter().map(|member| (member, None)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, member: Incarnation) -> bool {
        self.0.iter().any(|(it, _)| *it == member)
    }

    pub(crate) fn get_mut(&mut self, member: Incarnation) -> Option<&mut Option<Parts>> {
        self.0.iter_mut().find(|(it, _)| *it == member).map(|(_, parts)| parts)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = Incarnation> {
        self.0.iter().map(|(member, _)| *member)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Incarnation) -> bool) {
        self.0.retain(|(member, _)| keep(*member));
    }

    pub(crate) fn remove(&mut self, member: Incarnation) {
        self.retain(|it| it != member);
    }
}
