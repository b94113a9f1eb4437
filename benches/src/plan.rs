//! What `local` compares: the rows of the table, and the goals that the project holds itself to.

use crate::cases::FAN_OUT;
use crate::report::{BYTES_EACH, P50_US, P99_US, RATE};

/// One line of the table.
pub(crate) struct Row {
    pub(crate) section: &'static str,
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) ours: Source,
    pub(crate) against: Option<Against>,
    pub(crate) goal: Goal,
}

impl Row {
    /// Whether the section, the title or a case contains `text`.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let against = self.against.iter().flat_map(|against| &against.sources);
        let cases = std::iter::once(&self.ours).chain(against);
        [self.section, &self.title].into_iter().any(|it| it.contains(text))
            || cases.into_iter().any(|source| source.case.contains(text))
    }
}

/// A value of a case.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) case: String,
    pub(crate) value: &'static str,
}

/// What a row is measured against: the largest of these values.
pub(crate) struct Against {
    pub(crate) name: &'static str,
    pub(crate) sources: Vec<Source>,
}

/// What must hold of a row.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// Nothing: the row is there to be known.
    None,
    /// Ours over the baseline is at least this.
    RatioAtLeast(f64),
    /// Ours over the baseline is at most this.
    RatioAtMost(f64),
    /// Ours is at most this, in the row's unit.
    AtMost(f64),
}

/// How a row's values are written.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    PerSecond,
    Micros,
    Bytes,
}

const PEERS: [&str; 4] = ["kameo", "ractor", "actix", "coerce"];
/// Those of `remote`, which are in a program of their own.
const REMOTE_PEERS: [(&str, &str); 3] = [
    ("tonic", "tonic, unary calls over one channel"),
    ("ractor", "ractor_cluster, handle held"),
    ("rio", "rio-rs, by key, a connection for each caller"),
];
/// How many entities lie idle, and how many are stored, in a whole run and in a quick one.
const IDLE: [usize; 2] = [1_000_000, 200_000];
const PEERS_IDLE: [usize; 2] = [200_000, 50_000];
/// How many sockets lie idle.
const SOCKETS: [usize; 2] = [20_000, 2_000];
const STORED: [usize; 2] = [200_000, 20_000];

/// Every row, in the order of the table.
pub(crate) fn rows(quick: bool, with_peers: bool) -> Vec<Row> {
    let size = usize::from(quick);
    let mut rows = Vec::new();
    for (actors, callers) in [(10_000, 64), (1, 1), (1, 64), (10_000, 1)] {
        rows.extend(ask(actors, callers, with_peers));
    }
    rows.extend(memory(IDLE[size], PEERS_IDLE[size], with_peers));
    rows.extend(activations(IDLE[size], STORED[size], PEERS_IDLE[size], with_peers));
    rows.extend(durable());
    rows.push(Row {
        section: "HTTP, 64 connections",
        title: "a call through the gateway".to_owned(),
        unit: Unit::PerSecond,
        ours: source("tenure/http", RATE),
        against: against("bare axum handler over a map", ["axum/http"], RATE),
        goal: Goal::RatioAtLeast(0.8),
    });
    rows.extend(sockets(SOCKETS[size]));
    rows.push(Row {
        section: "Fairness",
        title: "p99 of a call while 64 callers saturate another actor".to_owned(),
        unit: Unit::Micros,
        ours: source("tenure/fairness", P99_US),
        against: None,
        goal: Goal::AtMost(10_000.0),
    });
    rows
}

/// Every row of `store`: actors on PostgreSQL beside what the server does without them.
pub(crate) fn store_rows(quick: bool) -> Vec<Row> {
    let actors = 10_000;
    let stored = [50_000, 5_000][usize::from(quick)];
    let each = |callers: usize| format!("postgres/each/{actors}/{callers}");
    let turns = |callers: usize| format!("postgres/turns/{actors}/{callers}");
    let mut rows = Vec::new();
    for callers in [64, 1_024] {
        let row = |title: &str, name, case: String, goal| Row {
            section: "Durable turns on PostgreSQL",
            title: format!("10,000 actors, {} callers{title}", grouped(callers)),
            unit: Unit::PerSecond,
            ours: source(&turns(callers), RATE),
            against: against(name, [case], RATE),
            goal,
        };
        let goal = Goal::RatioAtLeast(8.0);
        rows.push(row("", "one transaction a call, 32 connections", each(callers), goal));
        let (name, goal) = ("the server's own batched inserts", Goal::RatioAtLeast(0.5));
        rows.push(row("", name, "postgres/batched".to_owned(), goal));
        for (title, value, goal) in [
            ("p50", P50_US, Goal::None),
            ("p99", P99_US, if callers == 64 { Goal::RatioAtMost(3.0) } else { Goal::None }),
        ] {
            rows.push(Row {
                section: "Durable turns on PostgreSQL",
                title: format!("{} callers, {title}", grouped(callers)),
                unit: Unit::Micros,
                ours: source(&turns(callers), value),
                against: against("p50 of one transaction a call", [each(callers)], P50_US),
                goal,
            });
        }
    }
    rows.push(Row {
        section: "Activations from PostgreSQL",
        title: format!("{} actors, 1,024 callers", grouped(stored)),
        unit: Unit::PerSecond,
        ours: source(&format!("postgres/load/{stored}/1024"), RATE),
        against: against(
            "the same, one actor a statement",
            [format!("postgres/load-single/{stored}/1024")],
            RATE,
        ),
        goal: Goal::None,
    });
    rows
}

/// Every row of `transport`: lanes between two nodes beside raw TCP.
pub(crate) fn transport_rows() -> Vec<Row> {
    let kinds = [("lane", ""), ("lane-key", ", cluster key"), ("lane-tls", ", TLS")];
    let mut rows = Vec::new();
    for (len, senders, what) in
        [(64, 64, "frames of 64 B, 64 senders"), (64 << 10, 4, "frames of 64 KiB, 4 senders")]
    {
        rows.extend(kinds.map(|(system, how)| Row {
            section: "One lane over loopback",
            title: format!("{what}{how}"),
            unit: Unit::PerSecond,
            ours: source(&format!("{system}/frames/{len}/{senders}"), RATE),
            against: against(
                "raw TCP, one write a frame",
                [format!("raw/frames/{len}/{senders}")],
                RATE,
            ),
            goal: Goal::None,
        }));
    }
    for (value, what) in [(P50_US, "p50"), (P99_US, "p99")] {
        rows.extend(kinds.map(|(system, how)| Row {
            section: "There and back, one at a time",
            title: format!("64 B, {what}{how}"),
            unit: Unit::Micros,
            ours: source(&format!("{system}/round-trip"), value),
            against: against("raw TCP ping-pong", ["raw/round-trip"], value),
            goal: Goal::None,
        }));
    }
    rows
}

/// Every row of `remote`: calls between two processes beside a bare multiplexer and other libraries.
pub(crate) fn remote_rows(with_peers: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (in_flight, of_the_limit, of_the_best) in [(64, 0.7, 1.5), (1_024, 0.5, 5.0)] {
        let case = |system: &str| format!("{system}/remote/{in_flight}");
        let row = |name, cases: Vec<String>, goal| Row {
            section: "Calls between two processes, on all cores",
            title: format!("{} in flight", grouped(in_flight)),
            unit: Unit::PerSecond,
            ours: source(&case("tenure"), RATE),
            against: against(name, cases, RATE),
            goal,
        };
        rows.push(row(MUX, vec![case("mux")], Goal::RatioAtLeast(of_the_limit)));
        if with_peers {
            let libraries = REMOTE_PEERS[1..].iter().map(|(system, _)| case(system)).collect();
            rows.extend(
                REMOTE_PEERS.map(|(system, name)| row(name, vec![case(system)], Goal::None)),
            );
            let goal = Goal::RatioAtLeast(of_the_best);
            rows.push(row("the better of the two actor libraries", libraries, goal));
        }
        for (value, what) in [(P50_US, "p50"), (P99_US, "p99")] {
            rows.push(Row {
                section: "Calls between two processes, on all cores",
                title: format!("{} in flight, {what}", grouped(in_flight)),
                unit: Unit::Micros,
                ours: source(&case("tenure"), value),
                against: against(MUX, [case("mux")], value),
                goal: Goal::None,
            });
        }
    }
    let case = |system: &str| format!("{system}/remote-pinned/1");
    let alone = |value, title, name, system: &str, goal| Row {
        section: "One call at a time, both processes on one core",
        title: format!("1 in flight, {title}"),
        unit: Unit::Micros,
        ours: source(&case("tenure"), value),
        against: against(name, [case(system)], value),
        goal,
    };
    rows.push(alone(P50_US, "p50", MUX, "mux", Goal::RatioAtMost(1.25)));
    rows.push(alone(P99_US, "p99", MUX, "mux", Goal::None));
    if with_peers {
        let peers = REMOTE_PEERS.map(|(it, name)| alone(P50_US, "p50", name, it, Goal::None));
        rows.extend(peers);
    }
    rows
}

const MUX: &str = "raw TCP multiplexer, a future a call";

fn sockets(idle: usize) -> [Row; 3] {
    let section = "WebSockets";
    [
        Row {
            section,
            title: "calls over 1,000 sockets".to_owned(),
            unit: Unit::PerSecond,
            ours: source("tenure/echo/1000", RATE),
            against: against("bare axum echo", ["axum/echo/1000"], RATE),
            goal: Goal::RatioAtLeast(0.9),
        },
        Row {
            section,
            title: format!("{idle} idle sockets, each following an actor of its own"),
            unit: Unit::Bytes,
            ours: source(&format!("tenure/sockets/{idle}"), BYTES_EACH),
            against: None,
            goal: Goal::AtMost(10_240.0),
        },
        Row {
            section,
            title: "one event to the last of 5,000 followers".to_owned(),
            unit: Unit::Micros,
            ours: source("tenure/fan-out/5000", FAN_OUT),
            against: against("the same bytes to bare sockets", ["bare/fan-out/5000"], FAN_OUT),
            goal: Goal::None,
        },
    ]
}

/// A case that must run before these, once for the whole run.
pub(crate) fn preparation(case: &str) -> Option<String> {
    let words: Vec<&str> = case.split('/').collect();
    match words[..] {
        ["postgres", "load" | "load-single", count, _] => Some(format!("postgres/prepare/{count}")),
        ["tenure", "load", count, _] | ["engine", "get", count, _] => {
            Some(format!("prepare/rows/{count}"))
        }
        _ => None,
    }
}

/// Whether a case is one of the peers' program.
pub(crate) fn is_of_peers(case: &str) -> bool {
    let is_remote = |system| REMOTE_PEERS.iter().any(|(peer, _)| *peer == system);
    case.split('/').next().is_some_and(|system| PEERS.contains(&system) || is_remote(system))
}

fn ask(actors: usize, callers: usize, with_peers: bool) -> Vec<Row> {
    let is_main = (actors, callers) == (10_000, 64);
    let is_alone = (actors, callers) == (1, 1);
    let peers = |it: f64| if is_main { Goal::RatioAtLeast(it) } else { Goal::None };
    let case = |system: &str| format!("{system}/ask/{actors}/{callers}");
    let title = match (actors, callers) {
        (1, 1) => "1 actor, 1 caller".to_owned(),
        (1, _) => format!("1 actor, {callers} callers"),
        (_, 1) => "10,000 actors, 1 caller".to_owned(),
        _ => format!("10,000 actors, {callers} callers"),
    };
    let row = |ours: String, name, sources: Vec<String>, goal| Row {
        section: "Local calls",
        title: title.clone(),
        unit: Unit::PerSecond,
        ours: source(&ours, RATE),
        against: against(name, sources, RATE),
        goal,
    };
    let mut rows = Vec::new();
    if with_peers {
        for (peer, name) in PEERS.into_iter().zip(PEER_NAMES) {
            let goal = match peer {
                "kameo" | "ractor" if is_alone => Goal::RatioAtLeast(5.0),
                "kameo" | "ractor" => peers(10.0),
                _ => Goal::None,
            };
            rows.push(row(case("tenure"), name, vec![case(peer)], goal));
        }
        let all = PEERS.into_iter().map(case).collect();
        rows.push(row(case("tenure"), "the best of the four", all, peers(6.0)));
    }
    let maps = vec![case("dashmap"), case("shards")];
    let kept = format!("tenure/ask-kept/{actors}/{callers}");
    let by_async = format!("tenure/ask-async/{actors}/{callers}");
    let (third, channel) = (peers(1.0 / 3.0), vec![case("channel")]);
    rows.push(row(case("tenure"), "bare task with channels, handle held", channel, peers(1.5)));
    rows.push(row(case("tenure"), "the better concurrent map, by key", maps, third));
    for (ours, what) in [(kept, "reference kept"), (by_async, "async handler")] {
        let mut extra = row(ours, "the same call by key", vec![case("tenure")], Goal::None);
        extra.title = format!("{title}, {what}");
        rows.push(extra);
    }
    rows
}

const PEER_NAMES: [&str; 4] =
    ["kameo, handle held", "ractor, handle held", "actix, handle held", "coerce, handle held"];

fn memory(count: usize, peers_count: usize, with_peers: bool) -> Vec<Row> {
    let row = |name, case: String, goal| Row {
        section: "Memory of an idle entity with 100 bytes of state",
        title: format!("{} actors", grouped(count)),
        unit: Unit::Bytes,
        ours: source(&format!("tenure/idle/{count}/1"), BYTES_EACH),
        against: against(name, [case], BYTES_EACH),
        goal,
    };
    let boxed = "`HashMap<String, Box<Mutex<[u8; 100]>>>`";
    let mut rows = vec![
        row(boxed, format!("map/idle/{count}"), Goal::AtMost(450.0)),
        row("`HashMap<String, [u8; 100]>`", format!("map-inline/idle/{count}"), Goal::None),
    ];
    if with_peers {
        for (peer, name) in PEERS.into_iter().zip(PEER_NAMES) {
            rows.push(row(name, format!("{peer}/idle/{peers_count}"), Goal::None));
        }
    }
    rows
}

fn activations(count: usize, stored: usize, peers: usize, with_peers: bool) -> Vec<Row> {
    let row = |title: &str, ours: String, name, case: String, goal| Row {
        section: "Activations",
        title: title.to_owned(),
        unit: Unit::PerSecond,
        ours: source(&ours, RATE),
        against: against(name, [case], RATE),
        goal,
    };
    let one = format!("tenure/idle/{count}/1");
    let two = format!("tenure/idle/{count}/2");
    let mut rows = vec![
        row(
            "volatile, 1 caller",
            one.clone(),
            "inserts into the plain map of boxed entries",
            format!("map/idle/{count}"),
            Goal::RatioAtLeast(0.6),
        ),
        row(
            "volatile, 2 callers",
            two,
            "inserts into that map in 128 locked shards, 2 callers",
            format!("shards/idle/{count}/2"),
            Goal::RatioAtLeast(0.6),
        ),
    ];
    if with_peers {
        for (peer, name) in PEERS.into_iter().zip(PEER_NAMES) {
            let case = format!("{peer}/idle/{peers}");
            rows.push(row("volatile, 1 caller", one.clone(), name, case, Goal::None));
        }
    }
    rows.push(row(
        "loaded, 64 callers",
        format!("tenure/load/{stored}/64"),
        "the engine's random gets, 2 threads",
        format!("engine/get/{stored}/2"),
        Goal::RatioAtLeast(0.5),
    ));
    rows
}

fn durable() -> Vec<Row> {
    let mut rows = vec![Row {
        section: "Durable turns",
        title: "alone on one core, p50".to_owned(),
        unit: Unit::Micros,
        ours: source("tenure/turn-alone", P50_US),
        against: against("the engine's own synced commit", ["engine/commit-alone"], P50_US),
        goal: Goal::RatioAtMost(1.75),
    }];
    for (callers, goal) in [(64, 10.0), (1024, 20.0)] {
        for (actors, name) in [(1, "1 actor"), (10_000, "10,000 actors")] {
            rows.push(Row {
                section: "Durable turns",
                title: format!("{name}, {} callers", grouped(callers)),
                unit: Unit::PerSecond,
                ours: source(&format!("tenure/turns/{actors}/{callers}"), RATE),
                against: against("one engine commit each", ["engine/commit-each"], RATE),
                goal: Goal::RatioAtLeast(goal),
            });
        }
    }
    rows
}

fn source(case: &str, value: &'static str) -> Source {
    Source { case: case.to_owned(), value }
}

fn against<T: AsRef<str>>(
    name: &'static str,
    cases: impl IntoIterator<Item = T>,
    value: &'static str,
) -> Option<Against> {
    let sources = cases.into_iter().map(|case| source(case.as_ref(), value)).collect();
    Some(Against { name, sources })
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
