//! Keys: the house `rock`, its sections `rock.A`, `rock.B`, .., and the agents of each, `rock.A.0`, `rock.A.1`, ..
//!
//! Each actor has one spelling: were `rock.A.1` and `rock.A.01` both agent 1, both would be handed the same seats.

/// How many sections there can be: one for each letter.
pub(crate) const SECTIONS_MAX: u32 = 26;
const EVENT_BYTES_MAX: usize = 40;

/// Whether this names an event: small letters, digits and hyphens.
pub(crate) fn is_event(key: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=EVENT_BYTES_MAX).contains(&key.len()) && key.bytes().all(is_plain)
}

/// The event of a section, and the section's number.
pub(crate) fn of_section(key: &str) -> Option<(&str, u32)> {
    let (event, letter) = key.split_once('.')?;
    let [letter @ b'A'..=b'Z'] = letter.as_bytes() else { return None };
    is_event(event).then(|| (event, u32::from(letter - b'A')))
}

/// The section of an agent, and the agent's number.
pub(crate) fn of_agent(key: &str) -> Option<(&str, u32)> {
    let (section, number) = key.rsplit_once('.')?;
    of_section(section)?;
    let agent: u32 = number.parse().ok()?;
    (agent.to_string() == number).then_some((section, agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_actor_has_one_spelling() {
        assert_eq!(of_section("rock-2.C"), Some(("rock-2", 2)));
        assert_eq!(of_agent("rock.A.12"), Some(("rock.A", 12)));
        for key in ["rock", "rock.a", "rock.AB", ".A", "Rock.A", "rock.A.1", "rock.", "a/b.A"] {
            assert_eq!(of_section(key), None, "{key}");
        }
        for key in
            ["rock.A.01", "rock.A.+1", "rock.A.", "rock.1", "rock.A.1.1", "rock.A.4294967296"]
        {
            assert_eq!(of_agent(key), None, "{key}");
        }
    }
}
