use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::kind::Kind;

/// The most arguments of a fault.
const ARGUMENTS_MAX: usize = 2;
/// The most faults of a plan that is read.
const FAULTS_MAX: usize = 100_000;

/// One thing that goes wrong, from when and for how long, in true time after the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins.
    pub at_ms: u64,
    /// How long it lasts.
    pub lasts_ms: u64,
    /// What goes wrong.
    pub kind: Kind,
    /// Its arguments, in the order of [`Kind::arguments`].
    pub arguments: Vec<i64>,
}

/// What goes wrong in a run, in the order in which it begins. Its text form has a line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// Why a text is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the plan: {why}; write `12.500 +3.000 pause node=2`")]
pub struct PlanError {
    line: usize,
    why: String,
}

impl Fault {
    /// The argument with this name; zero if the kind has none.
    #[must_use]
    pub fn argument(&self, name: &str) -> i64 {
        let at = self.kind.arguments().iter().position(|it| *it == name);
        at.and_then(|at| self.arguments.get(at)).copied().unwrap_or(0)
    }

    /// When it is over.
    #[must_use]
    pub fn ends(&self) -> Duration {
        Duration::from_millis(self.at_ms + self.lasts_ms)
    }
}

impl Plan {
    /// The same plan without the faults at these places.
    #[must_use]
    pub fn without(&self, places: &[usize]) -> Self {
        let kept = self.faults.iter().enumerate().filter(|(at, _)| !places.contains(at));
        Self { faults: kept.map(|(_, fault)| fault.clone()).collect() }
    }

    /// When the last fault is over.
    #[must_use]
    pub fn ends(&self) -> Duration {
        self.faults.iter().map(Fault::ends).max().unwrap_or_default()
    }
}

fn seconds(ms: u64) -> impl fmt::Display {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, lasts) = (seconds(self.at_ms), seconds(self.lasts_ms));
        write!(f, "{at} +{lasts} {}", self.kind.name())?;
        let named = self.kind.arguments().iter().zip(&self.arguments);
        named.into_iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    /// Reads its text form. Empty lines, and those that begin with `#`, say nothing.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let mut faults = Vec::new();
        for (line, text) in text.lines().enumerate() {
            let (line, text) = (line + 1, text.trim());
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if faults.len() >= FAULTS_MAX {
                return Err(PlanError { line, why: format!("more than {FAULTS_MAX} faults") });
            }
            faults.push(read(text).map_err(|why| PlanError { line, why })?);
        }
        Ok(Self { faults })
    }
}

fn read(line: &str) -> Result<Fault, String> {
    let mut words = line.split_whitespace();
    let mut word = |what: &str| words.next().ok_or_else(|| format!("no {what}"));
    let at_ms = read_ms(word("time")?)?;
    let lasts = word("duration")?;
    let lasts = lasts.strip_prefix('+').ok_or_else(|| format!("{lasts:?} has no +"))?;
    let lasts_ms = read_ms(lasts)?;
    let name = word("kind of fault")?;
    let kind = Kind::named(name).ok_or_else(|| format!("no kind of fault is called {name:?}"))?;
    let given: Vec<&str> = words.take(ARGUMENTS_MAX + 1).collect();
    let names = kind.arguments();
    if given.len() != names.len() {
        return Err(format!("{name} has the arguments {names:?}"));
    }
    let value = |(given, name): (&str, &&str)| {
        let value = given.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        let value = value.and_then(|value| value.parse::<i64>().ok());
        value.ok_or_else(|| format!("{given:?} is not {name}=NUMBER"))
    };
    let arguments = given.into_iter().zip(names).map(value).collect::<Result<_, _>>()?;
    Ok(Fault { at_ms, lasts_ms, kind, arguments })
}

fn read_ms(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a time in seconds");
    let (seconds, rest) = text.split_once('.').unwrap_or((text, "000"));
    let seconds: u64 = seconds.parse().map_err(|_| wrong())?;
    if rest.len() != 3 {
        return Err(wrong());
    }
    let rest: u64 = rest.parse().map_err(|_| wrong())?;
    seconds.checked_mul(1000).and_then(|ms| ms.checked_add(rest)).ok_or_else(wrong)
}
