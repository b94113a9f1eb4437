use std::fmt;
use std::str::FromStr;

/// How far a reader has come in an actor's log of events.
///
/// As text, `epoch:offset` in decimal digits.
///
/// # Examples
/// ```
/// use tenure_protocol::session::Position;
///
/// let position: Position = "17:3".parse()?;
/// assert_eq!(position, Position { epoch: 17, offset: 3 });
/// assert_eq!(position.to_string(), "17:3");
/// # Ok::<(), tenure_protocol::session::PositionError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Numbers the log. Another one says that events were lost, or that the actor began anew.
    pub epoch: u64,
    /// The last event that was seen; the first one of a log has number 1.
    pub offset: u64,
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionError;

impl fmt::Display for PositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position is an epoch and an offset, as in 17:3")
    }
}

impl std::error::Error for PositionError {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        // No sign, no space: one position has one text.
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| digits.parse().ok()).flatten().ok_or(PositionError)
        };
        let (epoch, offset) = text.split_once(':').ok_or(PositionError)?;
        Ok(Self { epoch: number(epoch)?, offset: number(offset)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written_and_nothing_else_is() {
        for position in [(0, 0), (1, 2), (u64::MAX, u64::MAX)] {
            let position = Position { epoch: position.0, offset: position.1 };
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for text in
            ["", ":", "1", "1:", ":1", "+1:1", "1: 1", "1:1:1", "18446744073709551616:0", "a:1"]
        {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text:?}");
        }
    }
}
