use std::fmt;
use std::str::FromStr;

use crate::{Tenure, Version};

/// Names one state of one actor, as an entity tag does (RFC 9110, section 8.8.3): which activation
/// produced it, and its version. An actor that was never stored has the default tag.
///
/// No two states of an actor share one: versions are given once by an activation, and the stamps of
/// two activations of one actor differ unless exactly 2^32 tenures lie between them.
///
/// # Examples
/// ```
/// use tenure_types::{StateTag, Tenure, Version};
///
/// let tag = StateTag::new(Tenure { view: 3, sequence: 17 }, Version(42));
/// assert_eq!(tag.to_string().parse(), Ok(tag));
/// assert_eq!(StateTag::default().to_string(), "00000000-0");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StateTag {
    /// A digest of the tenure that produced the state.
    pub stamp: u32,
    /// The state's version.
    pub version: Version,
}

/// The text is no [`StateTag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a state's tag is eight hexadecimal digits, a minus and a number, as in 0000002a-17")]
pub struct StateTagError;

impl StateTag {
    /// The tag of the state that this tenure brought to this version.
    #[must_use]
    pub fn new(tenure: Tenure, version: Version) -> Self {
        Self { stamp: tenure.stamp(), version }
    }
}

impl fmt::Display for StateTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.stamp, self.version)
    }
}

impl FromStr for StateTag {
    type Err = StateTagError;

    fn from_str(text: &str) -> Result<Self, StateTagError> {
        let (stamp, version) = text.split_once('-').ok_or(StateTagError)?;
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let is_number = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
        let is_short = version == "0" || !version.starts_with('0');
        if stamp.len() != 8 || !stamp.bytes().all(is_hex) || !is_number || !is_short {
            return Err(StateTagError);
        }
        let stamp = u32::from_str_radix(stamp, 16).map_err(|_| StateTagError)?;
        let version = version.parse().map_err(|_| StateTagError)?;
        Ok(Self { stamp, version: Version(version) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_form_is_read() {
        for (text, expected) in [
            ("0000002a-17", Some((42, 17))),
            ("ffffffff-18446744073709551615", Some((u32::MAX, u64::MAX))),
            ("ffffffff-18446744073709551616", None),
            ("0000002A-17", None),
            ("+000002a-17", None),
            ("2a-17", None),
            ("0000002a-", None),
            ("0000002a-017", None),
            ("0000002a-+1", None),
            ("0000002a", None),
            ("", None),
        ] {
            let read = text.parse::<StateTag>().ok();
            assert_eq!(read.map(|tag| (tag.stamp, tag.version.0)), expected, "{text}");
        }
    }

    #[test]
    fn tenures_that_follow_each_other_have_other_stamps() {
        let mut stamps = std::collections::HashSet::new();
        for view in 1..50 {
            for sequence in 1..50 {
                assert!(stamps.insert(Tenure { view, sequence }.stamp()), "{view}.{sequence}");
            }
        }
    }
}
