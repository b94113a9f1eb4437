//! What the checks read: the members of the workspace, their manifests and every code file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::finding::Finding;

/// Files that count as code, by how their names end.
const CODE_EXTENSIONS: &[&str] =
    &["rs", "toml", "sh", "yml", "yaml", "js", "ts", "css", "html", "proto", "sql"];

/// Everything that tidy looks at. Paths are relative to `root`.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) manifest: toml::Table,
    pub(crate) members: Vec<Member>,
    /// Ordered by path. Includes code that belongs to no member.
    pub(crate) files: Vec<SourceFile>,
    /// Pages of Markdown, ordered by path.
    pub(crate) pages: Vec<SourceFile>,
    /// Rust files that do not parse.
    pub(crate) unreadable: Vec<Finding>,
    by_path: BTreeMap<PathBuf, usize>,
}

pub(crate) struct Member {
    pub(crate) package: String,
    pub(crate) folder: PathBuf,
    pub(crate) manifest: toml::Table,
    pub(crate) manifest_text: String,
}

pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// The syntax of a Rust file that parses; nothing for other files.
    pub(crate) syntax: Option<syn::File>,
}

impl Workspace {
    /// Reads the whole workspace once.
    ///
    /// # Errors
    ///
    /// When a manifest or a file cannot be read. A Rust file that does not parse is a finding.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let (manifest, _) = read_manifest(root, Path::new("Cargo.toml"))?;
        let members = read_members(root, &manifest)?;
        let mut paths = Vec::new();
        collect_code(root, Path::new(""), &mut paths)?;
        paths.sort();
        let (page_paths, paths): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| is_page(path));
        let mut pages = Vec::new();
        for path in page_paths {
            pages.push(SourceFile { text: read(root, &path)?, path, syntax: None });
        }
        let mut files = Vec::new();
        let mut unreadable = Vec::new();
        for path in paths {
            let text = read(root, &path)?;
            let mut syntax = None;
            if path.extension().is_some_and(|extension| extension == "rs") {
                match syn::parse_file(&text) {
                    Ok(parsed) => syntax = Some(parsed),
                    Err(error) => unreadable.push(Finding::new(
                        &path,
                        error.span().start().line,
                        format!("is no Rust that parses: {error}"),
                        "repair it",
                    )),
                }
            }
            files.push(SourceFile { path, text, syntax });
        }
        let by_path = files.iter().enumerate().map(|(i, file)| (file.path.clone(), i)).collect();
        let root = root.to_path_buf();
        Ok(Self { root, manifest, members, files, pages, unreadable, by_path })
    }

    /// Returns the index in `files` of the file at `path`.
    pub(crate) fn file_at(&self, path: &Path) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Returns the Rust files that parse, with their indices in `files`.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (usize, &SourceFile, &syn::File)> {
        self.files
            .iter()
            .enumerate()
            .filter_map(|(index, file)| Some((index, file, file.syntax.as_ref()?)))
    }
}

impl Member {
    /// Returns the roots of the crates that others import or users start: the library and binaries.
    pub(crate) fn crate_roots(&self, workspace: &Workspace) -> Vec<usize> {
        let mut paths: Vec<PathBuf> = ["src/lib.rs", "src/main.rs"].map(PathBuf::from).into();
        let bin_folder = self.folder.join("src/bin");
        for file in &workspace.files {
            let Ok(inside) = file.path.strip_prefix(&bin_folder) else {
                continue;
            };
            if inside.components().count() == 1 || inside.ends_with("main.rs") {
                paths.push(Path::new("src/bin").join(inside));
            }
        }
        let lib = self.manifest.get("lib").into_iter();
        let bins = self.manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten();
        let named = lib.chain(bins).filter_map(|target| target.get("path")?.as_str());
        paths.extend(named.map(PathBuf::from));
        let mut roots: Vec<usize> = paths
            .iter()
            .filter_map(|path| workspace.file_at(&beside(&self.folder, path)))
            .collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }
}

/// Returns `path` as seen from `folder`: a library may be another package's sources.
fn beside(folder: &Path, path: &Path) -> PathBuf {
    let mut joined = folder.to_path_buf();
    for part in path {
        if part == ".." {
            joined.pop();
        } else {
            joined.push(part);
        }
    }
    joined
}

fn read_manifest(root: &Path, path: &Path) -> anyhow::Result<(toml::Table, String)> {
    let text = std::fs::read_to_string(root.join(path))
        .with_context(|| format!("could not read {}", path.display()))?;
    let table = text.parse().with_context(|| format!("could not parse {}", path.display()))?;
    Ok((table, text))
}

fn read_members(root: &Path, manifest: &toml::Table) -> anyhow::Result<Vec<Member>> {
    let workspace = manifest.get("workspace").context("Cargo.toml has no [workspace]")?;
    let mut folders = Vec::new();
    for pattern in strings(workspace.get("members")) {
        if let Some(parent) = pattern.strip_suffix("/*") {
            folders.extend(subfolders(root, Path::new(parent))?);
        } else {
            ensure!(!pattern.contains('*'), "tidy reads members of the form `folder/*` only");
            folders.push(PathBuf::from(pattern));
        }
    }
    let excluded: Vec<&str> = strings(workspace.get("exclude")).collect();
    folders.retain(|folder| !excluded.iter().any(|excluded| folder.starts_with(excluded)));
    folders.retain(|folder| root.join(folder).join("Cargo.toml").is_file());
    folders.sort();
    folders.dedup();
    folders
        .into_iter()
        .map(|folder| {
            let path = folder.join("Cargo.toml");
            let (manifest, manifest_text) = read_manifest(root, &path)?;
            let package = manifest
                .get("package")
                .and_then(|package| package.get("name")?.as_str())
                .with_context(|| format!("{} has no package.name", path.display()))?
                .to_owned();
            Ok(Member { package, folder, manifest, manifest_text })
        })
        .collect()
}

fn strings(value: Option<&toml::Value>) -> impl Iterator<Item = &str> {
    value.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str)
}

fn subfolders(root: &Path, parent: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let path = root.join(parent);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in path.read_dir().with_context(|| format!("could not list {}", path.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(parent.join(entry.file_name()));
        }
    }
    Ok(folders)
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

fn read(root: &Path, path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(root.join(path))
        .with_context(|| format!("could not read {}", path.display()))
}

/// Collects code and pages below `folder`, leaving out build output and hidden folders.
fn collect_code(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let path = root.join(folder);
    for entry in path.read_dir().with_context(|| format!("could not list {}", path.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let name_text = name.to_string_lossy();
        let inside = folder.join(&name);
        if entry.file_type()?.is_dir() {
            if !name_text.starts_with('.') && name_text != "target" && name_text != "node_modules" {
                collect_code(root, &inside, found)?;
            }
        } else if is_page(&inside)
            || CODE_EXTENSIONS.iter().any(|known| inside.extension().is_some_and(|e| e == *known))
        {
            found.push(inside);
        }
    }
    Ok(())
}
