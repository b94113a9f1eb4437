//! `cargo xtask campaign`: the long fault campaigns.

use std::path::Path;

use clap::ValueEnum;

use crate::command::{Invocation, timed};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The campaign to run.
    campaign: Campaign,
    /// Arguments of the campaign itself: everything after its name.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Campaign {
    /// Kill a server's process at any time and look for what it acknowledged; `--mode` says how the
    /// actors are kept durable.
    Kill,
    /// Cut the power of a server's disk, or with `--postgres` of its database's, at any time and look for
    /// what it acknowledged; needs root.
    Power,
    /// Cut connections in the middle of calls with idempotency keys and kill the server: each call,
    /// made again until it is answered, must have one effect.
    Keys,
    /// Kill and stop a node again and again: each reminder must be handled once.
    Reminders,
    /// Offer a node ten times what it can do: its memory stays within its bound, and what it does
    /// hardly less.
    Overload,
    /// Touch many more actors than fit in memory, and look for a sample of them.
    Many,
    /// Append to a feed, kill the server and the consumer of the feed again and again: it must have
    /// counted every entry once.
    Feeds,
    /// Let many follow actors over WebSockets, stop and kill the node again and again, and compare what
    /// they heard.
    Sessions,
    /// Kill, pause or fail over the PostgreSQL that actors are kept in, in the middle of a load.
    Database,
    /// Stop a process in the middle of a commit to PostgreSQL, fence it and let it go on, a thousand times.
    Frozen,
    /// Kill or stop nodes of a cluster on PostgreSQL, or hurt what has its member table (`--strike`, `--table etcd`), and
    /// say how long actors were away.
    Cluster,
    /// Restart all nodes of a cluster on PostgreSQL in good order, one after the other, by a build that stores another
    /// form: no call may fail, and no event be lost or doubled at those who follow actors. `--way` says whether
    /// another node is there first.
    Roll,
    /// Upgrade everything in turn under a load: the nodes by a build that stores another form, the servers of the member
    /// table (`--table etcd`), the database by its replica: no turn may be lost, and no node end by itself.
    Rehearse,
    /// Call a million actors on three nodes, kill one of them, and say how long until each of its actors answers again.
    Million,
    /// Cut the network between five nodes in every way in which it falls into two; needs root.
    Split,
    /// Load the example `fleet` with a whole month, without and with kills, and compare its totals.
    Fleet,
    /// Let pairs of devices edit carts of the example `shop` and order while it is killed, and add up
    /// carts, orders, stock and money.
    Shop,
    /// Let bots buy out events of the example `booth` on three nodes while nodes are killed: in every sample free, held
    /// and sold seats are the house, and no seat is sold twice.
    Booth,
    /// Move actors of every mode from an embedded store into PostgreSQL and into another folder with `tenure store
    /// export` and `import`: every file must be the same.
    Ship,
    /// Flip a bit of every byte of a store's tables, and kill processes that seal journals all the
    /// time: half an hour.
    Damage,
}

/// The embedded store's own tests that take too long for every run.
const DAMAGE: [&str; 2] =
    ["flipped_bits_anywhere_are_never_served", "that_seal_journals_lose_nothing_acknowledged"];

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let name = match options.campaign {
        Campaign::Kill => "kill",
        Campaign::Power => "power",
        Campaign::Keys => "keys",
        Campaign::Reminders => "reminders",
        Campaign::Overload => "overload",
        Campaign::Many => "many",
        Campaign::Feeds => "feeds",
        Campaign::Sessions => "sessions",
        Campaign::Database => "database",
        Campaign::Frozen => return frozen(root, options),
        Campaign::Cluster => "cluster",
        Campaign::Roll => "roll",
        Campaign::Rehearse => "rehearse",
        Campaign::Million => "million",
        Campaign::Split => "split",
        Campaign::Fleet => "fleet",
        Campaign::Shop => "shop",
        Campaign::Booth => "booth",
        Campaign::Ship => "ship",
        Campaign::Damage => return damage(root, options),
    };
    // `cargo run` alone would build neither the examples nor the campaigns' own server.
    let build = ["build", "--release"].into_iter();
    let packages = ["tenure-campaigns", "tenure-cli", "fleet", "shop", "booth"]
        .map(|package| ["--package", package]);
    // What it is built with needs `protoc`: only where it is asked for.
    let is_on_etcd = options.args.iter().any(|it| it == "etcd" || it == "--table=etcd");
    let features: &[&str] = if is_on_etcd { &["--features", "tenure-campaigns/etcd"] } else { &[] };
    let build = build.chain(packages.into_iter().flatten()).chain(features.iter().copied());
    let build = Invocation::cargo(&build.collect::<Vec<_>>());
    timed("build", &build.to_string(), || build.run(root)).0?;
    let run = ["run", "--release", "--package", "tenure-campaigns"];
    let run = Invocation::cargo(&[&run[..], features, &["--", name]].concat()).args(&options.args);
    timed("campaign", &run.to_string(), || run.run(root)).0
}

/// How often a process is frozen.
const FREEZES: &str = "1000";

fn frozen(root: &Path, options: &Options) -> anyhow::Result<()> {
    let test = ["test", "--release", "--package", "tenure-store-postgres", "--lib", "--"];
    let run = Invocation::cargo(&[&test[..], &["--nocapture", "nothing_of_a_frozen"]].concat());
    let run = run.args(&options.args).env("TENURE_FROZEN_TIMES", FREEZES);
    timed("campaign", &run.to_string(), || run.run(root)).0
}

fn damage(root: &Path, options: &Options) -> anyhow::Result<()> {
    let test = ["test", "--release", "--package", "tenure-store-embedded", "--lib", "--"];
    let shown = ["--ignored", "--nocapture"];
    let run = Invocation::cargo(&[&test[..], &shown, &DAMAGE].concat()).args(&options.args);
    timed("campaign", &run.to_string(), || run.run(root)).0
}
