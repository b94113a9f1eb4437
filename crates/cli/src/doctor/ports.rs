//! Who can reach a port: what listens on it, as the system says.

use super::finding::Finding;
use crate::http::Server;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Warns of a port that others than this machine can reach without TLS.
pub(super) fn check(server: &Server, check: &'static str, todo: &str) -> Finding {
    if server.is_encrypted() {
        return Finding::ok(check, "reached over TLS");
    }
    if !server.is_here() {
        let found = format!("{} is reached over the network without TLS", server.base());
        return Finding::warning(check, found, todo);
    }
    let tables: Vec<String> =
        TABLES.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    if tables.is_empty() {
        return Finding::skipped(check, "this system does not say who listens");
    }
    let port = server.port_number();
    let listening: Vec<bool> = tables.iter().flat_map(|table| listeners(table, port)).collect();
    match listening.as_slice() {
        [] => Finding::skipped(check, format!("nothing listens on port {port}")),
        all if all.iter().all(|is_loopback| *is_loopback) => {
            Finding::ok(check, format!("port {port} is reached from this machine only"))
        }
        _ => {
            let found = format!("port {port} is reached from other machines, without TLS");
            Finding::warning(check, found, todo)
        }
    }
}

/// For each listener on `port` whether it is on loopback.
fn listeners(table: &str, port: u16) -> Vec<bool> {
    let lines = table.lines().skip(1);
    let listening = lines.filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (address, own_port) = words.next()?.split_once(':')?;
        let is_meant = u16::from_str_radix(own_port, 16).ok()? == port;
        (is_meant && words.nth(1)? == LISTEN).then(|| is_loopback(address))
    });
    listening.collect()
}

/// Addresses are words of four bytes, each in the machine's order.
fn is_loopback(address: &str) -> bool {
    let word = |at: usize| {
        let word = u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?;
        Some(u32::from_be_bytes(word.to_ne_bytes()))
    };
    let words: Option<Vec<u32>> = (0..address.len() / 8).map(|index| word(index * 8)).collect();
    match words.as_deref() {
        Some([v4] | [0, 0, 0xffff, v4]) => v4 >> 24 == 127,
        Some(v6) => v6 == [0, 0, 0, 1],
        None => false,
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n";

    #[test]
    fn listeners_are_told_from_their_lines() {
        let line = |address: &str, state: &str| {
            format!("{HEAD}   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000\n")
        };
        for (address, state, expected) in [
            ("0100007F:1B9E", "0A", vec![true]),
            ("0200017F:1B9E", "0A", vec![true]),
            ("00000000:1B9E", "0A", vec![false]),
            ("0100007F:1B9E", "01", vec![]),
            ("0100007F:1B9F", "0A", vec![]),
            ("00000000000000000000000001000000:1B9E", "0A", vec![true]),
            ("00000000000000000000000000000000:1B9E", "0A", vec![false]),
            ("0000000000000000FFFF00000100007F:1B9E", "0A", vec![true]),
            ("0000000000000000FFFF00000100000A:1B9E", "0A", vec![false]),
            ("strange:1B9E", "0A", vec![false]),
            ("strange", "0A", vec![]),
        ] {
            assert_eq!(listeners(&line(address, state), 7_070), expected, "{address} {state}");
        }
        assert_eq!(listeners("", 7_070), Vec::<bool>::new());
    }
}
