//! Readers of the feed: each reads all of it, at one node after the other, and goes on by a cursor.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_sim::judge::FeedRead;
use tenure_store::{Cursor, FeedEntry, FeedError, FeedPage, StoreError};
use tenure_types::{ActorId, ActorTypeName};

use crate::cast::{Entry, Role, appended};
use crate::follow::{Read, WasRead};
use crate::frame::Body;
use crate::line::Line;

/// The mean time between two questions.
const PAUSE: Duration = Duration::from_millis(250);

/// Reads the feed.
pub struct Reader {
    line: Line,
    /// What it has read.
    after: Option<Cursor>,
    /// What it has stored of that: where it goes on after a crash.
    kept: Option<Cursor>,
}

impl Reader {
    /// A reader on this line, who has read nothing yet.
    #[must_use]
    pub fn new(line: Line) -> Self {
        Self { line, after: None, kept: None }
    }

    /// Reads until nothing changes any more; then to the end.
    pub async fn live(mut self) {
        self.line.change_gateway();
        while !self.line.crowd.is_quiet.load(Ordering::Relaxed) {
            self.line.rest(PAUSE).await;
            self.look().await;
            match self.line.dice.below(40) {
                0 => self.restart(),
                1..8 => self.keep(),
                _ => {}
            }
        }
        while !self.look().await {
            self.line.pause(Duration::from_millis(50)).await;
        }
        self.line.crowd.ends.lock().readers.push(self.line.number);
    }

    fn keep(&mut self) {
        self.kept.clone_from(&self.after);
        self.line.crowd.stage.tell(|jury| jury.feeds.kept(self.line.number));
    }

    fn restart(&mut self) {
        self.after.clone_from(&self.kept);
        self.line.crowd.stage.tell(|jury| jury.feeds.restarted(self.line.number));
    }

    /// Asks for what follows; gives whether there was nothing more.
    async fn look(&mut self) -> bool {
        let number = self.line.unique();
        let limit = [1, 10, 500][self.line.dice.below(3) as usize];
        let is_quiet = self.line.crowd.is_quiet.load(Ordering::Relaxed);
        let wait_ms = if is_quiet { 0 } else { [0, 0, 400][self.line.dice.below(3) as usize] };
        let read = Read { number, after: self.after.clone(), limit, wait_ms };
        let patience = self.line.patience();
        let came = self.line.ask(Body::Read(read), patience, |frame| match frame.body {
            Body::WasRead(was) if was.number == number => Some(was),
            _ => None,
        });
        match came.await {
            Some(WasRead { result: Some(Ok(page)), .. }) => self.take(page),
            Some(WasRead { result: Some(Err(error)), .. }) => {
                self.refused(&error);
                false
            }
            _ => {
                self.line.change_gateway();
                false
            }
        }
    }

    fn take(&mut self, page: FeedPage) -> bool {
        let is_end = page.entries.is_empty() && !page.has_more;
        page.entries.iter().for_each(|entry| self.tell(entry));
        self.after = Some(page.next);
        is_end
    }

    fn tell(&self, entry: &FeedEntry) {
        let stage = &self.line.crowd.stage;
        let said: Result<Entry, _> = serde_json::from_slice(&entry.data);
        let role = Role::named(&entry.type_name);
        let (Ok(said), Some(role)) = (said, role) else {
            return stage.odd(&format!("an entry that nobody appends: {entry:?}"));
        };
        let actor_type = ActorTypeName::new(role.name()).expect("a good name");
        let id = ActorId { actor_type, key: entry.key.clone() };
        let (reader, at) = (self.line.number, stage.now());
        stage.tell(|jury| {
            let actor = jury.cast.number(&id, role.mode());
            jury.feeds.read(FeedRead { reader, entry: appended(actor, &said, at) });
        });
    }

    fn refused(&mut self, error: &FeedError) {
        let is_expected = matches!(
            error,
            FeedError::Store(StoreError::Unavailable { .. } | StoreError::Io { .. })
        );
        if !is_expected {
            self.line.crowd.stage.odd(&format!("a reader behind {:?}: {error:?}", self.after));
        }
        self.line.change_gateway();
    }
}
