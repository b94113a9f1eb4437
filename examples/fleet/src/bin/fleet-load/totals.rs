//! The totals of every actor, as lines that another program can compute from the table alone.

use std::time::Duration;

use fleet::{Aircraft, Airline, Airport, Delay, Position, Tally};
use hyper::Method;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use crate::client::{Client, Site};
use crate::load::{LoadError, insist};
use crate::plan::targets;
use crate::table::Table;
use crate::target::Target;

/// Asks every actor that `table` names for its totals; gives one line each, two for an airport
/// that flights left from and came to, sorted by their bytes.
pub(crate) async fn totals(
    site: Site,
    table: &Table,
    connections: usize,
    patience: Duration,
) -> Result<Vec<String>, LoadError> {
    let mut shares: Vec<Vec<Target>> = vec![Vec::new(); connections];
    for (index, target) in targets(table).into_keys().enumerate() {
        shares[index % connections].push(target);
    }
    let mut readers = JoinSet::new();
    for share in shares {
        readers.spawn(read(Client::new(site.clone()), share, patience));
    }
    let mut lines = Vec::new();
    while let Some(ended) = readers.join_next().await {
        lines.extend(ended??);
    }
    lines.sort_unstable();
    Ok(lines)
}

async fn read(
    mut client: Client,
    targets: Vec<Target>,
    patience: Duration,
) -> Result<Vec<String>, LoadError> {
    let mut lines = Vec::new();
    for target in targets {
        let path = target.path("totals");
        let call = (Method::GET, path.as_str(), Bytes::new());
        let reply = insist(&mut client, call, patience, |_| ()).await?;
        let shown = show(&target, &reply).map_err(|_| {
            let reply = String::from_utf8_lossy(&reply).into_owned();
            LoadError::Strange { path, reply }
        })?;
        lines.extend(shown);
    }
    Ok(lines)
}

fn show(target: &Target, reply: &[u8]) -> serde_json::Result<Vec<String>> {
    let key = &target.key;
    Ok(match target.kind {
        "aircraft" => {
            let aircraft: Aircraft = serde_json::from_slice(reply)?;
            vec![line(target.kind, key, &aircraft.tally, aircraft.position.as_ref())]
        }
        "airline" => {
            let airline: Airline = serde_json::from_slice(reply)?;
            vec![line(target.kind, key, &airline.tally, None)]
        }
        _ => {
            let airport: Airport = serde_json::from_slice(reply)?;
            [("airport_departures", airport.departures), ("airport_arrivals", airport.arrivals)]
                .iter()
                .filter(|(_, tally)| tally.flights > 0)
                .map(|(kind, tally)| line(kind, key, tally, None))
                .collect()
        }
    })
}

fn line(kind: &str, key: &str, tally: &Tally, position: Option<&Position>) -> String {
    let max = |delay: &Delay| delay.max.map_or("NA".to_owned(), |minutes| minutes.to_string());
    let position = position.map_or("-".to_owned(), |seen| {
        format!("{} {} {:02}:{:02}", seen.airport, seen.date, seen.time / 100, seen.time % 100)
    });
    format!(
        "{kind},{key},{},{},{},{},{},{},{},{},{},{},{position}",
        tally.flights,
        tally.cancelled,
        tally.departed,
        tally.departure_delay.sum,
        max(&tally.departure_delay),
        tally.completed,
        tally.arrival_delay.sum,
        max(&tally.arrival_delay),
        tally.air_time,
        tally.miles,
    )
}
