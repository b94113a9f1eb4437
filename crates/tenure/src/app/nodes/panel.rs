//! The foot of the screen: the nodes, what happened last, the keys.

use super::fleet::{Fleet, Node, State};

/// The keys, in the words of `docs/tools.md`.
const KEYS: &str = "keys: [k] kill a node  [d] drain  [a] add  [p] pause  [l] logs  [q] quit";
const KEYS_AT_THE_END: &str = "keys: [q] or ctrl-c again kills the nodes that are left";
/// Wide enough for an address with a port.
const ADDRESS_WIDTH: usize = 16;

/// Its lines, from above. They may be longer than a terminal is wide.
pub(super) fn lines(fleet: &Fleet, chosen: Option<u32>) -> Vec<String> {
    let width = ADDRESS_WIDTH;
    let mut lines = vec![format!("--node-- {:width$} {:width$} state", "calls", "dashboard")];
    for (number, node) in fleet.nodes() {
        let mark = if chosen == Some(*number) { '>' } else { ' ' };
        let (calls, admin) = match &node.addresses {
            Some((calls, admin)) if node.is_live() => (calls.as_str(), admin.as_str()),
            _ => ("-", "-"),
        };
        let hidden = if node.is_shown { "" } else { "  (logs hidden)" };
        let name = format!("node-{number}");
        lines.push(format!(
            "{mark}{name:7} {calls:width$} {admin:width$} {}{hidden}",
            state(node, fleet.is_stopping())
        ));
    }
    lines.push(format!("last: {}", fleet.latest()));
    lines.extend(keys(fleet, chosen));
    lines.iter().map(|line| printable(line)).collect()
}

fn keys(fleet: &Fleet, chosen: Option<u32>) -> Vec<String> {
    if fleet.is_stopping() {
        return vec![KEYS_AT_THE_END.to_owned()];
    }
    let highest = fleet.nodes().keys().next_back().copied().unwrap_or_default();
    let whom = match chosen {
        Some(number) => {
            format!("      for node-{number}; 1-{highest} or the arrows choose another one")
        }
        None => format!("      choose a node first: 1-{highest} or the arrows"),
    };
    vec![KEYS.to_owned(), whom]
}

/// The state in words, and why.
fn state(node: &Node, is_stopping: bool) -> String {
    match node.state {
        State::Starting => "starting".to_owned(),
        State::Running => "running".to_owned(),
        State::Paused => "paused (SIGSTOP); [p] lets it continue".to_owned(),
        State::Draining { .. } => "draining: its actors go elsewhere, then it ends".to_owned(),
        State::Gone { again_at } => {
            let next = match again_at {
                _ if is_stopping => "",
                Some(_) => "; starts again",
                None => "; [a] adds it again",
            };
            let trouble = node.trouble.iter().map(|what| format!(": {what}")).collect::<String>();
            format!("gone: {}{next}{trouble}", node.ended)
        }
    }
}

/// Without anything that moves the cursor.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::app::nodes::keys::Action;

    #[test]
    fn every_node_is_there_with_its_state_and_why() {
        let now = Instant::now();
        let mut fleet = Fleet::new(5, 16, Duration::from_secs(30));
        for number in 1..=4 {
            let calls = format!("127.0.0.1:70{number}0");
            fleet.handle_ready(number, 1, (calls, format!("127.0.0.1:70{number}1")));
        }
        fleet.handle_action(Action::Pause(2), now);
        fleet.handle_action(Action::Drain(3), now);
        fleet.handle_trouble(4, 1, "the disk\u{1b}[2J is full".to_owned());
        fleet.handle_end(4, "exit status: 1", false, now);
        fleet.handle_action(Action::Logs(1), now);
        assert_eq!(
            lines(&fleet, Some(2)),
            [
                "--node-- calls            dashboard        state",
                " node-1  127.0.0.1:7010   127.0.0.1:7011   running  (logs hidden)",
                ">node-2  127.0.0.1:7020   127.0.0.1:7021   paused (SIGSTOP); [p] lets it continue",
                " node-3  127.0.0.1:7030   127.0.0.1:7031   draining: its actors go elsewhere, then it ends",
                " node-4  -                -                gone: exit status: 1; starts again: the disk [2J is full",
                " node-5  -                -                starting",
                "last: the logs of node-1 are hidden",
                "keys: [k] kill a node  [d] drain  [a] add  [p] pause  [l] logs  [q] quit",
                "      for node-2; 1-5 or the arrows choose another one",
            ]
        );
        fleet.handle_stop("q");
        fleet.handle_end(3, "exit status: 0", true, now);
        let lines = lines(&fleet, Some(2));
        assert_eq!(lines[3], " node-3  -                -                gone: stopped");
        assert_eq!(lines[7..], ["keys: [q] or ctrl-c again kills the nodes that are left"]);
    }
}
