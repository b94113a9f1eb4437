//! Whatever byte is flipped and whatever file is cut or lost: `open` names it, or every load gives
//! what was committed or an error that names the record.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tenure_store::{Due, Store, StoreError, UnitOutcome};

use super::history::History;
use super::support::{Image, ImageFile, Node, body_of, fast_folder, state};
use crate::EmbeddedConfig;
use crate::failure::injected::Injected;

const ACTORS: u64 = 24;
/// One of them comes to be deleted.
const HISTORIES: usize = 6;

/// Small tables, so that a little content makes several.
fn config(path: &Path) -> EmbeddedConfig {
    EmbeddedConfig { memtable_bytes_max: 24 << 10, ..EmbeddedConfig::new(path) }
}

/// What must be found.
#[derive(Default)]
struct Content {
    /// The body of each actor that has only a state.
    bodies: BTreeMap<String, Vec<u8>>,
    /// The version of each actor that has rows.
    histories: BTreeMap<History, u64>,
}

impl Content {
    fn due(&self) -> Vec<Due> {
        let due = self.histories.iter().flat_map(|(history, version)| history.due(*version));
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        due
    }
}

/// A store with several tables and a journal.
struct Fixture {
    content: Content,
    /// As a crash leaves it.
    crashed: Image,
    /// As an orderly stop leaves it that could not write tables.
    stopped: Image,
    /// As an orderly stop leaves it.
    emptied: Image,
}

impl Fixture {
    fn images(&self) -> [(&'static str, &Image); 3] {
        [("crashed", &self.crashed), ("stopped", &self.stopped), ("emptied", &self.emptied)]
    }
}

fn fixture() -> Fixture {
    let folder = fast_folder();
    let config = config(folder.path());
    let faults = config.faults.clone();
    let mut node = Node::try_start(config).expect("the store opens");
    let mut content = Content::default();
    for round in 0..12 {
        for n in 0..ACTORS {
            // Some actors are written often and some only once.
            if n % 3 == 0 || round == n % 12 {
                write(&node, &mut content, n, round);
            }
        }
        for n in 0..HISTORIES {
            go_on(&node, &mut content, History { n: 2 * n + 1, scale: 1 }, 1 + n as u64);
        }
        // Tables are written by threads of the tree; the rows go on into the next.
        if round % 3 == 2 {
            wait_for_tables(folder.path(), round / 3 + 1);
        }
    }
    // The last ones are in no table.
    for n in 0..4 {
        write(&node, &mut content, n, 50);
        go_on(&node, &mut content, History { n: 2 * n as usize + 1, scale: 1 }, 2);
    }
    let crashed = Image::take_calm(folder.path());
    faults.set(Injected::Flush);
    super::support::wait(node.store.close()).expect("the store closes");
    let stopped = Image::take(folder.path());
    node.reopen().expect("the store opens again");
    node.close();
    let emptied = Image::take(folder.path());
    Fixture { content, crashed, stopped, emptied }
}

fn write(node: &Node, content: &mut Content, n: u64, round: u64) {
    let key = format!("actor-{n}");
    let expected = node.version(&key).expect("it loads").map_or(0, |version| version.0);
    let mut unit = node.unit(&key, expected);
    let body = format!("{key} round {round} ").into_bytes().repeat(8 + n as usize * 4);
    unit.content = state(body.clone());
    content.bodies.insert(key, body);
    assert_eq!(super::support::wait(node.submit(unit)), UnitOutcome::Committed);
}

/// Moves an actor with rows by some versions.
fn go_on(node: &Node, content: &mut Content, history: History, versions: u64) {
    let at = content.histories.entry(history).or_default();
    for _ in 0..versions {
        *at += 1;
        let outcome = super::support::wait(node.submit(history.unit(node, *at)));
        assert_eq!(outcome, UnitOutcome::Committed);
    }
}

/// Waits until at least one table was written since `least` rounds; the count only needs to grow.
fn wait_for_tables(folder: &Path, least: u64) {
    let tables = folder.join("data/tree/keyspaces/1/tables");
    super::support::wait_until("tables are written", || {
        let found = std::fs::read_dir(&tables).map_or(0, Iterator::count);
        least == 0 || found > 0
    });
}

/// What a damaged store did.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Refused,
    Served { errors: usize },
}

/// The file that is damaged, in an image that is whole.
struct Damage<'a> {
    what: String,
    image: &'a Image,
    file: usize,
    /// What the file becomes; `None` removes it.
    becomes: Option<ImageFile>,
}

impl Damage<'_> {
    /// Opens the damaged store and checks everything that can be loaded.
    fn check(&self, content: &Content) -> Found {
        let what = &self.what;
        let folder = fast_folder();
        let mut image = self.image.clone();
        match &self.becomes {
            Some(file) => image.files[self.file] = file.clone(),
            None => drop(image.files.remove(self.file)),
        }
        image.write(folder.path());
        let opened = catch_unwind(AssertUnwindSafe(|| Node::try_start(config(folder.path()))));
        match opened {
            Ok(Ok(node)) => Found::Served { errors: check_content(what, &node, content) },
            Ok(Err(StoreError::Corrupt { .. } | StoreError::Newer { .. })) => {
                self.check_that_nothing_was_lost(folder.path(), content);
                Found::Refused
            }
            Ok(Err(error)) => panic!("{what}: it is damage, not {error}"),
            Err(_) => panic!("{what}: open panics"),
        }
    }

    /// When the damage of a refused store is undone, everything is there again.
    fn check_that_nothing_was_lost(&self, refused: &Path, content: &Content) {
        let mut image = Image::take(refused);
        let whole = &self.image.files[self.file];
        image.files.retain(|file| file.name != whole.name);
        image.files.push(whole.clone());
        let folder = fast_folder();
        image.write(folder.path());
        let what = format!("{}, and undone", self.what);
        let node = Node::try_start(config(folder.path()));
        let node = node.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(check_content(&what, &node, content), 0, "{what}");
    }
}

/// Loads everything and counts the errors.
fn check_content(what: &str, node: &Node, content: &Content) -> usize {
    let mut errors = 0;
    for (key, body) in &content.bodies {
        match node.load(key) {
            Ok(Some(stored)) => {
                assert!(body_of(&stored) == body, "{what}: {key} is not as committed");
            }
            Ok(None) => panic!("{what}: {key} is missing and nothing says so"),
            Err(StoreError::Corrupt { what: named, .. }) => {
                assert!(named.contains(key), "{what}: an error of {key} names {named}");
                errors += 1;
            }
            Err(error) => panic!("{what}: {key}: {error}"),
        }
    }
    for (history, version) in &content.histories {
        let checked = catch_unwind(AssertUnwindSafe(|| history.check_at(node, *version)));
        let Ok(found) = checked else { panic!("{what}: {history:?} is not as committed") };
        for error in found {
            let key = history.key();
            let is_named =
                matches!(&error, StoreError::Corrupt { what, .. } if what.contains(&key));
            assert!(is_named, "{what}: {key}: {error}");
            errors += 1;
        }
    }
    match super::support::wait(node.store.due(u64::MAX, None, usize::MAX)) {
        Ok(due) => assert!(due == content.due(), "{what}: what is due is not as committed"),
        Err(StoreError::Corrupt { .. }) => errors += 1,
        Err(error) => panic!("{what}: {error}"),
    }
    errors
}

fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    }
}

/// Where to flip: every byte of tiny files, the ends and a sample of the middle of others. The
/// ignored test below flips everywhere.
fn positions(file: &ImageFile, seed: u64) -> Vec<usize> {
    let length = file.bytes.len();
    let mut number = numbers(seed);
    if length <= 48 {
        return (0..length).collect();
    }
    let ends = (0..8).chain(length - 40..length);
    let mut positions: Vec<_> = ends.chain((0..12).map(|_| number(length))).collect();
    // In the zeros after a journal's end, if there are any.
    if file.length > length {
        positions.extend([length, length + 1, length + 4_096, file.length - 1]);
    }
    positions
}

fn flip(file: &ImageFile, at: usize, bit: usize) -> ImageFile {
    let mut file = file.clone();
    if file.bytes.len() <= at {
        file.bytes.resize(at + 1, 0);
    }
    file.bytes[at] ^= 1 << bit;
    file
}

fn is_lock(file: &ImageFile) -> bool {
    file.name.ends_with("lock")
}

#[test]
fn images_without_damage_serve_everything() {
    let fixture = fixture();
    for (name, image) in fixture.images() {
        let tables = |file: &&ImageFile| file.name.starts_with("data/tree/keyspaces/1/tables");
        assert!(image.files.iter().filter(tables).count() >= 1, "{name} has tables");
        let folder = fast_folder();
        image.write(folder.path());
        let node = Node::try_start(config(folder.path())).expect("a whole store opens");
        assert_eq!(check_content(name, &node, &fixture.content), 0);
    }
}

fn every_flip(
    name: &str,
    image: &Image,
    content: &Content,
    positions: impl Fn(&ImageFile, u64) -> Vec<usize>,
) {
    let mut number = numbers(0x5eed);
    let (mut refused, mut failed_loads) = (0, 0);
    for (index, file) in image.files.iter().enumerate().filter(|(_, file)| !is_lock(file)) {
        for at in positions(file, index as u64 + 1) {
            let what = format!("{name}, byte {at} of {} of {}", file.length, file.name.display());
            let becomes = Some(flip(file, at, number(8)));
            match (Damage { what, image, file: index, becomes }).check(content) {
                Found::Refused => refused += 1,
                Found::Served { errors } => failed_loads += errors,
            }
        }
    }
    assert!(refused > 0, "{name}: some damage is found when the store opens");
    assert!(failed_loads > 0, "{name}: some damage is found when a row is loaded");
}

#[test]
fn flipped_bits_after_a_crash_are_never_served() {
    let fixture = fixture();
    every_flip("crashed", &fixture.crashed, &fixture.content, positions);
}

#[test]
fn flipped_bits_after_an_orderly_stop_are_never_served() {
    let fixture = fixture();
    every_flip("stopped", &fixture.stopped, &fixture.content, positions);
    every_flip("emptied", &fixture.emptied, &fixture.content, positions);
}

#[test]
#[ignore = "takes twenty minutes: flips a bit of every byte of every table and of one in seven elsewhere"]
fn flipped_bits_anywhere_are_never_served() {
    let fixture = fixture();
    let everywhere = |file: &ImageFile, seed: u64| -> Vec<usize> {
        progress(file);
        let is_long = file.bytes.len() > 20_000;
        (0..file.bytes.len()).skip(seed as usize % 7).step_by(if is_long { 7 } else { 1 }).collect()
    };
    for (name, image) in fixture.images() {
        every_flip(name, image, &fixture.content, everywhere);
    }
}

#[expect(clippy::print_stderr, reason = "long work shows how far it is")]
fn progress(file: &ImageFile) {
    eprintln!("flipping bits of {} bytes of {}", file.bytes.len(), file.name.display());
}

#[test]
fn removed_and_shortened_files_are_never_served_around() {
    let fixture = fixture();
    for (name, image) in fixture.images() {
        for (index, file) in image.files.iter().enumerate().filter(|(_, file)| !is_lock(file)) {
            let check = |what: &str, becomes: Option<ImageFile>| {
                let what = format!("{name}, {} {what}", file.name.display());
                Damage { what, image, file: index, becomes }.check(&fixture.content)
            };
            check("removed", None);
            let mut number = numbers(index as u64 + 77);
            let length = file.bytes.len();
            let cuts = [0, 1, length / 2, length.saturating_sub(1), number(length), number(length)];
            for cut in cuts {
                let mut shorter = file.clone();
                shorter.bytes.truncate(cut);
                // As a file system does that lost the blocks but not the length.
                check(&format!("zero from {cut}"), Some(shorter.clone()));
                shorter.length = cut;
                check(&format!("cut to {cut}"), Some(shorter));
            }
        }
    }
}
