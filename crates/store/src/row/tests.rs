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
        schema: 2,
        codec: 1,
        written_at_ms: 1_700_000_000_123,
        body,
    }
}

fn encoded(unit: &Unit) -> Vec<u8> {
    let mut row = Vec::new();
    encode(unit, &mut row);
    row
}

/// What a damaged row may be answered.
fn is_noticed(result: &Result<Stored, StoreError>) -> bool {
    matches!(result, Err(StoreError::Corrupt { .. } | StoreError::Newer { .. }))
}

#[test]
fn the_layout_never_changes() {
    let row = encoded(&unit(b"body".to_vec()));
    let expected = "544e5201\
        01000000\
        02000000\
        0700000000000000\
        03000000000000000400000000000000\
        05000000000000006300000000000000\
        7b68e5cf8b010000\
        04000000\
        626f6479\
        ";
    let hex: String = row[..row.len() - 8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
    assert_eq!(row[row.len() - 8..], CHECKSUM_OF_LAYOUT.to_le_bytes());
}

/// Computed with another implementation of XXH3 (python-xxhash) over `cart\0alice\0` and the row.
const CHECKSUM_OF_LAYOUT: u64 = 0xc127b90d3fb09aa2;

#[test]
fn every_flipped_bit_is_noticed() {
    for body in [Vec::new(), b"x".to_vec(), (0..=255).collect(), vec![7; 600]] {
        let unit = unit(body);
        let row = encoded(&unit);
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
    let unit = unit(b"state".to_vec());
    let row = encoded(&unit);
    for at in 0..row.len() {
        for value in (0..=255).filter(|value| *value != row[at]) {
            let mut damaged = row.clone();
            damaged[at] = value;
            let result = decode(&unit.actor, &damaged);
            assert!(is_noticed(&result), "byte {at} as {value}: {result:?}");
        }
    }
}

#[test]
fn every_truncation_and_every_addition_is_noticed() {
    let unit = unit((0..100).collect());
    let row = encoded(&unit);
    for length in 0..row.len() {
        assert!(is_noticed(&decode(&unit.actor, &row[..length])), "{length} bytes are left");
        assert!(is_noticed(&decode(&unit.actor, &row[row.len() - length..])), "the last {length}");
    }
    for added in 1..20 {
        for value in [0, 1, 255] {
            let mut longer = row.clone();
            longer.resize(row.len() + added, value);
            assert!(is_noticed(&decode(&unit.actor, &longer)), "{added} bytes of {value} added");
        }
    }
}

#[test]
fn a_row_under_another_name_is_noticed() {
    let unit = unit(b"state".to_vec());
    let row = encoded(&unit);
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
    let mut row = encoded(&unit);
    row[3] = 2;
    assert!(matches!(decode(&unit.actor, &row), Err(StoreError::Newer { .. })));
}

#[test]
fn rows_are_appended() {
    let mut out = b"before".to_vec();
    let unit = unit(b"state".to_vec());
    encode(&unit, &mut out);
    assert_eq!(out[..6], *b"before");
    assert_eq!(out[6..], encoded(&unit));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        key in "[^\\p{Cc}]{1,100}",
        numbers in proptest::array::uniform6(any::<u64>()),
        schema in any::<u32>(),
        codec in any::<u8>(),
        body in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let unit = Unit {
            actor: actor(&key),
            expected: Version(0),
            version: Version(numbers[0]),
            tenure: Tenure { view: numbers[1], sequence: numbers[2] },
            token: Token { incarnation: Incarnation(numbers[3]), sequence: numbers[4] },
            schema,
            codec,
            written_at_ms: numbers[5],
            body,
        };
        let row = encoded(&unit);
        let stored = decode(&unit.actor, &row).expect("an encoded row decodes");
        prop_assert_eq!(stored.version, unit.version);
        prop_assert_eq!(stored.tenure, unit.tenure);
        prop_assert_eq!(stored.token, unit.token);
        prop_assert_eq!(stored.schema, unit.schema);
        prop_assert_eq!(stored.codec, unit.codec);
        prop_assert_eq!(stored.written_at_ms, unit.written_at_ms);
        prop_assert_eq!(&stored.body, &unit.body);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&actor("alice"), &bytes).is_err());
    }

    #[test]
    fn damage_of_many_bytes_is_noticed(
        body in proptest::collection::vec(any::<u8>(), 0..500),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..8),
    ) {
        let unit = unit(body);
        let row = encoded(&unit);
        let mut damaged = row.clone();
        for (at, mask) in damage {
            damaged[at.index(row.len())] ^= mask;
        }
        prop_assert!(damaged == row || is_noticed(&decode(&unit.actor, &damaged)));
    }
}
