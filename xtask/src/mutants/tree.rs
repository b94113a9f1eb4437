use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::command::Invocation;

/// A copy of the workspace that is changed and compiled on its own.
pub(crate) struct Tree {
    folder: PathBuf,
    /// Where it is compiled to.
    pub(crate) target: PathBuf,
}

impl Tree {
    /// Copies what git knows or would add. Files that are the same stay as they are, so that
    /// little is compiled again.
    pub(crate) fn copy(root: &Path) -> anyhow::Result<Self> {
        let base = root.join("target/mutants");
        let tree = Self { folder: base.join("tree"), target: base.join("target") };
        let list = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"];
        let listed = Invocation::new("git", &list).read(root)?;
        let files: BTreeSet<&str> =
            listed.lines().filter(|file| root.join(file).is_file()).collect();
        for file in &files {
            tree.copy_file(root, file)?;
        }
        let before = tree.folder.join(".files");
        for gone in std::fs::read_to_string(&before).unwrap_or_default().lines() {
            if !files.contains(gone) && tree.folder.join(gone).is_file() {
                std::fs::remove_file(tree.folder.join(gone))
                    .with_context(|| format!("could not remove {gone} from the copy"))?;
            }
        }
        std::fs::write(&before, listed).context("could not note what was copied")?;
        Ok(tree)
    }

    fn copy_file(&self, root: &Path, file: &str) -> anyhow::Result<()> {
        let text =
            std::fs::read(root.join(file)).with_context(|| format!("could not read {file}"))?;
        let copy = self.folder.join(file);
        if std::fs::read(&copy).is_ok_and(|before| before == text) {
            return Ok(());
        }
        let folder = copy.parent().context("a file lies in a folder")?;
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&copy, text))
            .with_context(|| format!("could not copy {file}"))
    }

    /// Where the copy lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = self.folder.join(file);
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(file);
        std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))
    }
}
