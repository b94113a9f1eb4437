//! The films that participants answer with.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::job::normal;

/// So many answers the pool has.
pub(crate) const FILMS: usize = 500;

/// Reads the first films of a table `title,rating,votes` whose titles differ.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| {
        format!("could not read {}; run this in the project's folder", file.display())
    })?;
    let films = titles(&text);
    ensure!(films.len() == FILMS, "{} has too few films", file.display());
    Ok(films)
}

fn titles(text: &str) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    let titles = text.lines().skip(1).filter_map(|row| row.rsplitn(3, ',').nth(2));
    // A title goes into JSON as it is.
    let plain = titles.filter(|title| !title.contains(['"', '\\']) && !normal(title).is_empty());
    plain.filter(|title| names.insert(normal(title))).take(FILMS).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::titles;

    #[test]
    fn equal_titles_are_one() {
        let text = "title,rating,votes\nSe7en,8.6,1\nOne, two,8.0,1\nse7en!,8.0,1\n";
        assert_eq!(titles(text), ["Se7en", "One, two"]);
    }
}
