//! A cluster of real processes on PostgreSQL whose nodes are all restarted in good order, one after the other, by a build
//! whose stored forms differ: no call may fail, no acknowledged turn be lost, and no event be lost or doubled at those who
//! follow an actor.

mod balancer;
mod figures;
mod follow;
mod follower;
mod heard;
mod official;
mod options;
mod places;
mod source;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub use self::figures::Report;
use self::figures::Round;
use self::follow::Followers;
pub use self::options::{Options, Way};
use self::places::Places;
use crate::build::Build;
use crate::cluster::VOLATILE_TYPE;
use crate::cluster::client::{self, Crowd, Doors, Manner};
use crate::ground::Ground;
use crate::http::Connection;
use crate::interrupt;
use crate::scene::stored_types;
use crate::seed::Seeded;

/// How long it may take until all clients are served again.
const SERVED_MAX: Duration = Duration::from_secs(30);
/// A client waits longer than any deadline: a call that it would give up has failed.
const MANNER: Manner =
    Manner { method: "tell", patience: Duration::from_secs(40), waits_as_told: true };

struct Campaign<'a> {
    options: &'a Options,
    places: Places,
    crowds: Vec<Arc<Crowd>>,
    _ground: Ground,
    _folder: tempfile::TempDir,
}

/// Restarts all nodes again and again.
///
/// # Errors
/// When the campaign could not be carried out: a node did not start or stop, or clients were not served again.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.stage.seed();
    println!(
        "campaign roll: {} nodes, {} actors of each type, {} followers, {:?}, {} rounds, seed {seed:#x}{}",
        options.scene.nodes,
        options.scene.actors,
        options.followers,
        options.way,
        options.rounds,
        options.stage.said()
    );
    let began = Instant::now();
    let mut campaign = Campaign::prepare(options)?;
    let doors = Arc::clone(&campaign.places.doors);
    let (sources, clients) = (usize::from(options.followers), options.clients.as_deref());
    let followers = Followers::start(&doors, usize::from(options.scene.actors), sources, clients)?;
    let clients: Vec<_> = campaign.crowds.iter().flat_map(|crowd| crowd.start(&doors)).collect();
    let actors = u64::from(options.scene.actors);
    let mut report = Report::new(seed, options.way, options.scene.nodes, actors);
    let rolled = campaign.roll_all(&mut Seeded::new(seed), &mut report);
    client::end_all(&campaign.crowds, clients);
    rolled?;
    // Before calls are compared, which begins the book anew.
    let followed = followers.finish(campaign.places.calls(0), &campaign.crowds)?;
    campaign.verify(&mut report)?;
    report.heard(followed);
    report.took = began.elapsed();
    Ok(report)
}

impl<'a> Campaign<'a> {
    fn prepare(options: &'a Options) -> anyhow::Result<Self> {
        let ground = Ground::start(options.scene.table, false, false)?;
        let folder = tempfile::tempdir()?;
        let doors = Doors::new(Vec::new());
        let places = Places::start(options, &ground, folder.path(), doors)?;
        let actors = usize::from(options.scene.actors);
        let stored = stored_types().into_iter().map(|name| Crowd::new(name, actors, true, MANNER));
        let volatile = Crowd::new(VOLATILE_TYPE, actors, false, MANNER);
        let crowds = stored.chain([volatile]).collect();
        Ok(Self { options, places, crowds, _ground: ground, _folder: folder })
    }

    fn roll_all(&mut self, numbers: &mut Seeded, report: &mut Report) -> anyhow::Result<()> {
        let mut build = Build::default();
        for at in 1..=self.options.rounds {
            build = build.other();
            self.calm()?;
            report.calm.extend(self.waits());
            let before = self.places.counts()?;
            self.crowds.iter().for_each(|crowd| crowd.begin());
            let failed = self.failed();
            let began = Instant::now();
            for place in self.order(numbers) {
                self.places.replace(place, self.options.way, build)?;
            }
            let took = began.elapsed();
            self.served()?;
            let pauses = self.waits();
            let moved = self.places.counts()?.since(&before);
            let failed = self.failed() - failed;
            let round = Round { build, took, moved, failed, pauses };
            println!("round {at}/{}: {round}", self.options.rounds);
            report.take(round);
        }
        Ok(())
    }

    /// Every place once, in an order that is drawn: who goes first is restarted when nobody is new.
    fn order(&self, numbers: &mut Seeded) -> Vec<usize> {
        let mut places: Vec<usize> = (0..usize::from(self.options.scene.nodes)).collect();
        for last in (1..places.len()).rev() {
            places.swap(last, numbers.below(last as u64 + 1) as usize);
        }
        places
    }

    /// Every client is served for a while.
    fn calm(&self) -> anyhow::Result<()> {
        self.crowds.iter().for_each(|crowd| crowd.begin());
        self.served()?;
        self.crowds.iter().for_each(|crowd| crowd.begin());
        interrupt::pause(Duration::from_secs(self.options.calm))?;
        self.served()
    }

    fn served(&self) -> anyhow::Result<()> {
        client::until_served(&self.crowds, SERVED_MAX)
    }

    fn waits(&self) -> Vec<Duration> {
        self.crowds.iter().flat_map(|crowd| crowd.waits()).collect()
    }

    /// Calls of which nobody told their clients to make them again.
    fn failed(&self) -> u64 {
        self.crowds.iter().map(|crowd| crowd.unknown.load(Ordering::Relaxed)).sum()
    }

    /// Compares what was acknowledged with what a node says.
    fn verify(&self, report: &mut Report) -> anyhow::Result<()> {
        let mut connection = Connection::new(self.places.calls(0));
        for crowd in &self.crowds {
            report.acknowledged += crowd.acknowledged.load(Ordering::Relaxed);
            report.retried += crowd.not_executed.load(Ordering::Relaxed);
            report.failed += crowd.unknown.load(Ordering::Relaxed);
            for (answer, count) in crowd.answers() {
                *report.answers.entry(answer).or_default() += count;
            }
            let findings = crowd.verify(&mut connection)?.findings;
            let texts = findings.iter().map(|it| format!("{} {it}", crowd.actor_type));
            report.findings.extend(texts);
        }
        Ok(())
    }
}
