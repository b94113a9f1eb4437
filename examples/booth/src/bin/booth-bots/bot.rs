use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::event::{Event, Figures, letter};
use crate::numbers::Numbers;

/// How long a bot waits where no seat is free.
const NONE_FREE_PAUSE: Duration = Duration::from_millis(100);

/// Holds seats, and buys some of them.
pub(crate) struct Bot {
    event: Arc<Event>,
    client: Client,
    number: u32,
    numbers: Numbers,
    /// How many seats it has asked for; names the next wish.
    wishes: u64,
    figures: Figures,
    /// Whom to ask next: where the last one had nothing, it said who has.
    hint: Option<(u32, u32)>,
    /// Whether there was no seat the last time: who had to wait buys what he gets.
    is_eager: bool,
}

impl Bot {
    pub(crate) fn new(event: Arc<Event>, client: Client, number: u32, numbers: Numbers) -> Self {
        let figures = Figures::default();
        Self { event, client, number, numbers, wishes: 0, figures, hint: None, is_eager: false }
    }

    /// Goes on until everything is sold.
    ///
    /// # Errors
    /// When a call was not answered in time.
    pub(crate) fn play(mut self) -> anyhow::Result<Figures> {
        loop {
            let on_sale = self.event.on_sale();
            let Some(section) = self.numbers.choose(&on_sale) else { break };
            if self.event.has_findings() {
                break;
            }
            let any = (section, self.numbers.below(u64::from(self.event.agents)) as u32);
            let (section, agent) = self.hint.take().unwrap_or(any);
            self.wish(section, agent)?;
        }
        (self.figures.again, self.figures.slowest) = (self.client.again(), self.client.slowest());
        Ok(self.figures)
    }

    fn wish(&mut self, section: u32, agent: u32) -> anyhow::Result<()> {
        self.wishes += 1;
        let buyer = format!("bot-{}-{}", self.number, self.wishes);
        let path = format!("agent/{}.{}.{agent}", self.event.name, letter(section));
        let key = format!("{buyer}-hold");
        let held =
            self.client.post(&format!("{path}/hold"), &json!({ "buyer": buyer }), Some(&key))?;
        match held {
            Answer::Reply(held) => {
                self.figures.holds += 1;
                self.decide(section, &path, &buyer, &held["hold"])
            }
            Answer::Refused { code, detail, error } => {
                match code.as_str() {
                    "sold_out" => self.event.is_sold_out(section),
                    "none_free" => {
                        let agents: Vec<u32> =
                            serde_json::from_value(error["NoneFree"]["agents"].clone())?;
                        let agent = self.numbers.choose(&agents);
                        self.hint = agent.map(|agent| (section, agent));
                        self.is_eager = true;
                        thread::sleep(NONE_FREE_PAUSE);
                    }
                    "unreached" => thread::sleep(NONE_FREE_PAUSE),
                    _ => self.event.find(format!("{path}/hold was refused: {detail}")),
                }
                Ok(())
            }
        }
    }

    fn decide(
        &mut self,
        section: u32,
        path: &str,
        buyer: &str,
        hold: &Value,
    ) -> anyhow::Result<()> {
        let body = json!({ "hold": hold, "buyer": buyer });
        let is_bought =
            std::mem::take(&mut self.is_eager) || self.numbers.below(100) < self.event.buy;
        if is_bought {
            let key = format!("{buyer}-buy");
            match self.client.post(&format!("{path}/buy"), &body, Some(&key))? {
                Answer::Reply(ticket) => {
                    let seat: u16 = serde_json::from_value(ticket["seat"].clone())?;
                    self.figures.bought += 1;
                    self.event.ticket(section, seat, buyer);
                }
                Answer::Refused { code, .. } if code == "expired" || code == "no_hold" => {
                    self.figures.late += 1;
                }
                Answer::Refused { detail, .. } => {
                    self.event.find(format!("{path}/buy was refused: {detail}"));
                }
            }
        } else if self.numbers.below(2) == 0 {
            let key = format!("{buyer}-release");
            match self.client.post(&format!("{path}/release"), &body, Some(&key))? {
                Answer::Reply(_) => self.figures.released += 1,
                Answer::Refused { detail, .. } => {
                    self.event.find(format!("{path}/release was refused: {detail}"));
                }
            }
        } else {
            self.figures.left += 1;
        }
        Ok(())
    }
}
