use tenure_types::Key;

/// Whom a call is for, as a host sees it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The number of the actor type in this process.
    pub slot: u32,
    /// [`actor_hash`](tenure_types::actor_hash) of type name and key.
    pub hash: u64,
    /// The type's name.
    pub type_name: &'static str,
    /// The key.
    pub key: Key,
}
