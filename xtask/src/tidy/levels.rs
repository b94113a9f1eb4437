//! Who may import whom: a crate's dependencies are on lower levels.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::source::{Member, Workspace};

/// The level of each package. A name that ends in `*` covers the names that begin with the rest.
/// The first row that fits decides. A change of this table is an ADR.
const LEVELS: &[(&str, u8)] = &[
    ("tenure-types", 0),
    ("tenure-postgres-server", 0),
    ("tenure-etcd-server", 0),
    ("tenure-protocol", 1),
    ("tenure-actor", 1),
    ("tenure-macros", 1),
    ("tenure-store", 1),
    ("tenure-observe", 1),
    ("tenure-runtime", 2),
    ("tenure-sentinel", 2),
    ("tenure-transport", 2),
    ("tenure-membership", 2),
    ("tenure-store-dev", 3),
    ("tenure-store-*", 2),
    ("tenure-table-etcd", 2),
    ("tenure-table-suite", 2),
    ("tenure-gateway", 2),
    ("tenure-client", 2),
    ("tenure-cluster", 3),
    ("tenure", 4),
    ("tenure-cli", 5),
    ("tenure-shuttle", 5),
    ("tenure-sim", 5),
    ("tenure-sim-cluster", 6),
    ("tenure-benches", 5),
    ("tenure-campaigns", 5),
    ("tenure-scale", 5),
    ("xtask", 5),
];

/// Every package in this folder is of the level beside it.
const FOLDER_LEVELS: &[(&str, u8)] = &[("examples", 5)];

/// The code that the macros write names `::tenure`, so the macros themselves import none of it.
const WITHOUT_OWN_DEPENDENCIES: &[&str] = &["tenure-macros"];

/// Tests of levels 1 and 2 may use these even when they import the crate under test.
const TEST_SUPPORT: &[&str] = &["tenure-store", "tenure-sim"];
const TEST_SUPPORTED_LEVELS: std::ops::RangeInclusive<u8> = 1..=2;

struct Dependency<'a> {
    /// The name in the manifest, for finding its line.
    key: &'a str,
    package: &'a str,
    is_dev: bool,
}

/// Checks the dependencies of every member on other members.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let levels: BTreeMap<&str, u8> = workspace
        .members
        .iter()
        .filter_map(|member| Some((member.package.as_str(), level_of(member)?)))
        .collect();
    let imports: BTreeMap<&str, Vec<Dependency<'_>>> = workspace
        .members
        .iter()
        .map(|member| (member.package.as_str(), own_dependencies(workspace, member)))
        .collect();
    let mut findings = Vec::new();
    for member in &workspace.members {
        let manifest = member.folder.join("Cargo.toml");
        let Some(level) = levels.get(member.package.as_str()).copied() else {
            findings.push(Finding::new(
                &manifest,
                line_of(&member.manifest_text, "name"),
                format!("the package {} has no level", member.package),
                "give it one in LEVELS of xtask/src/tidy/levels.rs, and say why in an ADR",
            ));
            continue;
        };
        for dependency in &imports[member.package.as_str()] {
            let broken = if dependency.is_dev {
                dev_violation(member, level, dependency, &imports)
            } else {
                level_violation(member, level, dependency, &levels)
            };
            if let Some((what, advice)) = broken {
                let line = line_of(&member.manifest_text, dependency.key);
                findings.push(Finding::new(&manifest, line, what, advice));
            }
        }
    }
    findings
}

fn level_of(member: &Member) -> Option<u8> {
    let in_folder = FOLDER_LEVELS.iter().find(|(folder, _)| member.folder.starts_with(folder));
    let by_name = LEVELS.iter().find(|(name, _)| match name.strip_suffix('*') {
        Some(prefix) => member.package.starts_with(prefix),
        None => member.package == *name,
    });
    in_folder.or(by_name).map(|(_, level)| *level)
}

fn level_violation(
    member: &Member,
    level: u8,
    dependency: &Dependency<'_>,
    levels: &BTreeMap<&str, u8>,
) -> Option<(String, &'static str)> {
    let (package, imported) = (&member.package, dependency.package);
    if WITHOUT_OWN_DEPENDENCIES.contains(&package.as_str()) {
        let what = format!("{package} imports {imported}, but imports no crate of the workspace");
        return Some((what, "let the code it writes name `::tenure` instead"));
    }
    let imported_level = levels.get(imported).copied()?;
    (imported_level >= level).then(|| {
        let what = format!(
            "{package} (level {level}) imports {imported} (level {imported_level}), \
             and a crate imports only from lower levels"
        );
        (what, "declare a trait here and implement it one level up, or move the shared type down")
    })
}

fn dev_violation(
    member: &Member,
    level: u8,
    dependency: &Dependency<'_>,
    imports: &BTreeMap<&str, Vec<Dependency<'_>>>,
) -> Option<(String, &'static str)> {
    let is_support = TEST_SUPPORT.contains(&dependency.package);
    if is_support && TEST_SUPPORTED_LEVELS.contains(&level) {
        return None;
    }
    reaches(dependency.package, &member.package, imports).then(|| {
        let what = format!(
            "the tests of {} import {}, which imports {0} itself: a circle",
            member.package, dependency.package
        );
        (what, "move these tests to the crate that imports both")
    })
}

/// Says whether `from` is `to` or imports it, in any number of steps.
fn reaches(from: &str, to: &str, imports: &BTreeMap<&str, Vec<Dependency<'_>>>) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(package) = open.pop() {
        if package == to {
            return true;
        }
        if seen.insert(package) {
            let imported = imports.get(package).into_iter().flatten();
            open.extend(imported.filter(|d| !d.is_dev).map(|d| d.package));
        }
    }
    false
}

/// Returns the dependencies of `member` on members of the workspace, of all targets.
fn own_dependencies<'a>(workspace: &'a Workspace, member: &'a Member) -> Vec<Dependency<'a>> {
    let shared = workspace.manifest.get("workspace").and_then(|table| table.get("dependencies"));
    let targets = member.manifest.get("target").and_then(toml::Value::as_table);
    let tables = std::iter::once(&member.manifest)
        .chain(targets.into_iter().flat_map(|all| all.values()).filter_map(toml::Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let entries = table.get(section).and_then(toml::Value::as_table);
            for (key, value) in entries.into_iter().flatten() {
                let renamed = package_of(value).or_else(|| package_of(shared?.get(key)?));
                let package = renamed.unwrap_or(key);
                if workspace.members.iter().any(|other| other.package == package) {
                    found.push(Dependency { key, package, is_dev: section == "dev-dependencies" });
                }
            }
        }
    }
    found
}

fn package_of(dependency: &toml::Value) -> Option<&str> {
    dependency.get("package")?.as_str()
}

/// Returns the line of the manifest that sets `key`, or 1 when it is spelt in another way.
fn line_of(manifest: &str, key: &str) -> usize {
    let sets_key = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix('"').unwrap_or(line);
        line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '=', '.', '"']))
    };
    manifest.lines().position(sets_key).map_or(1, |index| index + 1)
}
