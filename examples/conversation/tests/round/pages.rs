//! A round as people see it: on the pages, in browsers.

use tenure_campaigns::browser::{Browser, Driver};
use tenure_campaigns::http::Connection;

use crate::programs::{node, ranking};

const QUESTION: &str = "Which film should everybody see?";
/// What each of the two participants answers; each compares the other's, two at a time.
const ANSWERS: [[&str; 3]; 2] =
    [["Alien", "Brazil", "Casablanca"], ["Dune", "Eraserhead", "Fargo"]];
const PAIRS: usize = 3;

/// The pages of a conversation, each in a browser of its own.
struct Round<'a> {
    moderator: Browser<'a>,
    participants: [Browser<'a>; 2],
}

impl<'a> Round<'a> {
    fn open(driver: &'a Driver, url: &str) -> Self {
        let moderator = driver.open(&format!("{url}moderator"));
        let participants = [driver.open(url), driver.open(url)];
        for participant in &participants {
            participant.sees("#waiting");
        }
        Self { moderator, participants }
    }

    fn all(&self) -> [&Browser<'a>; 3] {
        [&self.moderator, &self.participants[0], &self.participants[1]]
    }

    fn ask(&self) {
        self.moderator.type_into("#word", "secret");
        self.moderator.click("#enter button");
        self.moderator.type_into("#ask input", QUESTION);
        self.moderator.click("#ask button");
        for participant in &self.participants {
            participant.shows("#question", QUESTION);
        }
    }

    fn enter(&self, phase: &str) {
        self.moderator.click(&format!("[data-phase={phase}]"));
        self.moderator.sees(&format!("[data-phase={phase}][aria-pressed=true]"));
    }

    fn answer(&self) {
        for (participant, texts) in self.participants.iter().zip(ANSWERS) {
            for (at, text) in texts.iter().enumerate() {
                participant.type_into("#say input", text);
                participant.click("#say button");
                // One's own answers are there at once, whatever others see.
                participant.shows(&format!("#answers li:nth-child({})", at + 1), text);
            }
        }
    }

    fn all_show(&self, link: &str) {
        for page in self.all() {
            page.shows("#link", link);
        }
    }
}

fn has_compared(participant: &Browser<'_>, pairs: usize) {
    let pairs = if pairs == 1 { "1 pair".to_owned() } else { format!("{pairs} pairs") };
    participant.shows("#count", &format!("You have compared {pairs}."));
}

#[test]
fn a_round_on_the_pages_outlasts_a_restart_without_a_reload() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(driver) = Driver::start(folder.path()) else { return };
    let launch = node(folder.path());
    let server = launch.start().expect("the node starts");
    let round = Round::open(&driver, &format!("http://{}/", launch.listen));
    let [one, other] = &round.participants;
    round.ask();
    let learner = ranking(&launch, &folder.path().join("ranking.json"));
    round.enter("answering");
    round.answer();
    round.enter("comparing");
    // One with the mouse, the other with a key.
    one.click("#left");
    other.sees("#pair");
    other.type_into("body", "2");
    for participant in &round.participants {
        has_compared(participant, 1);
        participant.sees("#pair");
    }

    round.all_show("live");
    for page in round.all() {
        // A document that was loaded anew does not know this.
        page.read("window.isTheFirst = true");
    }
    server.stop().expect("it stops in good order");
    round.all_show("reconnecting…");
    // What is chosen while the node is away counts once it is back.
    one.click("#right");
    let server = launch.start().expect("the node starts again");
    round.all_show("live");
    has_compared(one, 2);
    one.click("#left");
    other.click("#left");
    has_compared(other, 2);
    other.click("#right");
    for participant in &round.participants {
        has_compared(participant, PAIRS);
        // There are no more pairs of others' answers.
        participant.sees("#none");
    }
    for (name, count) in [("participants", 2), ("answers", 6), ("comparisons", 2 * PAIRS)] {
        round.moderator.shows(&format!("#{name}"), &count.to_string());
    }
    round.moderator.wait("document.querySelectorAll('#ranked tr').length === 6");

    round.enter("closed");
    for participant in &round.participants {
        participant.sees("#closed");
        participant.wait("!document.querySelector('#say').checkVisibility()");
    }
    for page in round.all() {
        assert_eq!(page.read("window.isTheFirst"), true, "the page was loaded anew");
        page.shows("#note", "");
    }
    drop(learner);
    server.stop().expect("it stops in good order");
}

#[test]
fn the_pages_are_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = node(folder.path());
    let server = launch.start().expect("the node starts");
    let mut connection = Connection::new(launch.listen);
    for path in ["/", "/moderator", "/page.css", "/session.js", "/centrifuge.js"] {
        assert!(connection.call("GET", path, "").expect("a page").len() > 100, "{path}");
    }
    let participant = connection.call("GET", "/", "").expect("a page");
    assert!(participant.contains("participant.js"), "{participant}");
    server.stop().expect("it stops in good order");
}
