use super::subject::{Open, Subject, actor};
use crate::{StoreError, UnitOutcome};

/// A damaged row is named and never served; others are not touched by it.
pub async fn damaged_rows_are_named(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let (well, damaged) = (actor("cart", "well"), actor("cart", "damaged"));
    let stored = open.commit(open.unit(&well, 0, 1)).await;
    open.commit(open.unit(&damaged, 0, 2)).await;
    open.close().await;
    subject.damage(&damaged);
    let open = Open::new(subject).await;
    match open.load(&damaged).await {
        Err(StoreError::Corrupt { what, .. }) => {
            assert!(what.contains("cart/damaged"), "the damaged row is named, not {what:?}");
        }
        other => panic!("a damaged row is answered Corrupt, not {other:?}"),
    }
    let outcome = open.submit(open.unit(&damaged, 0, 1)).await;
    assert!(
        !matches!(outcome, UnitOutcome::Committed),
        "no unit is compared with a damaged row and then committed",
    );
    open.assert_stored(&well, Some(&stored), "a damaged row does not touch others").await;
    open.close().await;
}
