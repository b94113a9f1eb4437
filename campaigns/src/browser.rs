//! Chromium, driven over the WebDriver protocol by the program that Debian's `chromium-driver` brings.
//!
//! The protocol is JSON over HTTP, and seven of its commands are used. It is for tests: what goes wrong panics.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

/// How long a page may take to show what it is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a command may take: a browser starts slowly beside other tests.
const COMMAND_MAX: Duration = Duration::from_secs(120);
/// The name that the protocol gives to the identifier of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Without a screen. What runs as root has no sandbox; `/dev/shm` of a container is small. Over a pipe the browser
/// ends with its driver, whatever ends that.
const ARGUMENTS: [&str; 5] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--remote-debugging-pipe",
];
/// Waits in the page, so that nobody asks again and again: looks at the condition after each change of the document.
const WAIT: &str = r"
    const [condition, patience, done] = arguments;
    const holds = new Function('return (' + condition + ')');
    let timer;
    const look = () => {
        if (!holds()) return false;
        observer.disconnect();
        clearTimeout(timer);
        done(null);
        return true;
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
    timer = setTimeout(() => {
        observer.disconnect();
        done(document.body.innerText);
    }, patience);
    look();
";

/// The driver, which starts browsers. Ends when dropped, and its browsers with it.
pub struct Driver {
    child: Child,
    url: String,
    agent: Agent,
}

/// A browser of one person's, with a profile of its own: nothing is shared with another.
pub struct Browser<'a> {
    driver: &'a Driver,
    /// Where its commands go.
    url: String,
}

impl Driver {
    /// Starts the driver, whose browsers keep their profiles in `folder`. Without one there is none, and the reason
    /// is printed.
    ///
    /// # Panics
    /// When the driver does not say where it listens.
    #[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
    pub fn start(folder: &Path) -> Option<Self> {
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                let get = "`cargo xtask ci` and `apt-get install chromium-driver` bring it";
                eprintln!("skipped: no chromedriver ({error}); {get}");
                return None;
            }
        };
        let output = child.stdout.take().expect("its output is a pipe");
        let agent = Agent::config_builder()
            .timeout_global(Some(COMMAND_MAX))
            .http_status_as_error(false)
            .build()
            .into();
        let mut driver = Self { child, url: String::new(), agent };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let started = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        driver.url = format!("http://127.0.0.1:{}", started.expect("the driver says its port"));
        // It never waits for a reader of its output.
        std::thread::spawn(move || lines.for_each(drop));
        Some(driver)
    }

    /// Opens a page in a browser of its own, as large as a telephone.
    ///
    /// # Panics
    /// When the browser does not start.
    pub fn open(&self, url: &str) -> Browser<'_> {
        let size = ["--window-size=390,844"];
        let arguments: Vec<_> = ARGUMENTS.iter().chain(&size).collect();
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "timeouts": {"script": (PATIENCE * 2).as_millis() as u64},
        });
        let session = self.command(
            &format!("{}/session", self.url),
            &json!({"capabilities": {"alwaysMatch": wanted}}),
        );
        let id = session["sessionId"].as_str().expect("a session has an id");
        let browser = Browser { driver: self, url: format!("{}/session/{id}", self.url) };
        browser.command("url", &json!({"url": url}));
        browser
    }

    fn command(&self, url: &str, body: &Value) -> Value {
        let reply = self.agent.post(url).content_type("application/json").send(body.to_string());
        let mut reply = reply.expect("the driver answers");
        let text = reply.body_mut().read_to_string().expect("the driver's answer is text");
        let answer: Value = serde_json::from_str(&text).expect("the driver answers with JSON");
        assert!(reply.status().is_success(), "{url} {body}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Browser<'_> {
    /// Waits until a condition in JavaScript holds, which is looked at whenever the document changes.
    ///
    /// # Panics
    /// When it does not hold in time, with what the page shows.
    #[track_caller]
    pub fn wait(&self, condition: &str) {
        let arguments = json!([condition, PATIENCE.as_millis() as u64]);
        let shown = self.command("execute/async", &json!({"script": WAIT, "args": arguments}));
        assert!(
            shown.is_null(),
            "never: {condition}\nthe page shows:\n{}",
            shown.as_str().unwrap_or_default()
        );
    }

    /// Waits until an element shows a text, and nothing else.
    ///
    /// # Panics
    /// As [`Browser::wait`].
    #[track_caller]
    pub fn shows(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.wait(&format!("document.querySelector({selector})?.innerText.trim() === {text}"));
    }

    /// Waits until an element can be seen.
    ///
    /// # Panics
    /// As [`Browser::wait`].
    #[track_caller]
    pub fn sees(&self, selector: &str) {
        self.wait(&format!("document.querySelector({})?.checkVisibility()", json!(selector)));
    }

    /// What an expression in JavaScript gives.
    ///
    /// # Panics
    /// When it throws.
    pub fn read(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until an element can be pressed, and presses it with the mouse.
    ///
    /// # Panics
    /// As [`Browser::wait`].
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.wait(&format!(
            "(it => it?.checkVisibility() && !it.disabled && it.ariaDisabled !== 'true')(document.querySelector({}))",
            json!(selector)
        ));
        self.command(&format!("element/{}/click", self.element(selector)), &json!({}));
    }

    /// Types into an element that can be seen.
    ///
    /// # Panics
    /// As [`Browser::wait`].
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        self.sees(selector);
        self.command(&format!("element/{}/value", self.element(selector)), &json!({"text": text}));
    }

    fn element(&self, selector: &str) -> String {
        let found = json!({"using": "css selector", "value": selector});
        let found = self.command("element", &found);
        found[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.driver.command(&format!("{}/{name}", self.url), body)
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        // Ends the browser and removes its profile. Where the driver is gone, so is the browser.
        drop(self.driver.agent.delete(&self.url).call());
    }
}
