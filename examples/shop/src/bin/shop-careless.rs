//! The shop without one of its mechanisms, which `CAMPAIGN_BREAK` names: the campaign on the shop
//! must notice. Nobody else has a use for it.

use shop::drill::{self, Drill};
use shop::{Allowance, Cart, Order, Payment, Stock};

fn main() -> tenure::Result<()> {
    drill::begin(match std::env::var("CAMPAIGN_BREAK").as_deref() {
        Ok("no-compensation") => Drill::NoCompensation,
        Ok("no-reminders") => Drill::NoReminders,
        _ => Drill::None,
    });
    tenure::app()
        .actor::<Cart>()
        .actor::<Order>()
        .actor::<Stock>()
        .actor::<Allowance>()
        .actor::<Payment>()
        .run()
}
