//! What a client asks.

use serde::Deserialize;
use serde_json::value::RawValue;
use tenure_protocol::session::Position;

/// One command. Fields that are not known are ignored: clients grow.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Command<'a> {
    /// Zero, or absent, where no reply is wanted.
    #[serde(default)]
    pub(super) id: u32,
    #[serde(default)]
    pub(super) connect: Option<Connect>,
    #[serde(borrow, default)]
    pub(super) subscribe: Option<Subscribe<'a>>,
    #[serde(default)]
    pub(super) unsubscribe: Option<Channel>,
    #[serde(default)]
    pub(super) publish: Option<Channel>,
    #[serde(default)]
    pub(super) presence: Option<Channel>,
    #[serde(default)]
    pub(super) presence_stats: Option<Channel>,
    #[serde(default)]
    pub(super) history: Option<History>,
    #[serde(default)]
    pub(super) ping: Option<Nothing>,
    #[serde(borrow, default)]
    pub(super) send: Option<Send<'a>>,
    #[serde(borrow, default)]
    pub(super) rpc: Option<Rpc<'a>>,
    #[serde(default)]
    pub(super) refresh: Option<Refresh>,
    #[serde(default)]
    pub(super) sub_refresh: Option<Channel>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Connect {
    #[serde(default)]
    pub(super) token: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subscribe<'a> {
    pub(super) channel: String,
    #[serde(default)]
    pub(super) recover: bool,
    #[serde(default)]
    pub(super) epoch: String,
    #[serde(default)]
    pub(super) offset: u64,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) channel: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct History {
    pub(super) channel: String,
    /// Zero asks for where the log stands, a negative one for everything that is kept.
    #[serde(default)]
    pub(super) limit: i64,
    #[serde(default)]
    pub(super) since: Option<Since>,
    #[serde(default)]
    pub(super) reverse: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    pub(super) offset: u64,
    #[serde(default)]
    pub(super) epoch: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize)]
pub(super) struct Send<'a> {
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Rpc<'a> {
    #[serde(default)]
    pub(super) method: String,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refresh {
    #[serde(default)]
    pub(super) token: String,
}

impl Subscribe<'_> {
    /// Where the client was, if it wants to go on there. An epoch that is none of ours is one that
    /// no log has.
    pub(super) fn resume(&self) -> Option<Position> {
        let epoch = self.epoch.parse().unwrap_or(0);
        self.recover.then_some(Position { epoch, offset: self.offset })
    }
}

/// The commands of a frame, one a line; `None` where one is no command.
pub(super) fn parse(frame: &str) -> Option<Vec<Command<'_>>> {
    let lines = frame.split('\n').map(str::trim).filter(|line| !line.is_empty());
    // A list of values would do for an object, where every field may be absent.
    lines.map(|line| serde_json::from_str(line).ok().filter(|_| line.starts_with('{'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_a_command_a_line_and_what_is_not_known_is_ignored() {
        let commands = parse(
            "{\"id\":1,\"connect\":{\"name\":\"js\",\"new\":[]}}\n\n{}\n{\"rpc\":{\"method\":\"a/b/c\",\"data\": {\"x\":1}},\"id\":3}",
        )
        .unwrap();
        assert_eq!(commands.len(), 3);
        assert!(commands[0].id == 1 && commands[0].connect.is_some());
        assert!(commands[1].id == 0 && commands[1].rpc.is_none());
        let rpc = commands[2].rpc.as_ref().unwrap();
        assert_eq!((rpc.method.as_str(), rpc.data.unwrap().get()), ("a/b/c", "{\"x\":1}"));
        for bad in ["nothing", "[]", "{\"id\":-1}", "{\"id\":1}x", "{\"subscribe\":{}}"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_position_of_a_foreign_server_is_one_that_no_log_has() {
        let resume = |json| serde_json::from_str::<Subscribe<'_>>(json).unwrap().resume();
        assert_eq!(resume("{\"channel\":\"a:b\"}"), None);
        let foreign =
            resume("{\"channel\":\"a:b\",\"recover\":true,\"epoch\":\"xyz\",\"offset\":4}");
        assert_eq!(foreign, Some(Position { epoch: 0, offset: 4 }));
        let ours = resume("{\"channel\":\"a:b\",\"recover\":true,\"epoch\":\"17\",\"offset\":4}");
        assert_eq!(ours, Some(Position { epoch: 17, offset: 4 }));
    }
}
