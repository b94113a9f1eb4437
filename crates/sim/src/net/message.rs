use std::fmt;

use tenure_types::Instant;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// On its own: it may be lost, doubled, and overtaken by later ones.
    Datagram,
    /// On the connection of this number between the two processes: in order and once, until the
    /// connection breaks. It is made by the first message.
    Lane(u8),
}

/// What nodes send each other; opaque to the network.
pub trait Message: Send + 'static {
    /// Which way it goes.
    fn class(&self) -> Class;

    /// Its length on the wire.
    fn bytes(&self) -> u32;

    /// A short name for traces.
    fn name(&self) -> &'static str;

    /// A copy of it, where a datagram may arrive twice.
    fn duplicate(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// Is called when the kernel of the sender has it, at this true time: from here on it may be
    /// heard, whatever becomes of its sender.
    fn released(&self, at: Instant) {
        let _ = at;
    }
}

/// What a process hears from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<M> {
    /// A message.
    Message {
        /// The machine it came from.
        from: u32,
        /// The number of the connection it came by; zero for a datagram.
        connection: u64,
        /// The message.
        message: M,
    },
    /// A connection ended. What was sent on it and not answered may or may not have been heard.
    Closed {
        /// The machine at its other end.
        peer: u32,
        /// Its number: that of a later connection is higher.
        connection: u64,
        /// The number of its lane.
        lane: u8,
        /// Why.
        why: Closed,
    },
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Nobody listens there.
    Refused,
    /// It was reset.
    Reset,
    /// The other process closed it, or ended.
    EndOfFile,
    /// Nothing was acknowledged for too long.
    TimedOut,
}

impl Closed {
    /// Its name in traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Closed::Refused => "refused",
            Closed::Reset => "reset",
            Closed::EndOfFile => "end-of-file",
            Closed::TimedOut => "timed-out",
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What went to and from one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that its kernel took from its processes.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that were delivered to its processes' queues.
    pub heard: u64,
    /// Their bytes.
    pub heard_bytes: u64,
    /// Messages from it that were lost on the way, or with their connection.
    pub lost: u64,
    /// Copies of its datagrams that were made on the way.
    pub doubled: u64,
}
