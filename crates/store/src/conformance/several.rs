use std::sync::Arc;

use tenure_types::Incarnation;

use super::feeds::{feed, read_all, texts, with_entries};
use super::subject::{Open, Subject, actor, assert_fenced, stored_of};
use crate::submitted::submit;
use crate::{FeedError, FeedFrom, FeedKeep, StoreError, UnitOutcome};

impl Open {
    async fn joined(subject: &impl Subject, number: u64) -> Self {
        let joined = Self::join(subject, number).await;
        joined.unwrap_or_else(|error| panic!("incarnation {number} does not join: {error}"))
    }

    async fn join(subject: &impl Subject, number: u64) -> Result<Self, StoreError> {
        let (store, incarnation) = (subject.store(), Incarnation(number));
        store.join(incarnation).await.map(|()| Self { store, incarnation })
    }

    async fn fence(&self, number: u64) {
        let done = self.store.fence(Incarnation(number)).await;
        done.unwrap_or_else(|error| panic!("incarnation {number} is not fenced: {error}"));
    }
}

fn assert_unavailable<T>(refused: &Result<T, StoreError>, why: &str) {
    let error = refused.as_ref().err();
    assert!(matches!(error, Some(StoreError::Unavailable { .. })), "{why}: {error:?}");
}

/// Several incarnations are open at a time, whatever the order of their numbers; each number is one
/// run's.
pub async fn incarnations_commit_beside_each_other(subject: &impl Subject) {
    let (seven, five) = (Open::joined(subject, 7).await, Open::joined(subject, 5).await);
    let (a, b) = (actor("cart", "a"), actor("cart", "b"));
    let of_a = seven.commit(seven.unit(&a, 0, 1)).await;
    let of_b = five.commit(five.unit(&b, 0, 1)).await;
    for open in [&seven, &five] {
        open.assert_stored(&a, Some(&of_a), "each reads what the others commit").await;
        open.assert_stored(&b, Some(&of_b), "each reads what the others commit").await;
    }
    // An actor that is written by two is the one's whose version was right.
    let outcome = five.submit(five.unit(&a, 0, 2)).await;
    let UnitOutcome::Conflict { version, token } = outcome else { panic!("{outcome:?}") };
    assert_eq!((version, token), (of_a.version, of_a.token), "a conflict tells who was first");
    five.commit(five.unit(&a, 1, 3)).await;
    assert_eq!(five.store.join(five.incarnation).await, Ok(()), "it is open as that already");
    five.commit(five.unit(&a, 2, 4)).await;
    assert_unavailable(&Open::join(subject, 5).await, "a number is one run's");
    assert_unavailable(&Open::join(subject, 0).await, "zero is no incarnation");
    five.close().await;
    assert_unavailable(&Open::join(subject, 5).await, "a number is one run's, also once it closed");
    seven.commit(seven.unit(&b, 1, 2)).await;
    seven.close().await;
}

/// Numbers for runs that join are above all before, each is one run's, and none of them fences anybody.
pub async fn incarnations_are_handed_out_to_join(subject: &impl Subject) {
    let seven = Open::joined(subject, 7).await;
    seven.fence(9).await;
    let (one, other) = (subject.store(), subject.store());
    let (first, second) = (one.next_incarnation().await, other.next_incarnation().await);
    let (first, second) = (first.expect("a number"), second.expect("a number"));
    assert!(Incarnation(9) < first && first < second, "{first} and {second} are above all before");
    let a = actor("cart", "a");
    let open = Open::joined(subject, first.0).await;
    open.commit(open.unit(&a, 0, 1)).await;
    seven.commit(seven.unit(&a, 1, 1)).await;
    open.close().await;
    seven.close().await;
    // Also when nobody has joined as the last one, and another store was made over the same data.
    let third = subject.store().next_incarnation().await.expect("a number");
    assert!(second < third, "{third} after {second}");
}

/// A fence ends one incarnation for ever, and no other.
pub async fn fences_end_one_incarnation(subject: &impl Subject) {
    let (one, two) = (Open::joined(subject, 1).await, Open::joined(subject, 2).await);
    let kept = actor("cart", "kept");
    let stored = two.commit(two.unit(&kept, 0, 1)).await;
    // Units that are in flight meanwhile are committed before the fence has returned, or never.
    let actors: Vec<_> = (0..64).map(|n| actor("cart", &format!("race-{n}"))).collect();
    let racing = actors.iter().zip(2..);
    let racing: Vec<_> =
        racing.map(|(it, n)| submit(&*two.store, Arc::new(two.unit(it, 0, n)))).collect();
    one.fence(2).await;
    let mut seen = Vec::new();
    for actor in &actors {
        seen.push(one.load(actor).await.unwrap_or_else(|error| panic!("{error}")));
    }
    for ((submitted, seen), actor) in racing.into_iter().zip(seen).zip(&actors) {
        let outcome = submitted.await;
        let now = one.load(actor).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(now, seen, "{actor} does not change after the fence, its unit said {outcome:?}");
        if outcome == UnitOutcome::Committed {
            assert!(seen.is_some(), "{actor} was answered Committed and is not there");
        }
    }
    assert_fenced(
        &two.submit(two.unit(&kept, 1, 99)).await,
        "a fenced incarnation commits nothing",
    );
    assert_unavailable(&two.load(&kept).await, "a fenced incarnation does not load");
    one.assert_stored(&kept, Some(&stored), "a fence leaves what was committed").await;
    let next = one.unit(&kept, 1, 1);
    let expected = stored_of(&next);
    one.commit(next).await;
    one.assert_stored(&kept, Some(&expected), "the others go on").await;
    one.fence(2).await;
    assert_unavailable(&Open::join(subject, 2).await, "a fenced incarnation never opens again");
    one.fence(9).await;
    assert_unavailable(&Open::join(subject, 9).await, "nor does one that was never seen");
    let three = Open::joined(subject, 3).await;
    three.commit(three.unit(&kept, 2, 1)).await;
    // One node alone takes the store from all of them.
    let alone = Open::new(subject).await;
    assert!(alone.incarnation > Incarnation(9), "an open is above all that joined or were fenced");
    for open in [&one, &three] {
        assert_fenced(&open.submit(open.unit(&kept, 3, 9)).await, "an open fences all that joined");
    }
    assert_unavailable(&Open::join(subject, 8).await, "an open fences all below");
    alone.close().await;
}

/// Entries of one actor are read by version whichever incarnations wrote them, and what all of them
/// append is read once.
pub async fn entries_of_several_are_merged(subject: &impl Subject) {
    let nodes = [Open::joined(subject, 4).await, Open::joined(subject, 2).await];
    let (moving, resting) = (actor("cart", "moving"), actor("cart", "resting"));
    let mut expected = Vec::new();
    for n in 0..24_u64 {
        let node = &nodes[(n / 3 % 2) as usize];
        let entry = format!("{n}");
        node.commit(with_entries(node.unit(&moving, n, n + 1), &[("moves", &entry)])).await;
        expected.push(entry);
        if n % 4 == 0 {
            let (node, at) = (&nodes[0], n / 4);
            let unit = node.unit(&resting, at, 100 + n);
            node.commit(with_entries(unit, &[("moves", "\"rest\"")])).await;
        }
    }
    let [four, two] = nodes;
    let mut cursor = None;
    for limit in [1, 2, 5, 100] {
        let (found, next) = read_all(&*two.store, "moves", FeedFrom::Oldest, limit).await;
        let (rest, moves): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|it| it.key == resting.key);
        assert_eq!(texts(&moves), expected, "pages of {limit}: an actor is read by its versions");
        assert_eq!(rest.len(), 6, "pages of {limit}: whatever others append is read once");
        cursor = Some(next);
    }
    // A cursor goes on in every stripe, also one that was closed since.
    let from = FeedFrom::After(cursor.expect("it was read"));
    two.commit(with_entries(two.unit(&moving, 24, 30), &[("moves", "24")])).await;
    four.commit(with_entries(four.unit(&resting, 6, 200), &[("moves", "\"rest\"")])).await;
    four.fence(2).await;
    let fenced = with_entries(two.unit(&moving, 25, 31), &[("moves", "never")]);
    assert_fenced(&two.submit(fenced).await, "a fence closes the stripe");
    four.commit(with_entries(four.unit(&moving, 25, 201), &[("moves", "25")])).await;
    let (found, next) = read_all(&*four.store, "moves", from, 1).await;
    assert_eq!(texts(&found), ["24", "\"rest\"", "25"], "a cursor goes on where it was");
    let (none, _) = read_all(&*four.store, "moves", FeedFrom::After(next), 1).await;
    assert_eq!(texts(&none), Vec::<&str>::new());
    four.close().await;
}

/// Stripes that several open at a time have numbers of their own, and every node reads, and is told of,
/// what any of them appends.
pub async fn stripes_are_opened_beside_each_other(subject: &impl Subject) {
    let mut nodes = Vec::new();
    for number in 1..=4 {
        nodes.push(Open::joined(subject, number).await);
    }
    let name = [feed("all")];
    let mut told = nodes[0].store.feed_ends(&name).await.expect("it is told");
    for round in 0..8 {
        let units = nodes.iter().map(|node| {
            let cart = actor("cart", &format!("{}", node.incarnation));
            let unit = with_entries(node.unit(&cart, round, round + 1), &[("all", "1")]);
            submit(&*node.store, Arc::new(unit))
        });
        for submitted in units.collect::<Vec<_>>() {
            assert_eq!(submitted.await, UnitOutcome::Committed);
        }
        for node in &nodes {
            let (found, _) = read_all(&*node.store, "all", FeedFrom::Oldest, 3).await;
            assert_eq!(found.len() as u64, (round + 1) * 4, "every node reads all of it");
        }
        let now = nodes[3].store.feed_ends(&name).await.expect("it is told");
        assert_ne!(now, told, "what others append is told");
        told = now;
    }
    let (found, _) = read_all(&*nodes[2].store, "all", FeedFrom::Oldest, 100).await;
    for number in 1..=4 {
        let of = found.iter().filter(|it| it.stripe == number).map(|it| it.position);
        assert!(of.eq(1..=8), "stripe {number} has the entries of one of them");
    }
    for node in nodes {
        node.close().await;
    }
}

/// What need not be kept goes whichever nodes appended it, the oldest first, also where two remove it at
/// a time.
pub async fn several_are_trimmed_as_one(subject: &impl Subject) {
    let nodes = [Open::joined(subject, 1).await, Open::joined(subject, 2).await];
    let (keep, cart) = (FeedKeep { since_ms: 106, bytes_max: u64::MAX }, actor("cart", "a"));
    for n in 0..12 {
        let node = &nodes[(n % 2) as usize];
        let mut unit = with_entries(node.unit(&cart, n, n + 1), &[("all", &format!("{n}"))]);
        unit.written_at_ms = 100 + n;
        node.commit(unit).await;
    }
    let page = nodes[0].store.read_feed(&feed("all"), FeedFrom::Oldest, 3).await.expect("a page");
    let [one, two] = &nodes;
    let name = feed("all");
    let first = one.store.trim_feed(&name, keep).await.expect("it is trimmed");
    let second = two.store.trim_feed(&name, keep).await.expect("it is trimmed");
    assert_eq!((first.entries, second.entries), (6, 0), "each entry is removed once");
    let read = two.store.read_feed(&name, FeedFrom::After(page.next), 9).await;
    let Err(FeedError::Expired { oldest }) = read else { panic!("it is told: {read:?}") };
    let (found, _) = read_all(&*two.store, "all", FeedFrom::After(oldest), 4).await;
    assert_eq!(texts(&found), ["6", "7", "8", "9", "10", "11"], "nothing newer goes");
    let listed = one.store.feeds().await.expect("feeds are listed");
    let info = listed.iter().find(|it| it.name == name).expect("it is listed");
    assert_eq!((info.entries, info.oldest_ms), (6, Some(106)), "the oldest is that of both");
    for node in nodes {
        node.close().await;
    }
}

/// Runs every case of engines that several incarnations use at a time, each on a new subject.
///
/// # Panics
/// If the engine breaks a promise.
pub async fn run_several<S: Subject>(make: impl Fn() -> S) {
    incarnations_commit_beside_each_other(&make()).await;
    fences_end_one_incarnation(&make()).await;
    entries_of_several_are_merged(&make()).await;
    stripes_are_opened_beside_each_other(&make()).await;
    several_are_trimmed_as_one(&make()).await;
}
