//! The files that the tree must find. Without some of them it would not fail but begin anew, and
//! delete what it then takes for leftovers.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use tenure_store::StoreError;
use xxhash_rust::xxh3::xxh3_128;

use super::contents;
use crate::failure;

const FORMAT: &[u8] = b"FJL\x03";
/// The tree's own keyspace of names and options, and ours.
const KEYSPACES: [&str; 2] = ["0", "1"];

/// Checks the files in the tree's folder.
///
/// # Errors
/// [`StoreError::Corrupt`] names the first that is missing or not what it should be.
pub(super) fn check(tree: &Path) -> Result<(), StoreError> {
    let format = read(&tree.join("version"))?;
    if format != FORMAT {
        return Err(corrupt(&tree.join("version"), "it does not name the format of the tree"));
    }
    // The tree's own lock holds nothing; the store's lock, outside, is the one that counts.
    let lock = tree.join("lock");
    let touched = fs::OpenOptions::new().append(true).create(true).open(&lock);
    touched.map_err(|error| failure::io("opening", &lock, &error))?;
    let keyspaces = tree.join("keyspaces");
    for name in list(&keyspaces)? {
        if !KEYSPACES.iter().any(|known| OsStr::new(known) == name) {
            return Err(corrupt(&keyspaces.join(name), "no such keyspace was ever made"));
        }
    }
    for name in KEYSPACES {
        check_keyspace(&keyspaces.join(name))?;
    }
    Ok(())
}

/// Checks that `current` names a version file and that this is the one it was written for, which
/// the tree itself takes for granted.
fn check_keyspace(folder: &Path) -> Result<(), StoreError> {
    let current_path = folder.join("current");
    let current = read(&current_path)?;
    let Ok(current) = <[u8; 25]>::try_from(current.as_slice()) else {
        return Err(corrupt(&current_path, "its length is not 25 bytes"));
    };
    let (version, rest) = current.split_at(8);
    let (checksum, kind) = rest.split_at(16);
    let version = u64::from_le_bytes(version.try_into().expect("eight bytes"));
    let version_path = folder.join(format!("v{version}"));
    let stated = u128::from_le_bytes(checksum.try_into().expect("sixteen bytes"));
    if kind != [0] || xxh3_128(&read(&version_path)?) != stated {
        return Err(corrupt(&version_path, "its checksum is not the one that `current` states"));
    }
    let tables = folder.join("tables");
    for name in list(&tables)? {
        let is_table = name.to_str().is_some_and(|name| name.parse::<u64>().is_ok());
        if !is_table || !tables.join(&name).is_file() {
            return Err(corrupt(&tables.join(name), "it is no table"));
        }
        let path = tables.join(&name);
        let read = contents::are_damaged(&path);
        if read.map_err(|error| failure::io("reading", &path, &error))? {
            return Err(corrupt(&path, "the checksum of its contents does not match"));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|error| missing_or(path, &error))
}

fn list(folder: &Path) -> Result<Vec<std::ffi::OsString>, StoreError> {
    let list = || -> io::Result<_> { fs::read_dir(folder)?.map(|e| Ok(e?.file_name())).collect() };
    list().map_err(|error| missing_or(folder, &error))
}

fn missing_or(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            corrupt(path, "it is missing")
        }
        _ => failure::io("reading", path, error),
    }
}

fn corrupt(path: &Path, detail: &str) -> StoreError {
    StoreError::Corrupt {
        what: path.display().to_string().into(),
        detail: format!("{detail}; restore a backup").into(),
    }
}
