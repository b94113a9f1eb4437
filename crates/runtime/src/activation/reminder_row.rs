//! The stored form of a reminder: period in milliseconds or zero, length of the method's name, the
//! name, the encoded message.

use std::time::Duration;

use tenure_actor::Delivery;

/// A reminder that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reminder {
    pub(crate) due_ms: u64,
    pub(crate) every: Option<Duration>,
    pub(crate) delivery: Delivery,
}

pub(crate) fn encode(reminder: &Reminder) -> Vec<u8> {
    let every = reminder.every.map_or(0, |every| every.as_millis().max(1) as u64);
    let method = reminder.delivery.method.as_bytes();
    let mut row = every.to_le_bytes().to_vec();
    row.extend_from_slice(&(method.len() as u32).to_le_bytes());
    row.extend_from_slice(method);
    row.extend_from_slice(&reminder.delivery.body);
    row
}

pub(crate) fn decode(due_ms: u64, row: &[u8]) -> Result<Reminder, String> {
    let short = || "a reminder is too short".to_owned();
    let (every, rest) = row.split_first_chunk::<8>().ok_or_else(short)?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let (method, body) =
        rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(short)?;
    let method = std::str::from_utf8(method).map_err(|_| "a reminder's method is no text")?;
    let every = u64::from_le_bytes(*every);
    Ok(Reminder {
        due_ms,
        every: (every > 0).then(|| Duration::from_millis(every)),
        delivery: Delivery { method: method.into(), body: body.into() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_and_what_is_short_is_told() {
        for every in [None, Some(Duration::from_secs(3))] {
            let delivery = Delivery { method: "tick".into(), body: [1, 2, 3][..].into() };
            let reminder = Reminder { due_ms: 9, every, delivery };
            let row = encode(&reminder);
            assert_eq!(decode(9, &row), Ok(reminder));
            assert!((0..16).all(|len| decode(9, &row[..len]).is_err()));
        }
    }
}
