//! Serves upload slots.

use uploads::Uploads;

fn main() -> tenure::Result<()> {
    tenure::app().actor::<Uploads>().run()
}
