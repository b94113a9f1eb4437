use tenure_types::{Incarnation, Tenure, ViewNumber};

/// The most hints that one call follows before it asks the slot owner.
pub const HINTS_MAX: u8 = 3;

/// Where an actor is said to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hint {
    /// The view of whoever says so.
    pub view: ViewNumber,
    /// The tenure that the actor has there.
    pub tenure: Tenure,
    /// The member.
    pub host: Incarnation,
}

/// Why a hint is not followed. Ask the slot owner instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ignored {
    /// It is not newer than what was followed: following it could go round in a circle.
    NotNewer,
    /// The call followed [`HINTS_MAX`] already.
    TooMany,
}

/// The hints that one call followed.
///
/// Hints are followed only upwards in (view, tenure), so that two members which each believe the other to have an actor never
/// send a call back and forth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trail {
    highest: Option<(ViewNumber, Tenure)>,
    followed: u8,
}

impl Trail {
    /// The trail of a call that goes first where the caller's cache says.
    #[must_use]
    pub const fn from_cache(hint: Hint) -> Self {
        Self { highest: Some((hint.view, hint.tenure)), followed: 0 }
    }

    /// The member to go to next. Nothing changes when the hint is ignored.
    ///
    /// # Errors
    /// [`Ignored`] when the hint is not to be followed.
    pub fn follow(&mut self, hint: Hint) -> Result<Incarnation, Ignored> {
        let at = (hint.view, hint.tenure);
        if self.highest.is_some_and(|highest| at <= highest) {
            return Err(Ignored::NotNewer);
        }
        if self.followed >= HINTS_MAX {
            return Err(Ignored::TooMany);
        }
        self.highest = Some(at);
        self.followed += 1;
        Ok(hint.host)
    }
}
