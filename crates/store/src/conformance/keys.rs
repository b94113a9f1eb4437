use tenure_types::{ActorId, KEY_BYTES_MAX};

use super::subject::{Open, Subject, actor};
use crate::Stored;

/// Keys of every shape are stored as what they are.
pub async fn strange_keys_are_apart(subject: &impl Subject) {
    let longest = "k".repeat(KEY_BYTES_MAX);
    let almost = "k".repeat(KEY_BYTES_MAX - 1);
    let longest_other = format!("{almost}l");
    let unicode = "日本".repeat(KEY_BYTES_MAX / 6);
    let texts = [
        "a",
        "A",
        "a ",
        " a",
        "a/b",
        "a/b/",
        "/a/b",
        "a//b",
        "..",
        "../a",
        ".",
        "%2F",
        "a%2Fb",
        "a:b",
        "a\\b",
        "'",
        "\"",
        "*",
        "?",
        "#",
        "~",
        "|",
        "é",
        "e\u{301}",
        "ß",
        "ss",
        "日本",
        "𝄞",
        "\u{10ffff}",
        "\u{e000}",
        "\u{feff}a",
        "0",
        "00",
        "-1",
        "null",
        "true",
        "{}",
        "[]",
        "<a>",
        "a,b",
        "$ne",
        longest.as_str(),
        almost.as_str(),
        longest_other.as_str(),
        unicode.as_str(),
    ];
    let actors: Vec<_> = texts.iter().map(|key| actor("cart", key)).collect();
    are_apart(subject, &actors).await;
}

/// A type name that begins another one, and keys that look like types, are kept apart.
pub async fn type_names_are_apart(subject: &impl Subject) {
    let longest: &'static str = "t23456789_123456789_123456789_123456789_123456789_123456789_1234\
                                 56789_123456789_123456789_123456789_123456789_123456789_12345678";
    let actors = [
        actor("x", "a/b"),
        actor("x", "y/a"),
        actor("x", "ya"),
        actor("xy", "a"),
        actor("xy", "a/b"),
        actor("xya", "b"),
        actor("x_", "a"),
        actor("x_a", "b"),
        actor("x0", "a"),
        actor("x", "0/a"),
        actor("x", "a"),
        actor("x", "b"),
        actor(longest, "a"),
        actor(longest, &"k".repeat(KEY_BYTES_MAX)),
    ];
    are_apart(subject, &actors).await;
}

async fn are_apart(subject: &impl Subject, actors: &[ActorId]) {
    let open = Open::new(subject).await;
    let mut stored: Vec<Stored> = Vec::new();
    for (actor, sequence) in actors.iter().zip(1..) {
        open.assert_stored(actor, None, "no two actors share a row").await;
        stored.push(open.commit(open.unit(actor, 0, sequence)).await);
    }
    for (actor, stored) in actors.iter().zip(&stored) {
        open.assert_stored(actor, Some(stored), "an actor's row is its own").await;
    }
    open.close().await;
    let open = Open::new(subject).await;
    for (actor, stored) in actors.iter().zip(&stored) {
        open.assert_stored(actor, Some(stored), "an actor's row is its own after a restart").await;
    }
    open.close().await;
}
