use tenure_types::NUMBER_MAX;

use super::subject::{Open, Subject, actor, due, put, remind, reminder, row};
use crate::{Due, RowChange, RowKey};

/// What is due is listed in order, up to a time, and in pages of any length.
pub async fn what_is_due_is_listed_in_pages(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let mut all = Vec::new();
    let actors = [actor("cart", "a"), actor("cart", "ab"), actor("carta", "b"), actor("c", "art")];
    for (n, cart) in actors.iter().enumerate() {
        let mut unit = open.unit(cart, 0, n as u64 + 1);
        // Far apart, equal for several actors and reminders, and at the bounds.
        for due_ms in [0, 1, 255, 256, 65_536, 1_700_000_000_000, NUMBER_MAX - 1, NUMBER_MAX] {
            for name in ["x", "xy", "日"] {
                let name = format!("{name}{due_ms}");
                unit.rows.push(remind(&name, due_ms));
                all.push(due(cart, due_ms, &name));
            }
        }
        // These are never due.
        unit.rows.push(put(reminder("no time"), ""));
        unit.rows.push(put(RowKey::Outcome("outcome".into()), ""));
        open.commit(unit).await;
    }
    all.sort_unstable();
    for until_ms in [0, 1, 2, 254, 256, 1_699_999_999_999, 1_700_000_000_000, NUMBER_MAX] {
        let expected: Vec<_> = all.iter().filter(|due| due.due_ms <= until_ms).cloned().collect();
        for limit in [1, 7, 1_000, usize::MAX] {
            let mut found: Vec<Due> = Vec::new();
            loop {
                let page = open.store.due(until_ms, found.last().cloned(), limit).await;
                let page = page.unwrap_or_else(|error| panic!("{error}"));
                assert!(page.len() <= limit, "a page is no longer than asked for");
                if page.is_empty() {
                    break;
                }
                found.extend(page);
                assert!(found.len() <= all.len(), "nothing is listed twice");
            }
            assert_eq!(found, expected, "until {until_ms}, {limit} at a time");
        }
    }
    assert_eq!(open.store.due(u64::MAX, None, 0).await, Ok(Vec::new()), "none were asked for");
    // A page may begin after something that is not there any more, or after the end.
    let between = due(&actors[0], 255, "xy");
    let rest = open.store.due(256, Some(between.clone()), usize::MAX).await;
    let expected = all.iter().filter(|due| due.due_ms <= 256 && **due > between).cloned();
    assert_eq!(rest, Ok(expected.collect()), "a page begins after what is not there");
    let none = open.store.due(254, Some(between), 10).await;
    assert_eq!(none, Ok(Vec::new()), "a page after the end is empty");
    open.close().await;
}

/// A reminder is listed once, under its last due time, and no more when it is gone.
pub async fn due_times_are_replaced(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let (cart, other) = (actor("cart", "alice"), actor("cart", "bob"));
    let mut unit = open.unit(&other, 0, 1);
    unit.rows = vec![remind("r", 15)];
    open.commit(unit).await;
    let bobs = due(&other, 15, "r");
    let timeless = RowChange::Put(row(reminder("r"), None, ""));
    let steps = [
        (remind("r", 10), vec![due(&cart, 10, "r"), bobs.clone()]),
        (remind("r", 20), vec![bobs.clone(), due(&cart, 20, "r")]),
        (remind("r", 20), vec![bobs.clone(), due(&cart, 20, "r")]),
        (remind("r", 5), vec![due(&cart, 5, "r"), bobs.clone()]),
        (timeless.clone(), vec![bobs.clone()]),
        (timeless, vec![bobs.clone()]),
        (remind("r", 16), vec![bobs.clone(), due(&cart, 16, "r")]),
        (RowChange::Delete(reminder("r")), vec![bobs.clone()]),
        (RowChange::Delete(reminder("r")), vec![bobs.clone()]),
        (remind("r", 14), vec![due(&cart, 14, "r"), bobs.clone()]),
        (put(RowKey::Outcome("r".into()), ""), vec![due(&cart, 14, "r"), bobs]),
    ];
    let mut open = open;
    for (version, (change, expected)) in (0..).zip(steps) {
        let mut unit = open.unit(&cart, version, version + 1);
        unit.rows = vec![change.clone()];
        open.commit(unit).await;
        assert_eq!(open.all_due().await, expected, "after {change:?}");
        if version % 4 == 3 {
            open.close().await;
            open = Open::new(subject).await;
            assert_eq!(open.all_due().await, expected, "after {change:?} and a restart");
        }
    }
    open.close().await;
}
