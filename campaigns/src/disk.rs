//! A disk whose power can be cut: ext4 on a loop device.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

const BYTES: u64 = 1 << 30;
/// `EXT4_IOC_SHUTDOWN` of the kernel's fs/ext4/ext4.h.
const SHUTDOWN: rustix::ioctl::Opcode = 0x8004_587d;
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`: stop at once, and write nothing of what waits to be written.
const WITHOUT_FLUSH: u32 = 2;
const BUSY_TRIES: usize = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// A mounted disk. Dropped, it is unmounted and its device is given back.
pub struct Disk {
    folder: TempDir,
    mounted: PathBuf,
    device: Option<String>,
    is_mounted: bool,
}

impl Disk {
    /// Says why this system has no such disk.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn check() -> Result<(), String> {
        if !rustix::process::geteuid().is_root() {
            return Err("a disk that can be cut needs root".to_owned());
        }
        if !Path::new("/dev/loop-control").exists() {
            return Err("this system has no loop devices".to_owned());
        }
        for (program, argument) in [("losetup", "--version"), ("mkfs.ext4", "-V")] {
            if Command::new(program).arg(argument).output().is_err() {
                return Err(format!("the program {program} is not there"));
            }
        }
        Ok(())
    }

    /// Makes a disk and mounts it.
    ///
    /// # Errors
    /// When the system refuses. Nothing is left behind.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("could not make a folder")?;
        let (image, mounted) = (folder.path().join("disk.img"), folder.path().join("disk"));
        std::fs::create_dir(&mounted)?;
        // Others than root may go through to the disk, as a database does.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        // Sparse: it takes as much as is written.
        File::create(&image)?.set_len(BYTES)?;
        // From here on a failure gives back what was taken.
        let mut disk = Self { folder, mounted, device: None, is_mounted: false };
        let device = output(Command::new("losetup").args(["-f", "--show"]).arg(&image))?;
        let device = disk.device.insert(device.trim().to_owned());
        output(Command::new("mkfs.ext4").args(["-q", "-F", device]))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.mounted
    }

    /// Syncs everything that was written.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> anyhow::Result<()> {
        let root = File::open(&self.mounted)?;
        rustix::fs::syncfs(&root).context("could not sync the disk")
    }

    /// Cuts the power: from now on every write fails, and what was not synced is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn cut(&self) -> anyhow::Result<()> {
        let root = File::open(&self.mounted)?;
        #[expect(unsafe_code, reason = "no safe interface knows this request of ext4")]
        // SAFETY: the request reads one u32 (linux fs/ext4/ioctl.c, ext4_ioctl_shutdown), which
        // `Setter` passes by address and keeps alive for the call.
        unsafe {
            rustix::ioctl::ioctl(&root, rustix::ioctl::Setter::<SHUTDOWN, u32>::new(WITHOUT_FLUSH))
        }
        .context("could not cut the power of the disk")
    }

    /// Gives the power back, as a restart of the machine does. No process may have a file of it
    /// open.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn restore(&mut self) -> anyhow::Result<()> {
        self.unmount()?;
        self.mount()
    }

    fn mount(&mut self) -> anyhow::Result<()> {
        let device = self.device.as_deref().context("the disk has no device")?;
        mount(device, &self.mounted, "ext4", MountFlags::NOATIME, None)
            .with_context(|| format!("could not mount {device}"))?;
        self.is_mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> anyhow::Result<()> {
        for _ in 0..BUSY_TRIES {
            match unmount(&self.mounted, UnmountFlags::empty()) {
                Ok(()) => {
                    self.is_mounted = false;
                    return Ok(());
                }
                // Something else looks into the folder for a moment, as indexers do.
                Err(Errno::BUSY) => std::thread::sleep(BUSY_PAUSE),
                Err(error) => return Err(error).context("could not unmount the disk"),
            }
        }
        bail!("the disk in {} stays busy", self.mounted.display())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted && self.unmount().is_err() {
            // Gone from the tree at once, from the system with its last file.
            let _ = unmount(&self.mounted, UnmountFlags::DETACH);
        }
        let detached = self.device.take().map(|device| {
            output(Command::new("losetup").args(["-d", &device]))
                .with_context(|| format!("could not detach {device}"))
        });
        if let Some(Err(error)) = detached {
            println!("{error:#}; the image was in {}", self.folder.path().display());
        }
    }
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("could not run {command:?}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed: {}", text.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
