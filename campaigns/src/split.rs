//! The network between nodes falls apart, in every way in which it can fall into two.

mod net;
mod rule;
mod watch;

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use tenure_postgres_server::{Options as ServerOptions, PostgresServer};

use self::net::{Network, Plug};
pub use self::rule::Rule;
use self::rule::{Cut, Duty, HOSTS};
use self::watch::Watchers;
use crate::cluster::KEY;
use crate::http::Connection;
use crate::process::{Launch, ServerProcess, Starting};
use crate::stage::Stage;
use crate::tenant::NODE_VARIABLE;
use crate::{database, interrupt};

/// How long a reply may be on its way to a client.
const LATE_MAX: Duration = Duration::from_millis(500);
/// A side that serves has served within this time.
const SERVED_WITHIN: Duration = Duration::from_secs(2);
/// How long a whole network may take until everybody is served, and agrees who lives where.
const HEAL_MAX: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// Actors of which every node says where they live.
const HOMES: u32 = 40;
const FINDINGS_SHOWN: usize = 20;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How nodes are members, and which side goes on
    #[arg(long, value_enum, default_value_t = Rule::Consensus)]
    pub rule: Rule,
    /// How many splits; all in turn where it is not said
    #[arg(long)]
    pub splits: Option<u32>,
    /// How long each of them lasts, in seconds: with gossip long enough for one that is alone to notice that of all others
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub hold: u64,
    /// How long leases are, in seconds, with the member table
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub lease: u64,
    /// Seed and server
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug, Default)]
pub struct Report {
    /// Why there was none.
    skipped: Option<String>,
    splits: u32,
    acknowledged: usize,
    /// How long after the cut the last client of a side that may not serve was served.
    served_late: Vec<Duration>,
    /// How long after the network was whole every node was served, and all agreed.
    healed: Vec<Duration>,
    findings: Vec<String>,
    took: Duration,
}

struct Campaign<'a> {
    options: &'a Options,
    network: Network,
    _database: PostgresServer,
    launches: Vec<Launch>,
    running: Vec<ServerProcess>,
}

/// Cuts the network in every way.
///
/// # Errors
/// When the campaign could not be carried out: a node did not start, or the cluster did not heal.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    if let Err(reason) = Network::check() {
        return Ok(Report { skipped: Some(reason), ..Report::default() });
    }
    let cuts = options.rule.cuts();
    let count = options.splits.map_or(cuts.len(), |it| it as usize);
    println!(
        "campaign split: {HOSTS} nodes, {:?}, {count} splits of {} s, leases of {} s",
        options.rule, options.hold, options.lease
    );
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    let mut campaign = Campaign::prepare(options, folder.path())?;
    let doors: Vec<_> = (1..=HOSTS).map(|host| campaign.network.calls(host)).collect();
    let watchers = Watchers::start(&doors);
    let mut report = Report::default();
    campaign.heal(&watchers)?;
    // Far apart in the list, so that a few are not all alike.
    let order = (0..cuts.len()).map(|at| &cuts[at * 7 % cuts.len()]);
    for (number, cut) in order.cycle().take(count).enumerate() {
        println!("split {}/{count}: {cut}", number + 1);
        campaign.cut(cut, &watchers, &mut report)?;
    }
    report.splits = count as u32;
    report.acknowledged = watchers.acknowledged();
    report.findings.extend(watchers.end(doors[0])?);
    report.took = begun.elapsed();
    Ok(report)
}

impl<'a> Campaign<'a> {
    fn prepare(options: &'a Options, folder: &Path) -> anyhow::Result<Self> {
        let network = Network::new(HOSTS)?;
        let sides = (1..=HOSTS).map(|host| network.side(host).to_string());
        let addresses = ["127.0.0.1".to_owned(), network.table().to_string()];
        let addresses: Vec<_> = addresses.into_iter().chain(sides).collect();
        let set_up = ServerOptions {
            settings: vec![
                "log_min_messages = fatal".to_owned(),
                // Those of nodes that are cut off stay open at the server.
                "max_connections = 400".to_owned(),
                format!("listen_addresses = '{}'", addresses.join(",")),
            ],
            entrance: ["127.0.0.1/32", "10.77.0.0/24", "10.78.0.0/16"]
                .map(|from| format!("host all all {from} trust"))
                .into(),
            ..ServerOptions::default()
        };
        let database = PostgresServer::with(&set_up)?;
        database::migrate_now(&database)?;
        let lanes: Vec<_> = (1..=HOSTS).map(|host| network.lanes(host).to_string()).collect();
        let lease = Duration::from_secs(options.lease);
        let mut launches = Vec::new();
        for host in 1..=HOSTS {
            let name = format!("n{host}");
            let data = folder.join(&name);
            std::fs::create_dir(&data)?;
            let mut launch = options.stage.launch(&data, &data)?;
            launch.namespace = Some(network.host(host));
            launch.listen = network.calls(host);
            let store = match options.rule.cuts_store() {
                true => network.table(),
                false => network.side(host),
            };
            let port = database.port();
            database::keep_in(
                &mut launch,
                format!("postgres://postgres@{store}:{port}/postgres?sslmode=disable"),
            );
            launch.settings.extend([
                format!("node.name={name}"),
                format!("cluster.listen={}", network.lanes(host)),
                format!("cluster.key={KEY}"),
            ]);
            launch.settings.extend(options.rule.settings(lease, &lanes));
            launch.env.push((NODE_VARIABLE, name.into()));
            launches.push(launch);
        }
        let running = start_all(launches.iter())?;
        Ok(Self { options, network, _database: database, launches, running })
    }

    fn cut(&mut self, cut: &Cut, watchers: &Watchers, report: &mut Report) -> anyhow::Result<()> {
        let hosts = cut.far.iter().map(|host| Plug::Host(*host));
        let far: Vec<_> = hosts.chain(cut.table_is_far.then_some(Plug::Table)).collect();
        self.network.split(&far)?;
        let at = Instant::now();
        interrupt::pause(Duration::from_secs(self.options.hold))?;
        let end = Instant::now();
        let lease = Duration::from_secs(self.options.lease);
        for host in 1..=HOSTS {
            let served = watchers.last_before(usize::from(host - 1), end);
            match self.options.rule.duty(cut, host, lease) {
                Duty::Serve if served.is_none_or(|it| end - it > SERVED_WITHIN) => {
                    report.findings.push(format!("{cut}: n{host} does not serve"));
                }
                Duty::Serve => {}
                Duty::Stop(within) => {
                    let late = served.map(|it| it.saturating_duration_since(at));
                    let late = late.unwrap_or_default();
                    report.served_late.push(late);
                    if late > within + LATE_MAX {
                        report.findings.push(format!("{cut}: n{host} served after {late:?}"));
                    }
                }
            }
        }
        self.network.split(&[])?;
        report.healed.push(self.heal(watchers)?);
        Ok(())
    }

    /// Starts again who has ended, and waits until every node serves and all agree who lives where. How long that took.
    fn heal(&mut self, watchers: &Watchers) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < HEAL_MAX {
            self.start_ended()?;
            let serves = |place| watchers.last(place).is_some_and(|it| it > begun);
            if (0..self.launches.len()).all(serves) && self.agree() {
                return Ok(begun.elapsed());
            }
            interrupt::pause(LOOK_PERIOD)?;
        }
        bail!("the cluster did not heal within {} s", HEAL_MAX.as_secs())
    }

    fn start_ended(&mut self) -> anyhow::Result<()> {
        let mut ended = Vec::new();
        for (place, process) in self.running.iter_mut().enumerate() {
            if process.ended()?.is_some() {
                ended.push(place);
            }
        }
        let again = start_all(ended.iter().map(|place| &self.launches[*place]))?;
        for (place, process) in ended.into_iter().zip(again) {
            self.running[place] = process;
        }
        Ok(())
    }

    /// Whether all nodes say the same of where actors live.
    fn agree(&self) -> bool {
        let home = |door: &mut Connection, actor| {
            door.call("GET", &format!("/v1/tenant/{actor}/home"), "").ok()
        };
        let mut doors: Vec<_> = (1..=HOSTS)
            .map(|host| Connection::new(self.network.calls(host)).patient_for(LATE_MAX))
            .collect();
        (0..HOMES).all(|actor| {
            let homes: Option<Vec<_>> = doors.iter_mut().map(|door| home(door, actor)).collect();
            homes.is_some_and(|homes| homes.iter().all(|it| *it == homes[0]))
        })
    }
}

/// Starts these at the same time.
fn start_all<'a>(launches: impl Iterator<Item = &'a Launch>) -> anyhow::Result<Vec<ServerProcess>> {
    let starting: Vec<_> = launches.map(Launch::begin).collect::<anyhow::Result<_>>()?;
    starting.into_iter().map(Starting::finish).collect()
}

impl Report {
    /// Whether anything was lost or wrong.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.skipped {
            return write!(f, "skipped: {reason}");
        }
        for finding in self.findings.iter().take(FINDINGS_SHOWN) {
            writeln!(f, "{finding}")?;
        }
        let longest = |times: &[Duration]| times.iter().max().map_or(0, Duration::as_millis);
        let middle = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            times.get(times.len() / 2).map_or(0, Duration::as_millis)
        };
        writeln!(
            f,
            "sides that may not serve: served for {} ms at the longest, {} ms in the median",
            longest(&self.served_late),
            middle(&self.served_late)
        )?;
        writeln!(
            f,
            "whole again: all served and agreed after {} ms in the median, {} ms at the longest",
            middle(&self.healed),
            longest(&self.healed)
        )?;
        write!(
            f,
            "splits: {}; {} turns acknowledged, {} findings; time: {} s",
            self.splits,
            self.acknowledged,
            self.findings.len(),
            self.took.as_secs()
        )
    }
}
