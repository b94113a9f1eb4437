//! The limits that the system sets to the node's process.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;

/// 10,240 connections by default, 256 tables, and journals, sockets and pipes.
const FILES_WANTED: u64 = 12_288;
/// With fewer not even the store and a handful of clients fit.
const FILES_MIN: u64 = 512;

/// Looks at the process that has the store open, else at this one, whose limits a node that is started
/// from here would have.
pub(super) fn check(folder: Option<&Path>) -> Vec<Finding> {
    let node = folder.and_then(holder).and_then(|pid| {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
        Some((format!("the node (process {pid})"), limits))
    });
    let (who, files, file_bytes) = match node {
        Some((who, limits)) => {
            (who, soft(&limits, "Max open files"), soft(&limits, "Max file size"))
        }
        None => (
            "a process started from here".to_owned(),
            getrlimit(Resource::Nofile).current,
            getrlimit(Resource::Fsize).current,
        ),
    };
    vec![open_files(&who, files), file_size(&who, file_bytes)]
}

/// The process that has the store open.
fn holder(folder: &Path) -> Option<u32> {
    let pid = std::fs::read_to_string(folder.join("lock")).ok()?.trim().parse().ok()?;
    // The number stays when the process has ended, and another may have it by now.
    let file = std::fs::File::open(folder.join("lock")).ok()?;
    matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)).then_some(pid)
}

/// A soft limit in `/proc/PID/limits`; `None` where it is unlimited, or not said.
fn soft(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].split_whitespace().next()?.parse().ok()
}

fn open_files(who: &str, limit: Option<u64>) -> Finding {
    const CHECK: &str = "open files";
    let todo = format!(
        "raise it: `LimitNOFILE=65536` in a systemd unit, `ulimit -n 65536` in a shell \
         (it wants {FILES_WANTED})"
    );
    match limit {
        None => Finding::ok(CHECK, format!("{who} may open any number")),
        Some(limit) => {
            let found = format!("{who} may open {limit}");
            match limit {
                limit if limit < FILES_MIN => Finding::broken(CHECK, found, todo),
                limit if limit < FILES_WANTED => Finding::warning(CHECK, found, todo),
                _ => Finding::ok(CHECK, found),
            }
        }
    }
}

fn file_size(who: &str, limit: Option<u64>) -> Finding {
    const CHECK: &str = "file size";
    match limit {
        None => Finding::ok(CHECK, format!("{who} may write files of any size")),
        Some(limit) => Finding::warning(
            CHECK,
            format!("{who} may write files of {} at most", crate::meter::size(limit)),
            "lift it (`ulimit -f unlimited`): a table that cannot be written stops durable actors",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn limits_are_read_as_the_system_writes_them() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max file size             unlimited            unlimited            bytes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft(limits, "Max open files"), Some(1_024));
        assert_eq!(soft(limits, "Max file size"), None);
        assert_eq!(soft(limits, "Max nothing"), None);
        for (limit, expected) in [
            (Some(100), Level::Broken),
            (Some(1_024), Level::Warning),
            (Some(65_536), Level::Ok),
            (None, Level::Ok),
        ] {
            assert_eq!(open_files("it", limit).level, expected, "{limit:?}");
        }
    }
}
