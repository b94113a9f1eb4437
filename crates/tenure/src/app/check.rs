//! `check`: whether the program reads what the one before it stored, and understands its callers.

mod file;
mod report;
mod stored;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tenure_actor::ActorType;

use super::screen;
use crate::config::Settings;
use crate::schemas::{Finding, Level, Program, compare};
use crate::{Error, Result};
use file::{FileError, SchemasFile};
use report::Report;
use stored::StoreReport;

/// The file that says what the program was.
const FILE_DEFAULT: &str = "tenure.schemas.json";

/// How many stored records of each type are read.
const RECORDS_DEFAULT: usize = 1_000;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Check {
    /// Write the file, so that later checks compare with the program as it is now
    #[arg(long)]
    update: bool,
    /// With --update: write it although the change is incompatible, or the file damaged
    #[arg(long, requires = "update")]
    force: bool,
    /// Fail as well where the file only lags behind: the program is compatible, and another one
    #[arg(long, conflicts_with = "update")]
    strict: bool,
    /// Warn of changes that callers of the old program do not understand, instead of refusing them
    #[arg(long)]
    allow_breaking_calls: bool,
    /// The file that says what the program was
    #[arg(long, value_name = "FILE", default_value = FILE_DEFAULT)]
    schemas: PathBuf,
    /// Leave the store alone
    #[arg(long)]
    no_store: bool,
    /// How many stored records of each type are read
    #[arg(long, value_name = "N", default_value_t = RECORDS_DEFAULT)]
    records: usize,
    /// How the result is written
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,
}

const AFTER_HELP: &str = "\
Ends with 0 if nothing incompatible was found, with 1 if something was, and with 2 if it could not \
be checked. With --strict a file that says something else than the program is a reason for 1, too. What has no schema is named as not checked and is no reason for 1.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The types of a program that has some, all of which can be described.
///
/// # Errors
/// [`Error::Usage`] otherwise.
pub(super) fn described(
    types: &[std::result::Result<ActorType, String>],
) -> Result<Vec<ActorType>> {
    let mut described = Vec::new();
    for actor_type in types {
        described.push(actor_type.clone().map_err(|error| Error::Usage(error.into()))?);
    }
    if described.is_empty() {
        let what = "there is nothing to describe; register a type with .actor::<..>()";
        return Err(Error::Usage(what.into()));
    }
    Ok(described)
}

impl Check {
    /// Compares, prints, and writes the file where that is asked for.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when something was found, [`Error::Usage`] when nothing could be
    /// checked.
    pub(super) fn run(
        &self,
        types: &[std::result::Result<ActorType, String>],
        settings: &Settings,
    ) -> Result<()> {
        let described = described(types)?;
        let program = Program::of(&described);
        let file = SchemasFile::new(&self.schemas);
        let old = match file.read() {
            Ok(old) => old,
            Err(FileError::Document(_)) if self.force => None,
            Err(error) => return Err(Error::Usage(error.to_string().into())),
        };
        if old.is_none() && !self.update {
            return Err(Error::Usage(
                format!(
                    "there is no {} to compare with; write it with `check --update` and commit it",
                    self.schemas.display()
                )
                .into(),
            ));
        }
        let mut findings = compare(old.as_ref().unwrap_or(&program), &program);
        let store = if self.no_store || self.update {
            StoreReport::Skipped
        } else {
            stored::check(&described, settings, self.records)
        };
        findings.extend_from_slice(store.findings());
        let report = Report {
            findings: self.judged(findings),
            is_update: self.update,
            has_file: old.is_some(),
            is_recorded: old.as_ref() == Some(&program.as_read()),
            types: described.len(),
            file: &self.schemas,
            store,
        };
        screen::print(&match self.output {
            Output::Text => report.text(),
            Output::Json => report.json(),
        });
        self.end(&report, &program, &file)
    }

    fn end(&self, report: &Report<'_>, program: &Program, file: &SchemasFile<'_>) -> Result<()> {
        let problems = report.problems();
        if problems > 0 && !self.force {
            let kept = if self.update { "; nothing was written" } else { "" };
            let what =
                if problems == 1 { "one incompatible change" } else { "incompatible changes" };
            let many = if problems == 1 { String::new() } else { format!("{problems} ") };
            return Err(Error::Incompatible(format!("{many}{what}{kept}").into()));
        }
        if self.strict && !report.is_recorded {
            let file = self.schemas.display();
            let what = format!(
                "{file} lags behind the program; write it with `check --update` and commit it"
            );
            return Err(Error::Incompatible(what.into()));
        }
        if self.update {
            let written =
                file.write(program).map_err(|error| Error::Usage(error.to_string().into()))?;
            if self.output == Output::Text {
                let (path, what) =
                    (self.schemas.display(), if written { "written" } else { "as it was" });
                screen::print(&format!("{path} is {what}\n"));
            }
        }
        Ok(())
    }

    fn judged(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        if self.allow_breaking_calls {
            for finding in findings.iter_mut().filter(|it| it.level == Level::BreaksCalls) {
                finding.level = Level::Warning;
            }
        }
        findings.sort_by_key(|finding| finding.level);
        findings
    }
}
