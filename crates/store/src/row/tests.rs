use proptest::prelude::*;
use tenure_types::{ActorTypeName, Key};

use super::*;

fn actor(key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("a good name"),
        key: Key::new(key).expect("a good key"),
    }
}

fn unit(body: Vec<u8>) -> Unit {
    Unit {
        actor: actor("alice"),
        expected: Version(6),
        version: Version(7),
        tenure: Tenure { view: 3, sequence: 4 },
        token: Token { incarnation: Incarnation(5), sequence: 99 },
        written_at_ms: 1_700_000_000_123,
        log: EventLog::default(),
        content: Content::State(Encoded { schema: 2, codec: 1, bytes: body }),
        rows: Vec::new(),
        entries: Vec::new(),
    }
}

/// Heads of every shape.
fn heads() -> Vec<(Unit, Beside)> {
    let log = EventLog { epoch: 3, offset: 9, open: None };
    let open = EventLog { open: Some(Tenure { view: 8, sequence: 0 }), ..log };
    let only_open = EventLog { epoch: 0, offset: 0, ..open };
    let beside = Beside { kinds: 0b10010, life: 77 };
    let mut heads = Vec::new();
    for body in [Vec::new(), b"x".to_vec(), (0..=255).collect(), vec![7; 600]] {
        heads.push((unit(body), Beside::default()));
    }
    for log in [EventLog::default(), log, open, only_open] {
        for content in [
            unit(b"state".to_vec()).content,
            Content::Journaled { snapshot: 5 },
            Content::Deleted { until_ms: 1_700_000_000_000 },
        ] {
            for beside in [Beside::default(), beside] {
                let content = content.clone();
                heads.push((Unit { log, content, ..unit(Vec::new()) }, beside));
            }
        }
    }
    heads
}

fn encoded(unit: &Unit, beside: Beside) -> Vec<u8> {
    let mut row = Vec::new();
    encode(unit, beside, &mut row);
    row
}

fn stored_of(unit: &Unit) -> Stored {
    Stored {
        version: unit.version,
        tenure: unit.tenure,
        token: unit.token,
        written_at_ms: unit.written_at_ms,
        log: unit.log,
        content: unit.content.clone(),
        rows: Vec::new(),
    }
}

type Decoded = Result<(Stored, Beside), StoreError>;

/// What a damaged row may be answered.
fn is_noticed(result: &Decoded) -> bool {
    matches!(result, Err(StoreError::Corrupt { .. } | StoreError::Newer { .. }))
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// What a program of format 1 wrote. Its checksum was computed with another implementation of XXH3
/// (python-xxhash) over `cart\0alice\0` and the row, like those below.
const FORMAT_1: &str = "544e5201 01000000 02000000 0700000000000000
    0300000000000000 0400000000000000 0500000000000000 6300000000000000
    7b68e5cf8b010000 04000000 626f6479 a29ab03f0db927c1";

const FORMAT_2: [&str; 3] = [
    "544e5202 01000000 02000000 0700000000000000
    0300000000000000 0400000000000000 0500000000000000 6300000000000000
    7b68e5cf8b010000 04000000 626f6479 d5828c8ba3b5f38c",
    "544e5202 00011307 00000000 0700000000000000
    0300000000000000 0400000000000000 0500000000000000 6300000000000000
    7b68e5cf8b010000 08000000 0600000000000000
    0200000000000000 0900000000000000 0800000000000000 0100000000000000
    4d00000000000000 40ad67704ef2b81c",
    "544e5202 00020001 00000000 0700000000000000
    0300000000000000 0400000000000000 0500000000000000 6300000000000000
    7b68e5cf8b010000 08000000 0068e5cf8b010000
    0200000000000000 0900000000000000 7810ca6979c097d0",
];

#[test]
fn rows_of_format_1_are_read() {
    let unit = unit(b"body".to_vec());
    let row = from_hex(FORMAT_1);
    assert_eq!(decode(&unit.actor, &row), Ok((stored_of(&unit), Beside::default())));
    for bit in 0..row.len() * 8 {
        let mut damaged = row.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(is_noticed(&decode(&unit.actor, &damaged)), "bit {bit}");
    }
}

#[test]
fn the_layout_never_changes() {
    let log = EventLog { epoch: 2, offset: 9, open: None };
    let open = EventLog { open: Some(Tenure { view: 8, sequence: 1 }), ..log };
    let heads = [
        (unit(b"body".to_vec()), Beside::default()),
        (
            Unit { log: open, content: Content::Journaled { snapshot: 6 }, ..unit(Vec::new()) },
            Beside { kinds: 0x13, life: 77 },
        ),
        (
            Unit {
                log,
                content: Content::Deleted { until_ms: 1_700_000_000_000 },
                ..unit(Vec::new())
            },
            Beside::default(),
        ),
    ];
    for ((unit, beside), expected) in heads.into_iter().zip(FORMAT_2) {
        let row = encoded(&unit, beside);
        assert_eq!(row, from_hex(expected));
        assert_eq!(decode(&unit.actor, &row), Ok((stored_of(&unit), beside)));
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    for (unit, beside) in heads() {
        let row = encoded(&unit, beside);
        for bit in 0..row.len() * 8 {
            let mut damaged = row.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let result = decode(&unit.actor, &damaged);
            assert!(is_noticed(&result), "bit {bit} of {} bytes: {result:?}", row.len());
        }
    }
}

#[test]
fn every_other_value_of_every_byte_is_noticed() {
    for (unit, beside) in heads().into_iter().skip(4) {
        let row = encoded(&unit, beside);
        for at in 0..row.len() {
            for value in (0..=255).filter(|value| *value != row[at]) {
                let mut damaged = row.clone();
                damaged[at] = value;
                let result = decode(&unit.actor, &damaged);
                assert!(is_noticed(&result), "byte {at} as {value}: {result:?}");
            }
        }
    }
}

#[test]
fn every_truncation_and_every_addition_is_noticed() {
    for (unit, beside) in heads() {
        let row = encoded(&unit, beside);
        for length in 0..row.len() {
            assert!(is_noticed(&decode(&unit.actor, &row[..length])), "{length} bytes are left");
            let last = &row[row.len() - length..];
            assert!(is_noticed(&decode(&unit.actor, last)), "the last {length}");
        }
        for added in 1..20 {
            for value in [0, 1, 255] {
                let mut longer = row.clone();
                longer.resize(row.len() + added, value);
                let result = decode(&unit.actor, &longer);
                assert!(is_noticed(&result), "{added} bytes of {value} added");
            }
        }
    }
}

/// A program that is wrong may write a row whose checksum is right.
#[test]
fn rows_that_make_no_sense_are_noticed() {
    let unit = unit(b"body".to_vec());
    let row = encoded(&unit, Beside::default());
    let content_bytes = row.len() - CHECKSUM_BYTES;
    // Format, content, sections, length.
    for (at, value) in [(3, 0), (5, 1), (5, 2), (5, 3), (7, 1), (7, 2), (7, 4), (60, 3), (60, 5)] {
        let mut wrong = row[..content_bytes].to_vec();
        wrong[at] = value;
        let checksum = checksum((&unit.actor).into(), &[], &wrong);
        wrong.extend_from_slice(&checksum.to_le_bytes());
        let result = decode(&unit.actor, &wrong);
        assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{at}, {value}: {result:?}");
    }
}

#[test]
fn a_row_under_another_name_is_noticed() {
    let unit = unit(b"state".to_vec());
    let row = encoded(&unit, Beside::default());
    for other in [actor("alicf"), actor("alice "), actor("a"), actor("cart")] {
        assert!(is_noticed(&decode(&other, &row)), "{other}");
    }
    let mut shifted = unit.actor;
    shifted.actor_type = ActorTypeName::new("carta").expect("a good name");
    shifted.key = Key::new("lice").expect("a good key");
    assert!(is_noticed(&decode(&shifted, &row)), "{shifted}");
}

#[test]
fn a_newer_format_is_not_damage() {
    let unit = unit(Vec::new());
    let mut row = encoded(&unit, Beside::default());
    row[3] = FORMAT + 1;
    assert!(matches!(decode(&unit.actor, &row), Err(StoreError::Newer { .. })));
}

#[test]
fn rows_are_appended() {
    let mut out = b"before".to_vec();
    let unit = unit(b"state".to_vec());
    encode(&unit, Beside::default(), &mut out);
    assert_eq!(out[..6], *b"before");
    assert_eq!(out[6..], encoded(&unit, Beside::default()));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        key in "[^\\p{Cc}]{1,100}",
        numbers in proptest::array::uniform12(any::<u64>()),
        schema in any::<u32>(),
        codec in any::<u8>(),
        kinds in any::<u8>(),
        (kind, is_open) in (0..3, any::<bool>()),
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let open = is_open.then_some(Tenure { view: numbers[8], sequence: numbers[9] });
        let unit = Unit {
            actor: actor(&key),
            expected: Version(0),
            version: Version(numbers[0]),
            tenure: Tenure { view: numbers[1], sequence: numbers[2] },
            token: Token { incarnation: Incarnation(numbers[3]), sequence: numbers[4] },
            written_at_ms: numbers[5],
            log: EventLog { epoch: numbers[6], offset: numbers[7], open },
            content: match kind {
                0 => Content::State(Encoded { schema, codec, bytes }),
                1 => Content::Journaled { snapshot: numbers[10] },
                _ => Content::Deleted { until_ms: numbers[10] },
            },
            rows: Vec::new(),
            entries: Vec::new(),
        };
        let beside = Beside { kinds, life: numbers[11] };
        let row = encoded(&unit, beside);
        let decoded = decode(&unit.actor, &row).expect("an encoded row decodes");
        prop_assert_eq!(decoded, (stored_of(&unit), beside));
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&actor("alice"), &bytes).is_err());
    }

    #[test]
    fn damage_of_many_bytes_is_noticed(
        (unit, beside) in prop::sample::select(heads()),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..8),
    ) {
        let row = encoded(&unit, beside);
        let mut damaged = row.clone();
        for (at, mask) in damage {
            damaged[at.index(row.len())] ^= mask;
        }
        prop_assert!(damaged == row || is_noticed(&decode(&unit.actor, &damaged)));
    }
}
