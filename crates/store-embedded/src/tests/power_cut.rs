//! A power cut, played by a file system that is shut down without writing back anything: what was
//! acknowledged is there, though the page cache is not.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::crash::{Acknowledged, check_acknowledged, start_child};
use super::support::{Node, folder};

const CUTS: usize = 4;

/// A file system in a file.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// `None`, with a printed reason, when this process may not make one.
    fn make() -> Option<Self> {
        let disk = Self { folder: folder() };
        let made = run("truncate", &["-s", "400M", &disk.path("image")])
            && run("mkfs.ext4", &["-q", &disk.path("image")])
            && std::fs::create_dir(disk.path("mounted")).is_ok()
            && disk.mount();
        if made {
            return Some(disk);
        }
        let reason = b"skipped: a file system of its own needs root, mkfs.ext4 and loop devices\n";
        std::io::Write::write_all(&mut std::io::stderr(), reason).ok();
        None
    }

    fn mount(&self) -> bool {
        run("mount", &["-o", "loop", &self.path("image"), &self.path("mounted")])
    }

    /// Takes the file system away from under everything, and mounts what had been written.
    fn cut_power(&self) -> bool {
        // EXT4_IOC_SHUTDOWN without flushing its log.
        let shutdown = "import fcntl,os,struct,sys; \
             fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        run("python3", &["-c", shutdown, &self.path("mounted")])
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l", &self.path("mounted")]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn power_cuts_lose_nothing_acknowledged() {
    let Some(disk) = Disk::make() else { return };
    let store = Path::new(&disk.path("mounted")).join("store");
    let mut acknowledged = Acknowledged::new();
    for cut in 0..CUTS {
        let mut child = start_child(&store, 1);
        child.read_lines(200 + cut * 333, &mut acknowledged);
        assert!(disk.cut_power(), "the file system can be shut down");
        // Its disk fails now; it ends by itself, or is killed.
        child.kill_and_read_rest(&mut acknowledged);
        assert!(run("umount", &[&disk.path("mounted")]), "nothing holds the file system");
        assert!(disk.mount(), "the file system can be mounted again");
        let node = Node::try_start(super::crash::config(&store));
        let node = node.unwrap_or_else(|error| panic!("after cut {cut}: {error}"));
        check_acknowledged(&node, &mut acknowledged, 1);
        node.close();
    }
}
