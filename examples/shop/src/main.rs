//! Serves the shop.

use shop::{Allowance, Cart, Order, Payment, Stock};

fn main() -> tenure::Result<()> {
    tenure::app()
        .actor::<Cart>()
        .actor::<Order>()
        .actor::<Stock>()
        .actor::<Allowance>()
        .actor::<Payment>()
        .run()
}
