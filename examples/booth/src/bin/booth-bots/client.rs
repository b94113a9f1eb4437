use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

/// How long a node may take for one call: longer than its own deadline, which says more.
const REPLY_MAX: Duration = Duration::from_secs(40);
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long a client waits before it tries the next node.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);

/// Calls any of the nodes, until one answers.
pub(crate) struct Client {
    agent: Agent,
    urls: Vec<String>,
    /// The node that is called.
    at: usize,
    patience: Duration,
    again: u64,
    slowest: Duration,
}

/// What a call came to.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Value),
    /// The application says no, or the call makes no sense.
    Refused {
        code: String,
        detail: String,
        error: Value,
    },
}

impl Client {
    /// One that begins with the node of this number.
    pub(crate) fn new(urls: &[String], first: usize, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(REPLY_MAX))
            .timeout_connect(Some(CONNECT_MAX))
            .http_status_as_error(false);
        let urls: Vec<String> =
            urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        let at = first % urls.len().max(1);
        Self { agent: config.build().into(), urls, at, patience, again: 0, slowest: Duration::ZERO }
    }

    /// How many calls were made again.
    pub(crate) fn again(&self) -> u64 {
        self.again
    }

    /// How long the slowest call took until it was answered.
    pub(crate) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// Makes a call until it is answered. What has an effect has a key, so that it has one effect however often it is made.
    ///
    /// # Errors
    /// When no node answers in time.
    pub(crate) fn post(
        &mut self,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let begun = Instant::now();
        let until = begun + self.patience;
        loop {
            let why = match self.try_post(path, body, key) {
                Ok(answer) => {
                    self.slowest = self.slowest.max(begun.elapsed());
                    return Ok(answer);
                }
                Err(why) => why,
            };
            if Instant::now() > until {
                bail!("{path} was not answered for {} s: {why}", self.patience.as_secs());
            }
            self.again += 1;
            self.at = (self.at + 1) % self.urls.len();
            thread::sleep(AGAIN_PAUSE);
        }
    }

    /// Makes a call once; without an answer it says why there is none.
    fn try_post(&self, path: &str, body: &Value, key: Option<&str>) -> Result<Answer, String> {
        let url = format!("{}/v1/{path}", self.urls[self.at]);
        let mut request = self.agent.post(&url).content_type("application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let reply = request.send(body.to_string()).map_err(|error| error.to_string())?;
        read(reply)
    }
}

fn read(mut reply: Response<ureq::Body>) -> Result<Answer, String> {
    let text = reply.body_mut().read_to_string().map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    if reply.status().is_success() {
        return Ok(Answer::Reply(body));
    }
    let detail = format!("{}: {}", reply.status(), body["detail"].as_str().unwrap_or(&text));
    match (body["outcome"].as_str(), body["retryable"].as_bool()) {
        // The application's own answer, also where it says: not now.
        (Some("executed"), _) | (Some("not-executed"), Some(false)) => {
            let code = body["code"].as_str().unwrap_or_default().to_owned();
            Ok(Answer::Refused { code, detail, error: body["error"].clone() })
        }
        _ => Err(detail),
    }
}
