//! Members without actors: each key has one owner at a time, and all of them agree who.

use std::time::Duration;

use tenure::cluster::{ABOUT_BYTES_MAX, Member, Owner};
use tenure::config::{MembershipKind, Settings};
use tenure::{Key, LocalCluster};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

fn keys() -> Vec<Key> {
    (0..64).map(|n| Key::new(&format!("key-{n}")).expect("a good key")).collect()
}

fn is_here(owner: &Owner) -> bool {
    matches!(owner, Owner::Here { .. })
}

/// What both say of a key; never does one own it while the other one does.
fn asked(one: &Member, two: &Member, key: &Key) -> [Owner; 2] {
    let (first, second, again) = (one.owner_of(key), two.owner_of(key), one.owner_of(key));
    let is_still = is_here(&first) && first == again;
    assert!(!(is_still && is_here(&second)), "{key} has two owners: {first:?}, {second:?}");
    [again, second]
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let come = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, come).await.unwrap_or_else(|_| panic!("{what} did not come"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shared_and_change_hands_when_a_member_comes_and_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = LocalCluster::host(folder.path()).await.expect("a cluster");
    let seat = |name: &'static str| cluster.seat(name);
    let one = Member::join_local(seat("a").await.expect("a seat"), "http://a").await;
    let one = one.expect("it joins");
    let keys = keys();
    until("the first one owns all", || keys.iter().all(|key| is_here(&one.owner_of(key)))).await;
    let seen = one.view();
    let two = Member::join_local(seat("b").await.expect("a seat"), "http://b").await;
    let two = two.expect("it joins");
    let newer = timeout(PATIENCE, one.view_after(seen)).await.expect("it learns of the other");
    assert!(newer > seen && one.view() >= newer);
    until("they agree", || {
        keys.iter().all(|key| match asked(&one, &two, key) {
            [Owner::Here { .. }, Owner::At { node, about }] => {
                (&*node, &*about) == ("a", "http://a")
            }
            [Owner::At { node, about }, Owner::Here { .. }] => {
                (&*node, &*about) == ("b", "http://b")
            }
            _ => false,
        })
    })
    .await;
    let of_two: Vec<_> = keys.iter().filter(|key| is_here(&two.owner_of(key))).collect();
    assert!(!of_two.is_empty() && of_two.len() < keys.len(), "each has a share");
    two.leave(PATIENCE).await.expect("it leaves");
    assert!(keys.iter().all(|key| two.owner_of(key) == Owner::Unknown), "it owns nothing any more");
    until("the first one owns all again", || keys.iter().all(|key| is_here(&one.owner_of(key))))
        .await;
    let later = |key: &&Key| matches!(one.owner_of(key), Owner::Here { term } if term > newer);
    assert!(of_two.iter().all(later), "what comes back has another term");
    one.leave(PATIENCE).await.expect("it leaves");
    cluster.close().await.expect("it ends");
}

#[tokio::test]
async fn with_gossip_nobody_is_told_who_owns_a_key() {
    for listen in [None, Some(([127, 0, 0, 1], 0).into())] {
        let mut settings = Settings::default();
        settings.cluster.membership = MembershipKind::Gossip;
        settings.cluster.listen = listen;
        let refused = Member::join(settings, "").await.expect_err("it is refused");
        let what = "with gossip two members may own a key at one time";
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_alone_owns_every_key_and_says_a_bounded_word_of_itself() {
    let member = Member::join(Settings::default(), "").await.expect("it is alone");
    assert!(keys().iter().all(|key| member.owner_of(key) == Owner::Here { term: 0 }));
    member.leave(PATIENCE).await.expect("it leaves");
    for about in ["x".repeat(ABOUT_BYTES_MAX + 1), "a\nb".to_owned()] {
        let refused = Member::join(Settings::default(), &about).await.expect_err("it is refused");
        assert!(refused.to_string().contains("at most 128 bytes"), "{refused}");
    }
}
