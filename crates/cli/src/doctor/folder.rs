//! The store's folder and the disk under it.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::meter::size;

/// Where a node keeps its store unless told otherwise.
const DEFAULT: &str = ".tenure";
const CHECK: &str = "disk";
/// Journals take about 128 MiB and tables are written whole before old ones go.
const FREE_BYTES_MIN: u64 = 512 << 20;
const FREE_BYTES_LOW: u64 = 2 << 30;
/// Types of file systems on other machines, by their magic numbers in `statfs(2)`.
const REMOTE: [(u32, &str); 5] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
];

/// The folder that is meant, if one is.
pub(super) fn find(named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(named) => Some(named.to_owned()),
        None => Some(PathBuf::from(DEFAULT)).filter(|folder| folder.join("lock").is_file()),
    }
}

pub(super) fn check(folder: Option<&Path>) -> Vec<Finding> {
    let Some(folder) = folder else {
        return vec![Finding::skipped(CHECK, "name the store's folder with --data")];
    };
    let shown = folder.display();
    let found = match rustix::fs::statfs(folder) {
        Ok(found) => found,
        Err(error) => {
            let found = format!("{shown} cannot be looked at: {error}");
            return vec![Finding::broken(CHECK, found, "name the store's folder with --data")];
        }
    };
    let mut findings = vec![room(folder, free_bytes(folder))];
    let kind = REMOTE.iter().find(|(magic, _)| *magic == found.f_type as u32);
    if let Some((_, name)) = kind {
        findings.push(Finding::warning(
            CHECK,
            format!("{shown} is on {name}, where a lock may keep nobody out"),
            "keep the store on a local disk",
        ));
    }
    if !folder.join("lock").is_file() {
        let todo = "name the folder that the node serves with --data";
        findings.push(Finding::warning(CHECK, format!("{shown} has no store"), todo));
    }
    findings
}

fn free_bytes(folder: &Path) -> u64 {
    let found = rustix::fs::statvfs(folder);
    found.map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize))
}

fn room(folder: &Path, free: u64) -> Finding {
    let found = format!("{} has {} free", folder.display(), size(free));
    let todo = "make room: a full disk stops every durable actor";
    match free {
        free if free < FREE_BYTES_MIN => Finding::broken(CHECK, found, todo),
        free if free < FREE_BYTES_LOW => Finding::warning(CHECK, found, todo),
        _ => Finding::ok(CHECK, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn room_is_judged_by_what_a_store_needs() {
        for (free, expected) in
            [(0, Level::Broken), (1 << 30, Level::Warning), (1 << 40, Level::Ok)]
        {
            assert_eq!(room(Path::new("x"), free).level, expected, "{free}");
        }
    }
}
