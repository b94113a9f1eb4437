//! The table of flights: a header, then one flight a line, `NA` where a value is missing.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use fleet::Flight;

/// A table that was read. Flight `i` has the row `first_row + i`.
pub(crate) struct Table {
    pub(crate) flights: Vec<Flight>,
}

/// Why a table cannot be loaded. No call was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error("could not read {path}: {source}; name the table with --file")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} has no column {column}")]
    NoColumn { path: PathBuf, column: &'static str },
    #[error("{path}:{line}: {what}")]
    Line { path: PathBuf, line: usize, what: String },
}

impl Table {
    /// Reads a whole table, some 200 bytes of memory a flight.
    pub(crate) fn read(path: &Path, first_row: u64) -> Result<Self, TableError> {
        let unreadable = |source| TableError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mut lines = text.lines();
        let columns = Columns::find(lines.next().unwrap_or_default())
            .map_err(|column| TableError::NoColumn { path: path.to_owned(), column })?;
        let mut flights = Vec::new();
        for (line, row) in lines.zip(first_row..) {
            let flight = columns.flight(line, row).map_err(|what| {
                let line = flights.len() + 2;
                TableError::Line { path: path.to_owned(), line, what }
            })?;
            flights.push(flight);
        }
        Ok(Self { flights })
    }
}

/// In which field of a line each value is.
struct Columns {
    count: usize,
    date: [usize; 3],
    carrier: usize,
    number: usize,
    tailnum: usize,
    origin: usize,
    dest: usize,
    distance: usize,
    dep_time: usize,
    dep_delay: usize,
    arr_time: usize,
    arr_delay: usize,
    air_time: usize,
}

impl Columns {
    fn find(header: &str) -> Result<Self, &'static str> {
        let names: Vec<&str> = header.split(',').collect();
        let at = |name| names.iter().position(|it| *it == name).ok_or(name);
        Ok(Self {
            count: names.len(),
            date: [at("year")?, at("month")?, at("day")?],
            carrier: at("carrier")?,
            number: at("flight")?,
            tailnum: at("tailnum")?,
            origin: at("origin")?,
            dest: at("dest")?,
            distance: at("distance")?,
            dep_time: at("dep_time")?,
            dep_delay: at("dep_delay")?,
            arr_time: at("arr_time")?,
            arr_delay: at("arr_delay")?,
            air_time: at("air_time")?,
        })
    }

    fn flight(&self, line: &str, row: u64) -> Result<Flight, String> {
        let fields: Vec<&str> = line.split(',').collect();
        // A quoted field may hide a comma: the number of fields would be right by chance only.
        if fields.len() != self.count || line.contains('"') {
            return Err(format!("{} plain fields are expected", self.count));
        }
        let [year, month, day] = self.date.map(|column| fields[column]);
        Ok(Flight {
            row,
            date: format!("{year}-{month:0>2}-{day:0>2}"),
            carrier: fields[self.carrier].to_owned(),
            number: value(fields[self.number])?,
            tailnum: known(fields[self.tailnum])?,
            origin: fields[self.origin].to_owned(),
            dest: fields[self.dest].to_owned(),
            distance: value(fields[self.distance])?,
            dep_time: known(fields[self.dep_time])?,
            dep_delay: known(fields[self.dep_delay])?,
            arr_time: known(fields[self.arr_time])?,
            arr_delay: known(fields[self.arr_delay])?,
            air_time: known(fields[self.air_time])?,
        })
    }
}

fn known<T: FromStr>(field: &str) -> Result<Option<T>, String> {
    if field == "NA" { Ok(None) } else { value(field).map(Some) }
}

fn value<T: FromStr>(field: &str) -> Result<T, String> {
    field.parse().map_err(|_| format!("{field:?} is no value of its column"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,\
        arr_delay,carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour";

    #[test]
    fn a_cancelled_flight_without_an_aircraft_is_read() {
        let columns = Columns::find(HEADER).expect("every column is there");
        let line = "2013,1,2,NA,1545,NA,NA,1910,NA,AA,133,NA,JFK,LAX,NA,2475,15,45,x";
        let flight = columns.flight(line, 9).expect("the line is well formed");
        assert_eq!((flight.row, flight.date.as_str(), flight.number), (9, "2013-01-02", 133));
        assert_eq!((flight.tailnum, flight.dep_time, flight.air_time), (None, None, None));
    }

    #[test]
    fn what_is_no_table_of_flights_is_refused() {
        assert_eq!(Columns::find("year,month,day").err(), Some("carrier"));
        let columns = Columns::find(HEADER).expect("every column is there");
        for line in [
            "",
            "2013,1,2",
            "2013,1,2,5x7,1545,NA,NA,1910,NA,AA,133,NA,JFK,LAX,NA,2475,15,45,x",
            "2013,1,2,NA,1545,NA,NA,1910,NA,\"A\",133,NA,JFK,LAX,NA,2475,15,45,x",
        ] {
            assert!(columns.flight(line, 1).is_err(), "{line}");
        }
    }
}
