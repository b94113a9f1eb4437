use tenure_types::Incarnation;

use super::EMPTY_STRIPES_MAX;

/// What one incarnation appended to one feed, as an engine keeps it beside the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripe {
    /// From 1, in the order of opening.
    pub number: u64,
    /// Who appends, or did. Once it is fenced the stripe is closed.
    pub incarnation: Incarnation,
    /// Up to here every position is resolved, and written: nobody reads beyond. It is durable with
    /// the entries.
    pub stable: u64,
    /// Up to here entries were trimmed.
    pub floor: u64,
    /// Bytes of all entries that were ever written.
    pub bytes: u64,
    /// Bytes of those that were trimmed.
    pub trimmed_bytes: u64,
}

impl Stripe {
    /// How many entries are kept.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.stable - self.floor
    }

    /// Notes that an entry of so many bytes is written, and gives its position.
    pub fn append(&mut self, bytes: u64) -> u64 {
        self.stable += 1;
        self.bytes += bytes;
        self.stable
    }
}

/// The stripes of one feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stripes {
    /// By number.
    all: Vec<Stripe>,
}

impl Stripes {
    /// Takes the stripes that were found, in the order of their numbers.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn found(all: Vec<Stripe>) -> Result<Self, &'static str> {
        if !all.windows(2).all(|pair| pair[0].number + 1 == pair[1].number) {
            return Err("a stripe of it is missing");
        }
        let mut incarnations: Vec<_> = all.iter().map(|it| it.incarnation).collect();
        incarnations.sort_unstable();
        match incarnations.windows(2).all(|pair| pair[0] < pair[1]) {
            true => Ok(Self { all }),
            false => Err("two stripes of it are of one incarnation"),
        }
    }

    /// All of them, by number.
    #[must_use]
    pub fn all(&self) -> &[Stripe] {
        &self.all
    }

    /// The stripe that `incarnation` appends to. The first call opens it.
    pub fn of(&mut self, incarnation: Incarnation) -> &mut Stripe {
        // Mostly the last one.
        let found = self.all.iter().rposition(|it| it.incarnation == incarnation);
        let index = found.unwrap_or_else(|| {
            let number = self.all.last().map_or(0, |last| last.number) + 1;
            let (stable, floor, bytes, trimmed_bytes) = (0, 0, 0, 0);
            self.all.push(Stripe { number, incarnation, stable, floor, bytes, trimmed_bytes });
            self.all.len() - 1
        });
        &mut self.all[index]
    }

    /// How many entries are kept.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.all.iter().map(Stripe::entries).sum()
    }

    /// How many bytes they have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.all.iter().map(|it| it.bytes - it.trimmed_bytes).sum()
    }

    /// What [`Store::feed_ends`](crate::Store::feed_ends) gives of them.
    #[must_use]
    pub fn end(&self) -> u64 {
        let first = self.all.first().map_or(0, |first| first.number);
        let appended: u64 = self.all.iter().map(|it| it.stable).sum();
        // A stripe that is forgotten takes its entries with it: the first number tells.
        appended.wrapping_add(first.rotate_left(40))
    }

    /// The stripe of the oldest entry that is kept.
    #[must_use]
    pub fn oldest(&self) -> Option<&Stripe> {
        self.all.iter().find(|it| it.entries() > 0)
    }

    /// Notes that stripe `number` was trimmed from `from` to `to`, and gives it; `None` where it is
    /// not at `from`: somebody else has trimmed it.
    pub fn trim(&mut self, number: u64, from: u64, to: u64, bytes: u64) -> Option<Stripe> {
        let stripe = self.all.iter_mut().find(|it| it.number == number)?;
        if stripe.floor != from || to > stripe.stable {
            return None;
        }
        stripe.floor = to;
        stripe.trimmed_bytes += bytes;
        Some(*stripe)
    }

    /// Forgets the oldest stripe where more than [`EMPTY_STRIPES_MAX`] have no entries before one
    /// that is kept, and gives its number. The last stripe stays, so that no number comes twice.
    pub fn forget(&mut self) -> Option<u64> {
        let empty = self.all.iter().take_while(|it| it.entries() == 0).count();
        let is_over = empty.min(self.all.len().saturating_sub(1)) > EMPTY_STRIPES_MAX;
        is_over.then(|| self.all.remove(0).number)
    }
}
