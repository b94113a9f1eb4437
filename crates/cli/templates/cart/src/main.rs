//! Shopping carts: one for each customer.

pub mod cart;

fn main() -> tenure::Result<()> {
    tenure::app().actor::<cart::Cart>().run()
}
