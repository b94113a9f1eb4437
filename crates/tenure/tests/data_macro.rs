//! What `#[tenure::data]` makes of a struct or an enum.

use tenure::__private::{CODEC_NAMED, decode_named, encode_named};

mod old {
    /// As it was.
    #[tenure::data]
    pub(crate) struct Cart {
        pub(crate) owner: String,
        pub(crate) lines: Vec<u32>,
        pub(crate) gone: bool,
    }
}

/// As it is: reordered, one field more, one less, one renamed.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
struct Cart {
    #[serde(default)]
    coupon: Option<String>,
    #[serde(alias = "lines")]
    items: Vec<u32>,
    #[serde(default = "one")]
    version: u8,
    owner: String,
}

fn one() -> u8 {
    1
}

#[derive(Clone, Debug, PartialEq)]
#[tenure::data]
#[serde(rename_all = "snake_case")]
enum Mode<T> {
    OnlyThis,
    Both { left: T, right: T },
    Pair(T, T),
}

#[test]
fn what_is_stored_follows_the_code() {
    let old = old::Cart { owner: "alice".to_owned(), lines: vec![1, 2], gone: true };
    let mut stored = Vec::new();
    encode_named(&old, &mut stored).unwrap();
    let new = Cart { coupon: None, items: vec![1, 2], version: 1, owner: "alice".to_owned() };
    assert_eq!(decode_named::<Cart>(CODEC_NAMED, &stored).unwrap(), new);
}

#[test]
fn bytes_that_do_not_fit_are_refused() {
    let cart = Cart { coupon: None, items: vec![1], version: 1, owner: "a".to_owned() };
    let mut stored = Vec::new();
    encode_named(&cart, &mut stored).unwrap();
    assert_eq!(decode_named::<Cart>(CODEC_NAMED, &stored).unwrap(), cart);
    for cut in 0..stored.len() {
        assert!(decode_named::<Cart>(CODEC_NAMED, &stored[..cut]).is_err(), "{cut}");
    }
    stored.push(0xc0);
    let error = decode_named::<Cart>(CODEC_NAMED, &stored).unwrap_err();
    assert_eq!(error.to_string(), "1 bytes are left over after the state");
    assert!(decode_named::<Cart>(9, &stored).is_err());
}

#[test]
fn enums_and_generics_are_data_too() {
    for mode in [Mode::OnlyThis, Mode::Both { left: 1_u8, right: 2 }, Mode::Pair(3, 4)] {
        let mut stored = Vec::new();
        encode_named(&mode, &mut stored).unwrap();
        assert_eq!(decode_named::<Mode<u8>>(CODEC_NAMED, &stored).unwrap(), mode);
    }
}
