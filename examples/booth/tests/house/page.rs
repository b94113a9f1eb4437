//! The page as people see it, in a browser.

use tenure_campaigns::browser::Driver;
use tenure_campaigns::http::Connection;

use crate::bots::booth;

#[test]
fn seats_are_held_and_bought_on_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(driver) = Driver::start(folder.path()) else { return };
    let launch = booth(folder.path());
    let server = launch.start().expect("it starts");
    let url = format!("http://{}/?event=gala", launch.listen);
    let one = driver.open(&url);
    one.sees("#open");
    one.read("document.querySelector('[name=sections]').value = 2");
    one.read("document.querySelector('[name=rows]').value = 4");
    one.read("document.querySelector('[name=seats_per_row]').value = 8");
    one.click("#open button");
    one.shows("#house", "64");
    one.click("#section-B button");
    one.shows("#held", "1");
    one.shows("#sum", "64");
    one.wait("document.querySelectorAll('#section-B .map .h.mine').length === 1");
    one.click("#holds button.main");
    one.shows("#sold", "1");
    one.wait("document.querySelector('#holds').innerText.includes('bought')");

    // Another person sees it, and changes his mind.
    let other = driver.open(&url);
    other.shows("#free", "63");
    other.wait("document.querySelectorAll('#section-B .map .s').length === 1");
    other.click("#section-A button");
    other.click("#holds button:not(.main)");
    other.wait("document.querySelector('#mine').hidden");
    for page in [&one, &other] {
        page.shows("#verdict", "✓");
        page.shows("#note", "");
        page.shows("#link", "live");
        page.wait("document.documentElement.scrollWidth <= window.innerWidth");
    }
    drop((one, other));
    server.stop().expect("it stops in good order");
}

#[test]
fn the_page_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = booth(folder.path());
    let server = launch.start().expect("it starts");
    let mut connection = Connection::new(launch.listen);
    for path in ["/", "/booth.css", "/booth.js"] {
        assert!(connection.call("GET", path, "").expect("a page").len() > 100, "{path}");
    }
    server.stop().expect("it stops in good order");
}
