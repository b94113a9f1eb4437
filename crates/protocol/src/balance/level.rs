use tenure_types::Incarnation;

use super::load::MemberLoad;
use crate::ring::WEIGHT_MAX;

/// What each member would carry once the moves so far were made.
#[derive(Clone, Debug)]
pub(super) struct Loads {
    members: Vec<Member>,
    load: u128,
    weight: u128,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    incarnation: Incarnation,
    weight: u128,
    load: u128,
    takes_new: bool,
}

impl Member {
    /// Whether it carries more for its weight than the other.
    fn is_fuller(&self, other: &Self) -> bool {
        self.load * other.weight > other.load * self.weight
    }
}

impl Loads {
    pub(super) fn new(members: &[MemberLoad]) -> Self {
        let members: Vec<_> = members
            .iter()
            .map(|member| Member {
                incarnation: member.incarnation,
                weight: u128::from(member.weight.clamp(1, WEIGHT_MAX)),
                load: u128::from(member.load),
                takes_new: member.takes_new,
            })
            .collect();
        let load = members.iter().map(|member| member.load).sum();
        let weight = members.iter().map(|member| member.weight).sum();
        Self { members, load, weight }
    }

    /// Whether some member is above so many percent of the mean for its weight.
    pub(super) fn is_above(&self, percent: u32) -> bool {
        self.members.iter().any(|member| self.is_member_above(member, percent))
    }

    fn is_member_above(&self, member: &Member, percent: u32) -> bool {
        100 * member.load * self.weight > u128::from(percent) * self.load * member.weight
    }

    /// Takes a load from one to another, as far as they are listed.
    pub(super) fn shift(&mut self, load: u64, from: Incarnation, to: Incarnation) {
        let load = u128::from(load);
        let place =
            |incarnation| self.members.iter().position(|member| member.incarnation == incarnation);
        let (Some(from), Some(to)) = (place(from), place(to)) else { return };
        let load = load.min(self.members[from].load);
        self.members[from].load -= load;
        self.members[to].load += load;
    }

    /// The first of the actors (load, host) whose move to the emptiest member helps, from the fullest host above `percent` that has any; the
    /// hottest first, if they are sorted so.
    ///
    /// A move helps when the target, with the actor, carries less for its weight than the source did with it.
    pub(super) fn best_move(
        &self,
        percent: u32,
        actors: impl Iterator<Item = (u64, Incarnation)>,
    ) -> Option<(usize, Incarnation)> {
        let open = self.members.iter().filter(|member| member.takes_new);
        let target = open.reduce(
            |emptiest, member| if emptiest.is_fuller(member) { member } else { emptiest },
        )?;
        let mut best: Option<(usize, &Member)> = None;
        for (place, (load, host)) in actors.enumerate() {
            let Some(source) = self.members.iter().find(|member| member.incarnation == host) else {
                continue;
            };
            let after = Member { load: target.load + u128::from(load), ..*target };
            let helps = load > 0
                && self.is_member_above(source, percent)
                && source.incarnation != target.incarnation
                && source.is_fuller(&after);
            if helps && best.is_none_or(|(_, fullest)| source.is_fuller(fullest)) {
                best = Some((place, source));
            }
        }
        best.map(|(place, _)| (place, target.incarnation))
    }
}
