use tenure_types::{ActorId, Tenure, Token, Version};

/// The largest body of a unit, in bytes.
pub const UNIT_BYTES_MAX: usize = 4 << 20;

/// What one actor commits: atomic and durable, or absent.
///
/// It holds one changed state. The version that must be stored before (`expected`) and the one
/// stored after (`version`) may lie more than one apart: a unit covers every turn since the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Whose state it is.
    pub actor: ActorId,
    /// The version that must be stored now; [`Version::NONE`] when nothing may be.
    pub expected: Version,
    /// The version stored with this unit, greater than `expected`.
    pub version: Version,
    /// The right under which the turns ran.
    pub tenure: Tenure,
    /// Names this unit for ever; its incarnation is checked against the fence.
    pub token: Token,
    /// The schema version of the body.
    pub schema: u32,
    /// How the body is encoded: a codec id of the layer above, opaque to engines.
    pub codec: u8,
    /// Unix time in milliseconds, for people.
    pub written_at_ms: u64,
    /// The encoded state, at most [`UNIT_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitOutcome {
    /// It is durable and visible to loads.
    Committed,
    /// The stored version is not the expected one; nothing was written. A `token` equal to the
    /// unit's own means that it had been committed by an earlier submission.
    Conflict {
        /// The version that is stored.
        version: Version,
        /// The token of the unit that stored it.
        token: Token,
    },
    /// The body is larger than the engine's bound; nothing was written, and the same unit will
    /// never be accepted.
    TooLarge {
        /// The body's length in bytes.
        bytes: usize,
        /// The bound in bytes.
        bytes_max: usize,
    },
    /// What is stored of the actor cannot be read, so there is nothing to compare the unit with:
    /// it was damaged, or a newer program wrote it. This submission wrote nothing, what is stored
    /// is as it was, and submitting again does not help. Whether an earlier submission that was
    /// answered `Unknown` had committed is not known.
    Corrupt {
        /// Which record, and what is wrong with it, for logs and errors.
        reason: Box<str>,
    },
    /// The engine cannot tell. Resolved only by submitting the same unit again until the answer
    /// is another one.
    Unknown {
        /// What happened, for logs and errors.
        reason: Box<str>,
    },
    /// The unit's incarnation can commit nothing any more. Whether this unit became durable
    /// before is what loads under the next incarnation say; it will not become so later.
    Fenced {
        /// What happened, for logs and errors.
        reason: Box<str>,
    },
}
