use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian puts the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A program of the newest PostgreSQL that is installed.
pub(crate) fn program(name: &str) -> io::Result<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).map_err(|_| missing())?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().ok_or_else(missing)
}

fn missing() -> io::Error {
    io::Error::other("PostgreSQL is not installed; type `apt-get install postgresql`")
}

/// Starts as the user that the server runs as.
pub(crate) fn command(name: &str) -> io::Result<Command> {
    let mut command = Command::new(program(name)?);
    if let Some((user, group)) = owner()? {
        command.uid(user).gid(group);
    }
    // Messages are looked at.
    command.env_remove("LANGUAGE").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    // A folder that both may enter: that of the tests may be root's own.
    command.current_dir("/");
    Ok(command)
}

/// Whom the server's files belong to; `None`: the calling user.
pub(crate) fn owner() -> io::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let user = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_postgres = fields.first() == Some(&"postgres");
        is_postgres.then(|| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?
    });
    user.map(Some).ok_or_else(missing)
}

/// Runs to the end, and says what it printed if it failed.
pub(crate) fn run(mut command: Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let (said, complained) = (output.stdout, output.stderr);
    let text = [said, complained].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Err(io::Error::other(format!("{command:?} failed, {}: {text}", output.status)))
}

/// Gives a folder to whom the server runs as.
pub(crate) fn give(folder: &Path) -> io::Result<()> {
    match owner()? {
        Some((user, group)) => std::os::unix::fs::chown(folder, Some(user), Some(group)),
        None => Ok(()),
    }
}
