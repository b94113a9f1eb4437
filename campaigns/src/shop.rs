//! The example `shop` under pairs of devices that edit one cart each and order from it, while it is
//! killed: what was acknowledged, what was sold, what was paid and what is left must add up.

mod check;
mod desk;
mod device;
mod options;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::http::Connection;
use crate::interrupt;
use crate::seed::Seeded;
use crate::stage::Break;
use desk::{Desk, Sums, read};
use device::Devices;

pub use options::Options;

/// Up to how much later than it was due the server is killed.
const KILL_SPREAD: Duration = Duration::from_millis(50);

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    pairs: u32,
    kills: u32,
    acknowledged: u64,
    refused: u64,
    overtaken: u64,
    again: u64,
    replayed: u64,
    sums: Sums,
    wrong: u64,
    took: Duration,
}

/// Lets the devices work, and compares.
///
/// # Errors
/// When the campaign could not be carried out. Differences are no error but in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let stage = &options.stage;
    let seed = stage.seed();
    println!(
        "campaign shop: {} pairs of devices, {} edits each, {} kills, {} connections, seed {seed:#x}{}",
        options.pairs,
        options.edits,
        options.kills,
        options.connections,
        stage.said(),
    );
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let name = match stage.broken {
        None | Some(Break::NoKeys) => "shop",
        Some(_) => "shop-careless",
    };
    let launch = stage.launch_of(name, "shop", &folder.path().join("data"), folder.path())?;
    let mut numbers = Seeded::new(seed);
    let desk = Arc::new(Desk::new(options, &mut numbers));
    let begun = Instant::now();
    let mut server = launch.start()?;
    desk.stock_up(&mut Connection::new(launch.listen))?;
    let mut devices = Devices::start(&desk, launch.listen, options.connections, &mut numbers);
    let mut shown = Instant::now();
    let mut made = 0;
    for kill in 1..=options.kills {
        let goal = desk.goal * u64::from(kill) / u64::from(options.kills + 1);
        desk.wait_for(goal, &mut server, &mut shown)?;
        interrupt::pause(numbers.time_below(KILL_SPREAD))?;
        server.kill();
        made = kill;
        server = launch.start().with_context(|| format!("after kill {kill}"))?;
        if desk.is_wrong() {
            break;
        }
    }
    desk.wait_for(desk.goal, &mut server, &mut shown)?;
    devices.join()?;
    let patience = Duration::from_secs(options.patience);
    desk.calm(&mut Connection::new(launch.listen), patience)?;
    let sums = desk.add_up(&mut Connection::new(launch.listen))?;
    server.stop()?;
    let server = launch.start().context("after an orderly stop")?;
    if !desk.is_wrong() && desk.add_up(&mut Connection::new(launch.listen))? != sums {
        desk.find("the sums are others after an orderly stop".to_owned());
    }
    server.stop()?;
    desk.show_findings();
    Ok(Report {
        seed,
        pairs: options.pairs,
        kills: made,
        acknowledged: read(&desk.acknowledged),
        refused: read(&desk.refused),
        overtaken: read(&desk.overtaken),
        again: read(&desk.again),
        replayed: read(&desk.replayed),
        sums,
        wrong: read(&desk.wrong),
        took: begun.elapsed(),
    })
}

impl Report {
    /// Whether anything was found that must not be.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.wrong > 0
    }

    /// How many orders were paid and refused.
    #[must_use]
    pub fn orders(&self) -> (u64, u64) {
        (self.sums.paid, self.sums.refused)
    }

    /// How often a call was made again.
    #[must_use]
    pub fn again(&self) -> u64 {
        self.again
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sums { paid, refused, cents, pieces, single } = self.sums;
        write!(
            f,
            "shop: {} pairs, {} edits and checkouts acknowledged, {} refused, {} late for the cart that \
             was seen; {} calls made again, {} replays; {paid} orders paid with {cents} cents for {pieces} \
             pieces, {refused} refused; {single} customers had what everybody may have once; {} kills, \
             {} wrong; time: {:.0} s; seed {:#x}",
            self.pairs,
            self.acknowledged,
            self.refused,
            self.overtaken,
            self.again,
            self.replayed,
            self.kills,
            self.wrong,
            self.took.as_secs_f64(),
            self.seed,
        )
    }
}
