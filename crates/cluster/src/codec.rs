//! What nodes say to each other, as bytes.
//!
//! A frame's lane says of which kind it is; its bytes begin with the version of the form, the run that wrote it and the
//! run it is for. What is inside of a call, an answer or a packed activation is written and read by those who
//! know it.

use bytes::{Buf, Bytes};
use tenure_actor::wire::{BODY_BYTES_MAX, HEAD_BYTES_MAX, Types};
use tenure_protocol::cluster::Message;
use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_protocol::migration::MoveId;
use tenure_runtime::{PACKED_BYTES_MAX, PackError, Packed};

use crate::following::Following;
use crate::levelling::Levelling;
use crate::message::{Body, Frame, Part};

/// The version of the form that this program writes and reads.
pub const FRAME_VERSION: u8 = 1;

/// The most bytes of a call or an answer: its head, its body, and what stands before them.
const CALL_BYTES_MAX: usize = HEAD_BYTES_MAX + BODY_BYTES_MAX + 64;

/// The most bytes of a message of the directory.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The numbers of kinds. They are for ever.
mod kind {
    pub(super) const DIRECTORY: u8 = 1;
    pub(super) const HINT: u8 = 2;
    pub(super) const PRESUMED: u8 = 3;
    pub(super) const HANDED: u8 = 4;
    pub(super) const NOT_HERE: u8 = 5;
    pub(super) const SETTLED: u8 = 6;
    pub(super) const SHIPPED: u8 = 7;
    pub(super) const FOLLOWING: u8 = 8;
    pub(super) const LEVELLING: u8 = 9;
}

impl Frame {
    /// The number of its kind, and its bytes.
    ///
    /// # Errors
    /// [`PackError`]: what is packed cannot leave this process.
    pub fn encode(&self) -> Result<(u8, Vec<u8>), PackError> {
        let mut out = match &self.body {
            Body::Handed { number, call: part } | Body::Settled { number, answer: part } => {
                let numbers = [self.from.0, self.to.0, *number, part.len() as u64];
                let head: usize = numbers.into_iter().map(Writer::number_len).sum();
                Writer::begin_with_room(FRAME_VERSION, 1 + head + part.len())
            }
            _ => Writer::begin(FRAME_VERSION),
        };
        out.incarnation(self.from).incarnation(self.to);
        let kind = match &self.body {
            Body::Directory(message) => {
                out.bytes(&message.encode());
                kind::DIRECTORY
            }
            Body::Hint(number) => {
                out.view(*number);
                kind::HINT
            }
            Body::Presumed(incarnation) => {
                out.incarnation(*incarnation);
                kind::PRESUMED
            }
            Body::Handed { number, call } => {
                out.number(*number).bytes(call);
                kind::HANDED
            }
            Body::NotHere { number, hint } => {
                out.number(*number);
                out.option(*hint, |out, (host, tenure)| out.incarnation(host).tenure(tenure));
                kind::NOT_HERE
            }
            Body::Settled { number, answer } => {
                out.number(*number).bytes(answer);
                kind::SETTLED
            }
            Body::Shipped { id, actor, packed } => {
                let packed = packed.encode()?;
                out.incarnation(id.source).number(id.number).actor(actor).bytes(&packed);
                kind::SHIPPED
            }
            Body::Following(following) => {
                following.write(&mut out);
                kind::FOLLOWING
            }
            Body::Levelling(levelling) => {
                levelling.write(&mut out);
                kind::LEVELLING
            }
        };
        Ok((kind, out.into_bytes()))
    }

    /// The frame that a lane has brought. `types` are those of this node. A call and an answer are not copied.
    ///
    /// # Errors
    /// What is wrong with the bytes; nothing of them is taken.
    pub fn decode(kind: u8, bytes: impl Into<Bytes>, types: &Types) -> Result<Self, CodecError> {
        let names = &|name: &str| types.name(name);
        let bytes = bytes.into();
        let mut from = Reader::open(&bytes, FRAME_VERSION)?;
        let (wrote, to) = (from.incarnation()?, from.incarnation()?);
        let body = match kind {
            kind::DIRECTORY => {
                Body::Directory(Message::decode(from.bytes("message", MESSAGE_BYTES_MAX)?, names)?)
            }
            kind::HINT => Body::Hint(from.view()?),
            kind::PRESUMED => Body::Presumed(from.incarnation()?),
            kind::NOT_HERE => Body::NotHere {
                number: from.number("call")?,
                hint: from.option("place", |from| Ok((from.incarnation()?, from.tenure()?)))?,
            },
            kind::HANDED | kind::SETTLED => {
                let number = from.number("call")?;
                let len = from.bytes("call", CALL_BYTES_MAX)?.len();
                from.end()?;
                let mut last = bytes;
                last.advance(last.len() - len);
                let body = match kind {
                    kind::HANDED => Body::Handed { number, call: Part::Came(last) },
                    _ => Body::Settled { number, answer: Part::Came(last) },
                };
                return Ok(Self { from: wrote, to, body });
            }
            kind::SHIPPED => Body::Shipped {
                id: MoveId { source: from.incarnation()?, number: from.number("move")? },
                actor: from.actor(names)?,
                packed: Packed::decode(from.bytes("memory", PACKED_BYTES_MAX)?, names)?,
            },
            kind::FOLLOWING => Body::Following(Following::read(&mut from, names)?),
            kind::LEVELLING => Body::Levelling(Levelling::read(&mut from, names)?),
            number => {
                return Err(CodecError::Kind { what: "frame", number: number.into() });
            }
        };
        from.end().map(|()| Self { from: wrote, to, body })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenure_actor::EventPage;
    use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure, ViewNumber};

    use super::*;
    use crate::following::News;
    use crate::levelling::{Carried, NAMED_MAX};

    fn actor() -> ActorId {
        let actor_type = ActorTypeName::new("cart").unwrap();
        ActorId { actor_type, key: Key::new("alice").unwrap() }
    }

    fn following() -> impl Iterator<Item = Following> {
        let events = |sizes: &[usize]| sizes.iter().map(|len| vec![7; *len].into()).collect();
        let page = |first: u64, sizes: &[usize]| EventPage {
            epoch: 300,
            offset: 12,
            recovered: true,
            events: (first..).zip::<Vec<_>>(events(sizes)).collect(),
        };
        let told = |news| Following::Told { number: 2, batch: 129, news };
        [
            Following::Follow { number: 7, actor: actor() },
            Following::Unfollow { number: 7 },
            told(News::Begun),
            told(News::Events { epoch: 300, first: 9, events: events(&[0, 3]) }),
            told(News::Gap),
            told(News::Left),
            Following::Heard { number: 2, batch: 129 },
            Following::Read { number: 1, actor: actor(), epoch: 300, offset: 8 },
            Following::Page { number: 1, page: None },
            Following::Page { number: 1, page: Some(page(0, &[])) },
            Following::Page { number: 1, page: Some(page(9, &[0, 3])) },
        ]
        .into_iter()
    }

    fn frames() -> Vec<Frame> {
        let tenure = Tenure { view: 7, sequence: 300 };
        let message = Message::Found { actor: actor(), host: Incarnation(9), tenure };
        let bodies = [
            Body::Directory(message),
            Body::Hint(ViewNumber(41)),
            Body::Presumed(Incarnation(2)),
            Body::Handed { number: 1 << 40, call: Part::Made(vec![1, 2, 3]) },
            Body::NotHere { number: 3, hint: None },
            Body::NotHere { number: 3, hint: Some((Incarnation(5), tenure)) },
            Body::Settled { number: 128, answer: Part::Made(Vec::new()) },
        ];
        let carried = Carried {
            load: 1 << 40,
            takes_new: true,
            actors: vec![(actor(), 300)],
            moving: vec![actor()],
        };
        let levelling = [
            Levelling::Carried(Carried::default()),
            Levelling::Carried(carried),
            Levelling::Move(vec![(actor(), Incarnation(9))]),
        ];
        let bodies = bodies.into_iter().chain(following().map(Body::Following));
        let bodies = bodies.chain(levelling.map(Body::Levelling));
        let (from, to) = (Incarnation(300), Incarnation(4));
        bodies.map(|body| Frame { from, to, body }).collect()
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let types = Types::new(&[]);
        for frame in frames() {
            let (kind, bytes) = frame.encode().unwrap();
            let read = Frame::decode(kind, bytes.clone(), &types).unwrap();
            assert_eq!(format!("{read:?}"), format!("{frame:?}"));
            assert_eq!(read.encode().unwrap(), (kind, bytes.clone()), "one form");
            for end in 0..bytes.len() {
                let cut = Frame::decode(kind, bytes[..end].to_vec(), &types);
                assert!(cut.is_err(), "{} at {end}", frame.body.name());
            }
            let longer = [&bytes[..], &[0]].concat();
            assert!(Frame::decode(kind, longer.clone(), &types).is_err(), "{}", frame.body.name());
        }
    }

    /// The form may not change unseen: programs of two versions talk to each other.
    #[test]
    fn the_form_stays() {
        let hint = Body::Hint(ViewNumber(300));
        let frame = Frame { from: Incarnation(1), to: Incarnation(2), body: hint };
        assert_eq!(frame.encode().unwrap(), (2, vec![1, 1, 2, 0xac, 0x02]));
        let handed = Body::Handed { number: 5, call: Part::Made(vec![7, 8]) };
        let frame = Frame { from: Incarnation(1), to: Incarnation(2), body: handed };
        assert_eq!(frame.encode().unwrap(), (4, vec![1, 1, 2, 5, 2, 7, 8]));
        let heard = Body::Following(Following::Heard { number: 300, batch: 5 });
        let frame = Frame { from: Incarnation(1), to: Incarnation(2), body: heard };
        assert_eq!(frame.encode().unwrap(), (8, vec![1, 1, 2, 4, 0xac, 0x02, 5]));
    }

    #[test]
    fn events_past_the_last_number_are_refused() {
        let types = Types::new(&[]);
        let last = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let told = [&[1, 1, 2, 3, 7, 1, 1, 9][..], &last, &[2, 0, 0]].concat();
        let refused = Frame::decode(8, told, &types).map(|_| ());
        assert_eq!(refused, Err(CodecError::Number { what: "offset" }));
        let unknown = Frame::decode(8, vec![1, 1, 2, 9], &types).map(|_| ());
        assert_eq!(unknown, Err(CodecError::Kind { what: "following", number: 9 }));
    }

    #[test]
    fn more_actors_than_a_node_names_are_refused() {
        let types = Types::new(&[]);
        let moves = |count| Levelling::Move(vec![(actor(), Incarnation(9)); count]);
        for (count, is_read) in [(NAMED_MAX, true), (NAMED_MAX + 1, false)] {
            let body = Body::Levelling(moves(count));
            let frame = Frame { from: Incarnation(1), to: Incarnation(2), body };
            let (kind, bytes) = frame.encode().unwrap();
            assert_eq!(Frame::decode(kind, bytes, &types).is_ok(), is_read, "{count}");
        }
    }

    #[test]
    fn a_newer_peers_words_are_named() {
        let types = Types::new(&[]);
        let unknown = Frame::decode(99, vec![1, 1, 2], &types).map(|_| ());
        assert_eq!(unknown, Err(CodecError::Kind { what: "frame", number: 99 }));
        let newer = Frame::decode(2, vec![2, 1, 2, 3], &types).map(|_| ());
        assert_eq!(newer, Err(CodecError::Version { version: 2, reads: FRAME_VERSION }));
    }

    #[test]
    fn claims_are_not_believed() {
        let types = Types::new(&[]);
        // A call of 4 GiB in a frame of nine bytes.
        let bytes = vec![1, 1, 2, 5, 0xff, 0xff, 0xff, 0xff, 0x0f];
        let refused = Frame::decode(4, bytes, &types).map(|_| ());
        assert!(matches!(refused, Err(CodecError::TooLong { .. })), "{refused:?}");
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_or_has_one_form(
            kind in 0_u8..11,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let types = Types::new(&[]);
            if let Ok(frame) = Frame::decode(kind, bytes.clone(), &types) {
                prop_assert_eq!(frame.encode().unwrap(), (kind, bytes));
            }
        }
    }
}
