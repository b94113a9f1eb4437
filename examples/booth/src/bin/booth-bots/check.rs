//! Whether the house has sold what the bots were told that they have, and to whom.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Answer, Client};
use crate::event::{Event, letter};

#[derive(Deserialize)]
struct Books {
    sold: BTreeMap<u16, String>,
    out: Vec<serde_json::Value>,
}

/// Compares the books of each section with the bots' tickets; what differs is found.
///
/// # Errors
/// When a section does not answer in time.
pub(crate) fn check(event: &Event, client: &mut Client) -> anyhow::Result<()> {
    if event.has_findings() {
        return Ok(());
    }
    for section in 0..event.sections {
        let name = letter(section);
        let path = format!("section/{}.{name}/books", event.name);
        // The section said that it is sold out, so every batch has come home.
        let books: Books = match client.post(&path, &json!({}), None)? {
            Answer::Reply(books) => serde_json::from_value(books)?,
            Answer::Refused { detail, .. } => bail!("{path}: {detail}"),
        };
        let tickets = event.tickets(section);
        if books.sold.len() as u32 != event.seats || !books.out.is_empty() {
            let (sold, out) = (books.sold.len(), books.out.len());
            event.find(format!(
                "{name}: {sold} of {} seats are sold, {out} batches out",
                event.seats
            ));
        }
        for (seat, buyer) in &books.sold {
            if tickets.get(seat) != Some(buyer) {
                let ticket = tickets.get(seat);
                event.find(format!(
                    "{name}/{seat} is sold to {buyer}, and its ticket is {ticket:?}"
                ));
            }
        }
        for (seat, buyer) in tickets.iter().filter(|(seat, _)| !books.sold.contains_key(seat)) {
            event.find(format!("{name}/{seat} is {buyer}'s, and the house has not sold it"));
        }
    }
    Ok(())
}
