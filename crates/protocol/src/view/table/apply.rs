use tenure_types::{Incarnation, Planted, ViewNumber};

use super::{
    FORGET_MAX, JoinToken, Member, MemberState, ROWS_MAX, Reason, Row, Table, TableAction,
    TableAnswer, TableError, TableOutcome, TableRequest, WATCH_MAX,
};

type Applied = Result<TableOutcome, TableError>;

impl Table {
    /// Does one request, whole or not at all, and answers it. A change of who is a member or where one
    /// stands makes one new view, whatever it changes; beats and reads make none.
    pub fn apply(&mut self, request: TableRequest) -> TableAnswer {
        let outcome = if request.seen > self.number {
            Err(TableError::Behind { number: self.number, seen: request.seen })
        } else {
            self.act(request.action)
        };
        TableAnswer { timeline: self.timeline, number: self.number, outcome }
    }

    fn act(&mut self, action: TableAction) -> Applied {
        match action {
            TableAction::Poll { known, watch } => Ok(self.poll(known, &watch)),
            TableAction::Beat { incarnation, beat } => self.beat(incarnation, beat),
            TableAction::Join { node, weight, address, former, token } => {
                let incarnation = Incarnation(self.number.0 + 1);
                let state = MemberState::Joining;
                let member = Member { incarnation, node, state, presumed: false, weight, address };
                self.join(member, former, token)
            }
            TableAction::Advance { incarnation, to } => self.advance(incarnation, to),
            TableAction::Condemn { incarnation, beat, reason } => {
                let before = self.number;
                let condemned = self.move_to(incarnation, MemberState::Condemned, |row| {
                    row.member.state.is_living() && beat.is_none_or(|beat| beat == row.beat)
                });
                if reason == Reason::PresumedDead
                    && condemned == Ok(TableOutcome::Done)
                    && let Some(row) = self.rows.get_mut(&incarnation)
                    && !std::mem::replace(&mut row.member.presumed, true)
                    && self.number == before
                {
                    // It was condemned before, for another reason: who waits for its lease need not any more.
                    self.step();
                }
                condemned
            }
            TableAction::Down { incarnation, beat } => {
                self.move_to(incarnation, MemberState::Down, |row| {
                    !row.member.state.is_gone() && row.beat == beat
                })
            }
            TableAction::DownProven { incarnation } => {
                self.move_to(incarnation, MemberState::Down, |row| !row.member.state.is_gone())
            }
            TableAction::Forget { incarnations } => Ok(self.forget(&incarnations)),
        }
    }

    fn poll(&self, known: ViewNumber, watch: &[Incarnation]) -> TableOutcome {
        let view = (known < self.number).then(|| self.view());
        let watch = watch.iter().take(WATCH_MAX);
        TableOutcome::Read { view, rows: watch.filter_map(|it| self.row(*it)).collect() }
    }

    fn beat(&mut self, incarnation: Incarnation, beat: u64) -> Applied {
        let row = self.rows.get_mut(&incarnation).ok_or(TableError::Absent)?;
        if !row.member.state.is_living() || row.beat != beat {
            return Err(TableError::Refused { state: row.member.state, beat: row.beat });
        }
        row.beat += 1;
        Ok(TableOutcome::Beaten { beat: row.beat })
    }

    fn join(&mut self, member: Member, former: Option<Incarnation>, token: JoinToken) -> Applied {
        if let Some(row) = self.rows.values().find(|row| row.token == token) {
            let incarnation = row.member.incarnation;
            return Ok(TableOutcome::Joined { incarnation, is_new: false });
        }
        if Planted::SameIncarnation.is_planted() {
            let is_same =
                |row: &&mut Row| row.member.node == member.node && row.member.state.is_living();
            if let Some(row) = self.rows.values_mut().find(is_same) {
                row.token = token;
                let incarnation = row.member.incarnation;
                return Ok(TableOutcome::Joined { incarnation, is_new: false });
            }
        }
        if self.rows.len() >= ROWS_MAX {
            return Err(TableError::Full);
        }
        for older in self.rows.values_mut().filter(|row| row.member.node == member.node) {
            if older.member.state.is_living() {
                older.member.state = MemberState::Condemned;
            }
        }
        if let Some(former) = former.and_then(|former| self.rows.get_mut(&former))
            && former.member.node == member.node
            && !former.member.state.is_gone()
        {
            former.member.state = MemberState::Down;
        }
        let incarnation = member.incarnation;
        self.rows.insert(incarnation, Row { member, beat: 0, token });
        self.step();
        Ok(TableOutcome::Joined { incarnation, is_new: true })
    }

    fn advance(&mut self, incarnation: Incarnation, to: MemberState) -> Applied {
        use MemberState::{Alive, Joining, Leaving, Left};
        self.move_to(incarnation, to, |row| {
            matches!(
                (row.member.state, to),
                (Joining, Alive | Leaving) | (Alive, Leaving) | (Leaving, Left)
            )
        })
    }

    /// Moves a row that is not there yet, if it may go.
    fn move_to(
        &mut self,
        incarnation: Incarnation,
        to: MemberState,
        may_go: impl FnOnce(&Row) -> bool,
    ) -> Applied {
        let row = self.rows.get_mut(&incarnation).ok_or(TableError::Absent)?;
        if row.member.state == to {
            return Ok(TableOutcome::Done);
        }
        if !may_go(row) {
            return Err(TableError::Refused { state: row.member.state, beat: row.beat });
        }
        row.member.state = to;
        self.step();
        Ok(TableOutcome::Done)
    }

    fn forget(&mut self, incarnations: &[Incarnation]) -> TableOutcome {
        let before = self.rows.len();
        for incarnation in incarnations.iter().take(FORGET_MAX) {
            if self.rows.get(incarnation).is_some_and(|row| row.member.state.is_gone()) {
                self.rows.remove(incarnation);
            }
        }
        if self.rows.len() < before {
            self.step();
        }
        TableOutcome::Done
    }

    fn step(&mut self) {
        self.number.0 += 1;
    }
}
