//! What most documents are made of: actors, rights, members, slots and moves.

use tenure_types::{
    ActorId, ActorTypeName, Incarnation, KEY_BYTES_MAX, Key, NUMBER_MAX, Slot, TYPE_NAME_BYTES_MAX,
    Tenure, ViewNumber,
};

use super::{CodecError, Reader, Writer};
use crate::migration::MoveId;

/// Finds the type that has a name.
pub(super) type Names<'a> = &'a dyn Fn(&str) -> Option<ActorTypeName>;

impl Writer {
    /// The number of a view.
    pub fn view(&mut self, view: ViewNumber) -> &mut Self {
        self.number(view.0)
    }

    /// The number of one run of a node.
    pub fn incarnation(&mut self, incarnation: Incarnation) -> &mut Self {
        self.number(incarnation.0)
    }

    /// A right to an actor.
    pub fn tenure(&mut self, tenure: Tenure) -> &mut Self {
        self.number(tenure.view).number(tenure.sequence)
    }

    /// Which actor: the name of its type, and its key.
    pub fn actor(&mut self, actor: &ActorId) -> &mut Self {
        self.text(actor.actor_type.as_str()).text(actor.key.as_str())
    }

    /// The number of a slot.
    pub(super) fn slot(&mut self, slot: Slot) -> &mut Self {
        self.number(slot.index() as u64)
    }

    /// Where an actor runs, and under which right.
    pub(super) fn place(&mut self, (host, tenure): (Incarnation, Tenure)) -> &mut Self {
        self.incarnation(host).tenure(tenure)
    }

    /// The name of a move.
    pub(super) fn move_id(&mut self, id: MoveId) -> &mut Self {
        self.incarnation(id.source).number(id.number)
    }
}

impl Reader<'_> {
    /// The number of a view, at most [`NUMBER_MAX`]: whoever hears of one may go above it.
    ///
    /// # Errors
    /// As [`Reader::number`].
    pub fn view(&mut self) -> Result<ViewNumber, CodecError> {
        match self.number("view")? {
            number if number > NUMBER_MAX => Err(CodecError::Number { what: "view" }),
            number => Ok(ViewNumber(number)),
        }
    }

    /// The number of one run of a node.
    ///
    /// # Errors
    /// As [`Reader::number`].
    pub fn incarnation(&mut self) -> Result<Incarnation, CodecError> {
        self.number("incarnation").map(Incarnation)
    }

    /// A right to an actor.
    ///
    /// # Errors
    /// As [`Reader::number`].
    pub fn tenure(&mut self) -> Result<Tenure, CodecError> {
        Ok(Tenure { view: self.number("tenure")?, sequence: self.number("tenure")? })
    }

    /// Which actor. `names` finds the type that has a name.
    ///
    /// # Errors
    /// As [`Reader::text`]; [`CodecError::Text`] where type or key could not be one, and
    /// [`CodecError::UnknownType`] where `names` has none.
    pub fn actor(
        &mut self,
        names: &dyn Fn(&str) -> Option<ActorTypeName>,
    ) -> Result<ActorId, CodecError> {
        let name = self.text("actor type", TYPE_NAME_BYTES_MAX)?;
        ActorTypeName::check(name)
            .map_err(|error| CodecError::Text { what: "actor type", why: error.to_string() })?;
        let key = Key::new(self.text("key", KEY_BYTES_MAX)?)
            .map_err(|error| CodecError::Text { what: "key", why: error.to_string() })?;
        let unknown = || CodecError::UnknownType { name: name.to_owned() };
        Ok(ActorId { actor_type: names(name).ok_or_else(unknown)?, key })
    }

    /// The number of a slot.
    pub(super) fn slot(&mut self) -> Result<Slot, CodecError> {
        Slot::new(self.small("slot")?).ok_or(CodecError::Number { what: "slot" })
    }

    /// Where an actor runs, and under which right.
    pub(super) fn place(&mut self) -> Result<(Incarnation, Tenure), CodecError> {
        Ok((self.incarnation()?, self.tenure()?))
    }

    /// The name of a move.
    pub(super) fn move_id(&mut self) -> Result<MoveId, CodecError> {
        Ok(MoveId { source: self.incarnation()?, number: self.number("move")? })
    }
}
