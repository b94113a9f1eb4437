//! Whether what answers is still the etcd that answered before.

use parking_lot::Mutex;

use crate::form::hexadecimal;

/// What was seen of the etcd that has the table.
///
/// etcd loses nothing when a server of it is gone or another one leads: the number of its cluster stays, and its revision
/// only grows. Where it does not, the data was restored from a copy, and lacks what was acknowledged since. Once that was
/// seen it stays: the copy's revision grows past what was seen, and it lacks it all the same.
#[derive(Default)]
pub(crate) struct History {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    etcd: Option<u64>,
    revision: i64,
    broken: Option<Box<str>>,
}

impl History {
    /// The lowest revision that an answer to a request may have that is sent now.
    pub(crate) fn revision(&self) -> i64 {
        self.known.lock().revision
    }

    /// Which etcd has answered first; 0 before.
    pub(crate) fn etcd(&self) -> u64 {
        self.known.lock().etcd.unwrap_or(0)
    }

    /// Says what has been seen to be wrong.
    ///
    /// # Errors
    /// By what it is known.
    pub(crate) fn whole(&self) -> Result<(), Box<str>> {
        self.known.lock().broken.clone().map_or(Ok(()), Err)
    }

    /// Takes in an answer of this etcd at this revision, to a request before which `least` was the revision.
    ///
    /// # Errors
    /// By what it is known that this is another history.
    pub(crate) fn witness(&self, etcd: u64, revision: i64, least: i64) -> Result<(), Box<str>> {
        let mut known = self.known.lock();
        let first = *known.etcd.get_or_insert(etcd);
        if first != etcd {
            let (was, is) = (hexadecimal(first), hexadecimal(etcd));
            known.broken = Some(format!("the etcd cluster was {was} and is {is}").into());
        } else if revision < least {
            known.broken =
                Some(format!("the revision of etcd went back from {least} to {revision}").into());
        }
        known.revision = known.revision.max(revision);
        known.broken.clone().map_or(Ok(()), Err)
    }

    /// The table itself says that it was written in another etcd.
    pub(crate) fn moved(&self, written_in: &str) -> Box<str> {
        let mut known = self.known.lock();
        let is = hexadecimal(known.etcd.unwrap_or(0));
        let what = format!("it was written in the etcd cluster {written_in}, and this is {is}");
        known.broken.insert(what.into()).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_goes_on_or_is_broken_for_good() {
        let history = History::default();
        assert_eq!(history.witness(7, 10, 0), Ok(()));
        // Answers overtake each other: only what was seen before the question counts.
        assert_eq!(history.witness(7, 9, 0), Ok(()));
        assert_eq!((history.revision(), history.etcd()), (10, 7));
        let back = history.witness(7, 9, 10).expect_err("it went back");
        assert!(back.contains("from 10 to 9"), "{back}");
        assert_eq!(history.witness(7, 11, 10), Err(back.clone()), "it lacks the same as before");
        assert_eq!(history.whole(), Err(back));

        let other = History::default();
        other.witness(7, 10, 0).expect("the first");
        assert!(other.witness(8, 11, 10).is_err_and(|it| it.contains("was 7 and is 8")));
        let moved = History::default();
        moved.witness(7, 10, 0).expect("the first");
        assert!(moved.moved("8").contains("in the etcd cluster 8"));
        assert!(moved.whole().is_err());
    }
}
