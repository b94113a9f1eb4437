//! The films that participants answer with, and what viewers say of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use conversation::normal;

#[derive(Clone, Debug)]
pub(crate) struct Films {
    titles: Vec<String>,
    /// By the normal form of the title: equal titles are one.
    ratings: BTreeMap<String, f64>,
}

impl Films {
    /// Reads the first `count` films of a table `title,rating,votes`.
    pub(crate) fn read(file: &Path, count: usize) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file);
        let text = text
            .with_context(|| format!("could not read {}; name it with --films", file.display()))?;
        let mut films = Self { titles: Vec::new(), ratings: BTreeMap::new() };
        for (line, row) in text.lines().enumerate().skip(1).take(count) {
            let mut columns = row.rsplitn(3, ',');
            let rating = columns.nth(1).and_then(|rating| rating.parse().ok());
            let (Some(rating), Some(title)) = (rating, columns.next()) else {
                bail!("line {} of {} is no film", line + 1, file.display());
            };
            films.ratings.entry(normal(title)).or_insert(rating);
            films.titles.push(title.to_owned());
        }
        if films.ratings.len() < 3 {
            bail!("{} has fewer than three films", file.display());
        }
        Ok(films)
    }

    /// The film that a participant answers with.
    pub(crate) fn title(&self, participant: u64) -> &str {
        &self.titles[participant as usize % self.titles.len()]
    }

    /// The public rating of a film by the normal form of its title; an average one for what is none.
    pub(crate) fn rating(&self, name: &str) -> f64 {
        self.ratings.get(name).copied().unwrap_or(5.0)
    }
}
