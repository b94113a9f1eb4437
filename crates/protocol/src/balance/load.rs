use tenure_types::Incarnation;

/// What a member carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemberLoad {
    /// Which one.
    pub incarnation: Incarnation,
    /// Its share beside others, 1 to [`WEIGHT_MAX`](crate::ring::WEIGHT_MAX); what is outside counts as the nearest inside.
    pub weight: u8,
    /// What it carries, in whatever unit is the same for all members and actors.
    pub load: u64,
    /// Whether others may move actors there: not when it is cordoned.
    pub takes_new: bool,
    /// Whether it is leaving: then everybody rests.
    pub is_leaving: bool,
}
