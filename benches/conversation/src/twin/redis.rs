//! The twin on Redis: a script that submits, with the reads behind it, in one pipeline on one connection.

use std::time::Duration;

use anyhow::Context;
use axum::http::StatusCode;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Script, Value};

use super::{Checked, Enter, Open, Refusal};
use crate::job::{
    ANSWERS_MAX, Answer, DRAWS_MAX, OTHERS_DRAWN, OTHERS_MAX, POOL_MAX, PROMPTS_MAX, Prompt,
    Submitted, conversation_of, normal,
};

/// The client gives up after half a second unless told otherwise, which a slow sync of the disk may take.
const RESPONSE_TIME_MAX: Duration = Duration::from_secs(10);
const SUBMIT: &str = include_str!("submit.lua");

pub(crate) struct Redis {
    connection: MultiplexedConnection,
    script: Script,
}

/// The names of a participant's keys and of those of their conversation.
struct Keys {
    conversation: String,
    names: String,
    pool: String,
    answers: String,
    seen: String,
    prompts: String,
    choices: String,
}

impl Keys {
    fn of(participant: &str) -> Self {
        let conversation = conversation_of(participant);
        Self {
            conversation: format!("c:{conversation}"),
            names: format!("c:{conversation}:names"),
            pool: format!("c:{conversation}:pool"),
            answers: format!("p:{participant}:answers"),
            seen: format!("p:{participant}:seen"),
            prompts: format!("p:{participant}:prompts"),
            choices: format!("p:{participant}:choices"),
        }
    }

    fn all(&self) -> [&str; 7] {
        let Self { conversation, names, pool, answers, seen, prompts, choices } = self;
        [conversation, names, pool, answers, seen, prompts, choices]
    }
}

impl Redis {
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let client = Client::open(url).context("the address of the store")?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIME_MAX));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let script = Script::new(SUBMIT);
        script.load_async(&mut connection).await?;
        Ok(Self { connection, script })
    }

    pub(super) async fn submit(&self, key: &str, made: Checked) -> Result<Submitted, Refusal> {
        let keys = Keys::of(key);
        let mut submit = redis::cmd("EVALSHA");
        submit.arg(self.script.get_hash()).arg(7).arg(&keys.all());
        match &made {
            Checked::Answer { name, text } => submit.arg(name).arg(text).arg("").arg(""),
            Checked::Choice { number, is_left } => {
                submit.arg("").arg("").arg(number).arg(if *is_left { "left" } else { "right" })
            }
        };
        submit.arg(ANSWERS_MAX).arg(POOL_MAX).arg(PROMPTS_MAX).arg(DRAWS_MAX);
        let mut pipeline = redis::pipe();
        pipeline.add_command(submit);
        pipeline.add_command(Cmd::hvals(&keys.answers));
        pipeline.add_command(Cmd::hlen(&keys.choices));
        pipeline.add_command(Cmd::srandmember_multiple(&keys.pool, OTHERS_DRAWN as isize));
        let mut connection = self.connection.clone();
        let replies: (Value, Vec<String>, i64, Vec<String>) =
            pipeline.query_async(&mut connection).await.map_err(refusal)?;
        let (handed_out, answers, compared, others) = replies;
        let names: Vec<String> = answers.iter().map(|text| normal(text)).collect();
        let others = others.iter().filter_map(|it| it.split_once('\n'));
        let others = others.filter(|(name, _)| !names.iter().any(|own| own == name));
        let others = others.take(OTHERS_MAX).map(|(_, text)| text.to_owned()).collect();
        Ok(Submitted { prompt: prompt(handed_out)?, answers, compared, others })
    }

    pub(super) async fn open(&self, name: &str, open: &Open) -> Result<(), Refusal> {
        let script = Script::new(
            "redis.call('HSETNX', KEYS[1], 'moderator', ARGV[2])
             if redis.call('HGET', KEYS[1], 'moderator') ~= ARGV[2] then return 0 end
             redis.call('HSET', KEYS[1], 'question', ARGV[1])
             return 1",
        );
        self.moderate(&script, name, &open.question, &open.moderator).await
    }

    pub(super) async fn enter(&self, name: &str, enter: &Enter) -> Result<(), Refusal> {
        let script = Script::new(
            "if redis.call('HGET', KEYS[1], 'moderator') ~= ARGV[2] then return 0 end
             redis.call('HSET', KEYS[1], 'phase', ARGV[1])
             return 1",
        );
        self.moderate(&script, name, &enter.phase, &enter.moderator).await
    }

    async fn moderate(
        &self,
        script: &Script,
        name: &str,
        value: &str,
        moderator: &str,
    ) -> Result<(), Refusal> {
        let mut call = script.key(format!("c:{name}"));
        let mut connection = self.connection.clone();
        match call.arg(value).arg(moderator).invoke_async(&mut connection).await {
            Ok(1) => Ok(()),
            Ok(_) => Err(Refusal::new(StatusCode::FORBIDDEN, "only the moderator may do that")),
            Err(error) => Err(refusal(error)),
        }
    }
}

fn prompt(handed_out: Value) -> Result<Option<Prompt>, Refusal> {
    if handed_out == Value::Array(Vec::new()) {
        return Ok(None);
    }
    let (number, left, right): (i32, String, String) =
        redis::from_redis_value(handed_out).map_err(Refusal::store)?;
    let answer = |it: &str| {
        let (name, text) = it.split_once('\n').unwrap_or((it, it));
        Answer { name: name.to_owned(), text: text.to_owned() }
    };
    Ok(Some(Prompt { number, left: answer(&left), right: answer(&right), chosen: None }))
}

fn refusal(error: redis::RedisError) -> Refusal {
    let status = error.code().and_then(|code| code.strip_prefix("TW")?.parse().ok());
    match status.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => Refusal::new(status, error.detail().unwrap_or("refused")),
        None => Refusal::store(error),
    }
}
