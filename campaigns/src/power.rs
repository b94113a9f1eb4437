//! Power cuts: the disk under the store stops in the middle of the load, and what was not synced is
//! gone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::Disk;
use crate::interrupt;
use crate::process::ServerProcess;
use crate::rounds::Fault;
use crate::seed::Seeded;

/// Up to how long the server goes on over a dead disk before it is killed. Whatever it acknowledges
/// then would be found lost.
const AFTERLIFE_MAX: Duration = Duration::from_millis(30);

/// Cuts the power of the disk that holds the store.
pub struct Power {
    disk: Disk,
    data: PathBuf,
}

impl Power {
    /// A store on `disk`.
    #[must_use]
    pub fn new(disk: Disk) -> Self {
        let data = disk.folder().join("data");
        Self { disk, data }
    }
}

impl Fault for Power {
    fn noun(&self) -> &'static str {
        "power cut"
    }

    fn data(&self) -> &Path {
        &self.data
    }

    fn strike(&mut self, server: &mut ServerProcess, numbers: &mut Seeded) -> anyhow::Result<()> {
        self.disk.cut()?;
        interrupt::pause(numbers.time_below(AFTERLIFE_MAX))?;
        server.kill();
        self.disk.restore()
    }
}
