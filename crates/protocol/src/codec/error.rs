/// Why bytes are not what they should be. Nothing of them was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Another program wrote it, in a form that this one does not know.
    #[error("its form is version {version}, and this program reads {reads}; deploy one program")]
    Version {
        /// What it says.
        version: u8,
        /// What this program knows.
        reads: u8,
    },
    /// A newer program wrote it.
    #[error(
        "its {what} is number {number}, which this program does not know; deploy the newer one"
    )]
    Kind {
        /// The kind of what.
        what: &'static str,
        /// What it says.
        number: u64,
    },
    /// It ends too early, or claims more than it has.
    #[error("it ends before its {what} does")]
    Short {
        /// What is not whole.
        what: &'static str,
    },
    /// Something follows what should be its end.
    #[error("{bytes} bytes follow its end")]
    Trailing {
        /// How many bytes.
        bytes: usize,
    },
    /// Something is longer than it may be.
    #[error("the length of its {what} is {len}, and {max} is accepted")]
    TooLong {
        /// What is.
        what: &'static str,
        /// How long it claims to be: in bytes for a text, in parts for a list.
        len: u64,
        /// How long it may be.
        max: usize,
    },
    /// A number is out of its range, in another form than its shortest, or out of order.
    #[error("its {what} is no number that may stand there")]
    Number {
        /// Which one.
        what: &'static str,
    },
    /// A text breaks the rule of what it names.
    #[error("its {what} is not one: {why}")]
    Text {
        /// What it should name.
        what: &'static str,
        /// Which rule, in words.
        why: String,
    },
    /// It names an actor type that this node has not heard of, and cannot remember.
    #[error("it names the actor type `{name}`, which this node does not know; deploy one program")]
    UnknownType {
        /// The name, which could be one.
        name: String,
    },
    /// A relayed message is a relay itself.
    #[error("it relays a relay, and there is one hop")]
    NestedRelay,
}
