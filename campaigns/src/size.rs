//! Sizes on command lines.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, written as `64KiB`, `512MiB` or `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = |(unit, shift): &(&str, u32)| {
            let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
        };
        let bytes = UNITS.iter().find_map(read);
        bytes.map(Bytes).ok_or_else(|| "write a size as 64KiB, 512MiB or 2GiB".to_owned())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, shift): &&(&str, u32)| self.0.is_multiple_of(1 << shift);
        match UNITS.iter().find(fits) {
            Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [("2GiB", 2 << 30), ("64MiB", 64 << 20), ("3KiB", 3 << 10)] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        for text in ["", "0GiB", "2", "GiB", "99999999999999999999GiB", "-1MiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text:?}");
        }
    }
}
