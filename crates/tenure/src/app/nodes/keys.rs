//! The keys of the screen: a byte that a terminal sent goes in, what is asked for comes out.

/// What somebody asks for with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// SIGKILL for this node.
    Kill(u32),
    /// An orderly stop of this node.
    Drain(u32),
    /// Another node, or this one where it is gone.
    Add(Option<u32>),
    /// SIGSTOP for this node, or SIGCONT where it is stopped.
    Pause(u32),
    /// Hide what this node says, or show it again.
    Logs(u32),
    /// The end of all.
    Quit,
    /// Nothing can be done: why.
    Refuse(String),
}

/// Which node is chosen, and what of a key has come.
#[derive(Debug, Default)]
pub(super) struct Keys {
    chosen: Option<u32>,
    /// The key before was a digit: the next one may be the second of its number.
    is_number: bool,
    escape: Escape,
}

/// Keys that are no character come as several bytes, in turn after ESC (ECMA-48, section 5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    /// After `ESC [` or `ESC O`: parameters, then one final byte.
    Inside,
}

enum Key {
    Letter(u8),
    Digit(u32),
    Up,
    Down,
}

const ESC: u8 = 0x1b;
/// Ctrl-c, where the terminal does not make a signal of it.
const ETX: u8 = 0x03;

impl Keys {
    /// The node that a key is for.
    pub(super) const fn chosen(&self) -> Option<u32> {
        self.chosen
    }

    /// Takes one byte. `known` are the numbers of the nodes, in order. Bytes that are no key do nothing.
    pub(super) fn handle_byte(&mut self, byte: u8, known: &[u32]) -> Option<Action> {
        let key = self.key(byte)?;
        let was_number = std::mem::replace(&mut self.is_number, matches!(key, Key::Digit(_)));
        match key {
            Key::Digit(digit) => self.choose(digit, was_number, known),
            Key::Up => self.step(known.iter().rev()),
            Key::Down => self.step(known.iter()),
            Key::Letter(b'k') => Some(self.of_chosen("k", Action::Kill)),
            Key::Letter(b'd') => Some(self.of_chosen("d", Action::Drain)),
            Key::Letter(b'p') => Some(self.of_chosen("p", Action::Pause)),
            Key::Letter(b'l') => Some(self.of_chosen("l", Action::Logs)),
            Key::Letter(b'a') => Some(Action::Add(self.chosen)),
            Key::Letter(b'q' | ETX) => Some(Action::Quit),
            Key::Letter(_) => None,
        }
    }

    /// The key that this byte ends, if it ends one.
    fn key(&mut self, byte: u8) -> Option<Key> {
        let (next, key) = match (self.escape, byte) {
            (_, ESC) => (Escape::Begun, None),
            (Escape::None, b'0'..=b'9') => (Escape::None, Some(Key::Digit(u32::from(byte - b'0')))),
            (Escape::None, _) => (Escape::None, Some(Key::Letter(byte))),
            (Escape::Begun, b'[' | b'O') => (Escape::Inside, None),
            // A letter with Alt is none of ours.
            (Escape::Begun, _) => (Escape::None, None),
            (Escape::Inside, b'A') => (Escape::None, Some(Key::Up)),
            (Escape::Inside, b'B') => (Escape::None, Some(Key::Down)),
            (Escape::Inside, 0x20..=0x3f) => (Escape::Inside, None),
            (Escape::Inside, _) => (Escape::None, None),
        };
        self.escape = next;
        key
    }

    fn choose(&mut self, digit: u32, was_number: bool, known: &[u32]) -> Option<Action> {
        let longer = self.chosen.filter(|_| was_number).map(|first| first * 10 + digit);
        let number = longer.filter(|it| known.contains(it)).unwrap_or(digit);
        if !known.contains(&number) {
            return Some(Action::Refuse(format!("there is no node-{number}; [a] adds one")));
        }
        self.chosen = Some(number);
        None
    }

    /// Chooses the one behind the chosen one, and behind the last the first.
    fn step<'a>(&mut self, mut known: impl Iterator<Item = &'a u32> + Clone) -> Option<Action> {
        let first = known.clone().next().copied();
        known.find(|it| Some(**it) == self.chosen);
        self.chosen = known.next().copied().or(first);
        None
    }

    fn of_chosen(&self, key: &str, make: fn(u32) -> Action) -> Action {
        let why = || format!("choose a node first, by its number or the arrows; then [{key}]");
        self.chosen.map_or_else(|| Action::Refuse(why()), make)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these keys ask for, and which node is chosen then.
    fn pressed(bytes: &[u8], nodes: u32) -> (Vec<Action>, Option<u32>) {
        let (mut keys, known) = (Keys::default(), (1..=nodes).collect::<Vec<_>>());
        let actions = bytes.iter().filter_map(|byte| keys.handle_byte(*byte, &known)).collect();
        (actions, keys.chosen())
    }

    #[test]
    fn a_number_chooses_a_node_and_letters_are_for_it() {
        let all = [
            Action::Kill(2),
            Action::Drain(2),
            Action::Pause(2),
            Action::Logs(2),
            Action::Add(Some(2)),
            Action::Quit,
        ];
        assert_eq!(pressed(b"2kdplaq", 3), (all.to_vec(), Some(2)));
        assert_eq!(pressed(b"1k3k", 3).0, [Action::Kill(1), Action::Kill(3)]);
    }

    #[test]
    fn nothing_is_done_to_a_node_before_one_is_chosen() {
        for key in [b"k", b"d", b"p", b"l"] {
            let (actions, chosen) = pressed(key, 3);
            assert!(matches!(actions[..], [Action::Refuse(_)]), "{actions:?}");
            assert_eq!(chosen, None);
        }
        assert_eq!(pressed(b"a", 3).0, [Action::Add(None)]);
    }

    #[test]
    fn two_digits_are_one_number_where_there_is_such_a_node() {
        for (bytes, nodes, chosen) in [
            (&b"12"[..], 16, Some(12)), // there is a node-12
            (b"12", 3, Some(2)),        // there is none: the second digit is another choice
            (b"1x2", 16, Some(2)),      // another key ends a number
            (b"116", 16, Some(6)),      // and so does its second digit
            (b"10", 16, Some(10)),
        ] {
            assert_eq!(pressed(bytes, nodes).1, chosen, "{bytes:?} of {nodes}");
        }
        let (actions, chosen) = pressed(b"27", 3);
        assert!(matches!(actions[..], [Action::Refuse(_)]), "{actions:?}");
        assert_eq!(chosen, Some(2), "who was chosen stays so");
    }

    #[test]
    fn arrows_go_round() {
        for (bytes, chosen) in [
            (&b"\x1b[B"[..], 1),
            (b"\x1b[B\x1b[B", 2),
            (b"\x1bOB\x1bOB\x1bOB\x1bOB", 1),
            (b"\x1b[A", 3),
            (b"1\x1b[A", 3),
            (b"3\x1b[A", 2),
            (b"3\x1b[1;5B", 1), // with control
        ] {
            assert_eq!(pressed(bytes, 3), (vec![], Some(chosen)), "{bytes:?}");
        }
        assert_eq!(pressed(b"\x1b[A", 0), (vec![], None));
    }

    #[test]
    fn what_is_no_key_of_ours_does_nothing() {
        // Delete, F5, Alt-k, Alt-d, a letter of two bytes, capitals.
        let bytes = b"2\x1b[3~\x1b[15~\x1bk\x1bd\xc3\xa4KDAQ \r\n";
        assert_eq!(pressed(bytes, 3), (vec![], Some(2)));
        for byte in 0..=255 {
            let (mut keys, mut asked) = (Keys::default(), 0);
            for byte in [byte, byte, byte, byte, byte] {
                asked += usize::from(keys.handle_byte(byte, &[1, 2, 3]).is_some());
            }
            let is_key = b"kdplaq\x03".contains(&byte) || byte.is_ascii_digit();
            assert!(is_key || asked == 0, "{byte:#x}");
        }
    }
}
