//! A walk over everything that actors are: one scan over the rows of one moment.

use std::ops::Bound::{Excluded, Included};

use tenure_store::row::{self, Owner, beside};
use tenure_store::{Pages, StoreError, Walk, Walked};
use tenure_types::{BoxFuture, Key};

use crate::keys::{self, Prefix};
use crate::view::{Scan, View, unnamed};

const WHAT: &str = "the list of what is stored";

/// Reads on the thread that asks for a page.
pub(crate) struct TreeWalk {
    scan: Scan,
    pages: Pages,
    last: Option<Last>,
    /// How the walk ended, once it has.
    end: Option<Result<(), StoreError>>,
}

/// The head that came last, and what the keys of its rows begin with.
struct Last {
    type_name: Box<str>,
    key: Key,
    life: u64,
    rows: Prefix,
}

impl TreeWalk {
    /// Over what `view` sees.
    pub(crate) fn new(view: &View) -> Result<Self, StoreError> {
        let range = (Included(keys::ACTORS.0.to_vec()), Excluded(keys::ACTORS.1.to_vec()));
        let scan = view.scan(range).map_err(|error| error.reading(WHAT))?;
        Ok(Self { scan, pages: Pages::default(), last: None, end: None })
    }

    fn page(&mut self) -> Result<Vec<Walked>, StoreError> {
        while self.end.is_none() && self.pages.has_room() {
            let next = self.scan.next().map_err(|error| error.reading(WHAT));
            let passed = next.and_then(|next| match next {
                Some((place, row)) => self.pass(&place, &row).map(|()| false),
                None => self.pages.end().map(|()| true),
            });
            match passed {
                Ok(false) => {}
                Ok(true) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
        match &self.end {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(self.pages.take()),
        }
    }

    fn pass(&mut self, place: &[u8], row: &[u8]) -> Result<(), StoreError> {
        if let Some(last) = &self.last
            && let Some(name) = last.rows.read_from(place)
        {
            let key = name.ok_or_else(|| unnamed(WHAT))?;
            if !self.pages.wants(&key) {
                return Ok(());
            }
            let owner = Owner { type_name: &last.type_name, key: &last.key };
            return self.pages.row(beside::decode(owner, last.life, key, row)?);
        }
        // What is left of another life is nobody's, and goes when the thread that commits has time.
        let Some((type_name, name)) = keys::read_head(place).ok_or_else(|| unnamed(WHAT))? else {
            return Ok(());
        };
        let key = Key::new(name).map_err(|_| unnamed(WHAT))?;
        let owner = Owner { type_name, key: &key };
        let (stored, beside) = row::decode(owner, row)?;
        let (life, rows) = (beside.life, Prefix::of(owner, beside.life));
        let is_shown = self.pages.head(owner, key.clone(), stored)?;
        self.last = is_shown.then(|| Last { type_name: type_name.into(), key, life, rows });
        Ok(())
    }
}

impl Walk for TreeWalk {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Walked>, StoreError>> {
        Box::pin(std::future::ready(self.page()))
    }
}
