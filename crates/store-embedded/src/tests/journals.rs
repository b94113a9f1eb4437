//! Journals: torn ends, lost files, and what is told apart from what.

use std::path::{Path, PathBuf};

use tenure_store::{Store, StoreError, UnitOutcome};
use tenure_types::Version;

use super::support::{Image, ImageFile, Node, body_of, fast_folder as folder, wait};
use crate::EmbeddedConfig;

/// What a killed process leaves after `units` batches, and the journal's length after each.
fn crashed(units: u64) -> (Image, Vec<usize>) {
    let folder = folder();
    let node = Node::start(folder.path());
    let mut lengths = Vec::new();
    for n in 0..units {
        assert_eq!(node.commit(&format!("{n}"), 0), UnitOutcome::Committed);
        let image = Image::take(folder.path());
        let journal = image.files.iter().find(|file| is_journal(&file.name));
        lengths.push(journal.expect("there is a journal").bytes.len());
    }
    (Image::take_calm(folder.path()), lengths)
}

/// The image with a progress file from an earlier moment, as a power cut may leave it.
fn with_progress_of(image: &Image, earlier: &Image) -> Image {
    let mut image = image.clone();
    let name = Path::new("data/progress");
    image.files.retain(|file| file.name != name);
    let progress = earlier.files.iter().find(|file| file.name == name);
    image.files.push(progress.expect("it has a progress file").clone());
    image
}

/// The image with a change to what is in its journal.
fn with_change(image: &Image, change: impl FnOnce(&mut Vec<u8>)) -> Image {
    let mut image = image.clone();
    let journal = image.files.iter_mut().find(|file| is_journal(&file.name));
    change(&mut journal.expect("it has a journal").bytes);
    image
}

#[test]
fn the_torn_end_of_a_batch_that_was_not_acknowledged_is_cut() {
    let (earlier, _) = crashed(4);
    let (image, lengths) = crashed(5);
    let image = with_progress_of(&image, &earlier);
    for torn in lengths[3] + 1..lengths[4] {
        let folder = folder();
        with_change(&image, |bytes| bytes.truncate(torn)).write(folder.path());
        let mut node = Node::start(folder.path());
        for n in 0..4 {
            assert_eq!(node.version(&format!("{n}")), Ok(Some(Version(1))), "torn at {torn}");
        }
        assert_eq!(node.version("4"), Ok(None), "torn at {torn}");
        assert!(folder.path().join("data/torn").exists(), "the torn bytes are kept");
        assert_eq!(node.commit("4", 0), UnitOutcome::Committed, "torn at {torn}");
        node.reopen().expect("the journal goes on after the cut");
        assert_eq!(node.version("4"), Ok(Some(Version(1))), "torn at {torn}");
    }
}

#[test]
fn holes_in_a_torn_batch_are_no_obstacle() {
    // A power cut may leave the end of a batch and not its middle.
    let (earlier, _) = crashed(4);
    let (image, lengths) = crashed(5);
    let image = with_progress_of(&image, &earlier);
    for from in (lengths[3]..lengths[4] - 8).step_by(3) {
        let folder = folder();
        with_change(&image, |bytes| bytes[from..from + 8].fill(0)).write(folder.path());
        let node = Node::start(folder.path());
        for n in 0..4 {
            assert_eq!(node.version(&format!("{n}")), Ok(Some(Version(1))), "hole at {from}");
        }
        let last = node.load("4").expect("it is whole or not there");
        assert!(last.is_none_or(|last| body_of(&last) == b"4 at 1"), "hole at {from}");
        assert_eq!(node.commit("new", 0), UnitOutcome::Committed, "hole at {from}");
    }
}

#[test]
fn a_cut_that_lost_an_acknowledged_batch_is_named() {
    let (image, lengths) = crashed(5);
    for cut in [lengths[0], lengths[2], lengths[3], lengths[3] + 1, lengths[4] - 1] {
        let folder = folder();
        with_change(&image, |bytes| bytes.truncate(cut)).write(folder.path());
        let error = Node::try_start(EmbeddedConfig::new(folder.path())).err();
        let Some(StoreError::Corrupt { what, .. }) = &error else { panic!("{cut}: {error:?}") };
        assert!(what.contains(".jnl"), "the journal is named, not {what}");
    }
}

#[test]
fn damage_before_the_last_batch_is_named_even_if_the_progress_file_is_old() {
    let (earlier, _) = crashed(1);
    let (image, lengths) = crashed(6);
    let image = with_progress_of(&image, &earlier);
    for at in [lengths[1] + 5, lengths[2] + 30, lengths[3] + 70] {
        let folder = folder();
        with_change(&image, |bytes| bytes[at] ^= 0x10).write(folder.path());
        let error = Node::try_start(EmbeddedConfig::new(folder.path())).err();
        assert!(matches!(error, Some(StoreError::Corrupt { .. })), "{at}: {error:?}");
    }
}

/// The image with its journal cut into several, after the batches that ended at `cuts`, as the tree
/// does when one becomes long.
fn with_journals(image: &Image, cuts: &[usize]) -> Image {
    let mut image = image.clone();
    let whole = image.files.iter().position(|file| is_journal(&file.name)).expect("a journal");
    let whole = image.files.remove(whole);
    let ends = cuts.iter().copied().chain([whole.bytes.len()]);
    let mut from = 0;
    for (number, end) in ends.enumerate() {
        let name = PathBuf::from(format!("data/tree/{number}.jnl"));
        let bytes = whole.bytes[from..end].to_vec();
        image.files.push(ImageFile { name, bytes, length: whole.length });
        from = end;
    }
    image
}

#[test]
fn tables_of_an_earlier_time_are_named() {
    let folder = folder();
    let mut node = Node::start(folder.path());
    let mut images = Vec::new();
    for expected in 0..2 {
        assert_eq!(node.commit("a", expected), UnitOutcome::Committed);
        wait(node.store.close()).expect("it closes");
        images.push(Image::take(folder.path()));
        node.reopen().expect("it opens again");
    }
    let [earlier, later] = &images[..] else { unreachable!("two images were taken") };
    let restored = self::folder();
    with_progress_of(earlier, later).write(restored.path());
    let error = Node::try_start(EmbeddedConfig::new(restored.path())).err();
    assert!(matches!(error, Some(StoreError::Corrupt { .. })), "{error:?}");
}

#[test]
fn several_journals_are_one() {
    let (image, lengths) = crashed(6);
    let image = with_journals(&image, &[lengths[1], lengths[3]]);
    let folder = folder();
    image.write(folder.path());
    let mut node = Node::start(folder.path());
    for _ in 0..2 {
        for n in 0..6 {
            assert_eq!(node.version(&format!("{n}")), Ok(Some(Version(1))), "{n}");
        }
        node.reopen().expect("the store opens again");
    }
}

#[test]
fn a_lost_journal_is_named() {
    let (image, lengths) = crashed(6);
    let image = with_journals(&image, &[lengths[1], lengths[3]]);
    for number in 0..3 {
        let lost = PathBuf::from(format!("data/tree/{number}.jnl"));
        let mut image = image.clone();
        image.files.retain(|file| file.name != lost);
        assert_named(&image, &format!("{} lost", lost.display()));
    }
}

#[test]
fn a_journal_that_lost_its_end_is_named() {
    let (image, lengths) = crashed(6);
    let image = with_journals(&image, &[lengths[2], lengths[4]]);
    for (number, cut) in
        [(0, lengths[1]), (0, lengths[2] - 7), (1, lengths[3] - lengths[2]), (1, 0)]
    {
        let mut image = image.clone();
        let name = PathBuf::from(format!("data/tree/{number}.jnl"));
        let file = image.files.iter_mut().find(|file| file.name == name).expect("a journal");
        file.bytes.truncate(cut);
        assert_named(&image, &format!("{} cut to {cut}", name.display()));
    }
}

fn assert_named(image: &Image, what: &str) {
    let folder = folder();
    image.write(folder.path());
    let error = Node::try_start(EmbeddedConfig::new(folder.path())).err();
    let is_named =
        matches!(&error, Some(StoreError::Corrupt { what, .. }) if what.contains(".jnl"));
    assert!(is_named, "{what}: {error:?}");
}

fn is_journal(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "jnl")
}
