/// What a runtime must know of a method before it runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodInfo {
    /// The method's name.
    pub name: &'static str,
    /// Whether its turns are exclusive.
    pub exclusive: bool,
    /// Whether its turns may suspend.
    pub may_suspend: bool,
    /// Whether its replies wait until what the turn saw is durable, whatever the type's mode.
    pub durable: bool,
}

impl MethodInfo {
    /// Stands for the method of a reminder on its way, until its actor says which that is.
    pub const REMINDER: Self =
        Self { name: "reminder", exclusive: true, may_suspend: false, durable: false };
}
