//! CSV: a row per order, with the sample's fields in each. The rows of a sample stand together; a sample without orders has one row, with
//! the order's fields empty.

use std::{fs::File, io::BufReader, path::Path};

use csv::StringRecord;
use rewards::{
    book::{OrderRecord, Record, Side, Status, parse_address},
    decimal,
};

use super::{Reading, Visitor};
use crate::Error;

/// The columns, in the order in which they are written.
pub(super) const COLUMNS: [&str; 13] = [
    "epoch", "minute", "market", "time_ms", "seq", "status", "best_bid", "best_ask", "account", "id", "side", "price",
    "size",
];

/// How many of them belong to the sample.
const HEAD: usize = 8;

/// Reads a whole file; returns its number of lines.
pub(super) fn read<V: Visitor>(path: &Path, reading: &mut Reading<'_, V>) -> Result<u64, Error> {
    let file = File::open(path).map_err(Error::at(path))?;
    let mut reader = csv::Reader::from_reader(BufReader::with_capacity(1 << 18, file));
    let columns = match reader.headers().map(columns) {
        Ok(Ok(columns)) => columns,
        Ok(Err(missing)) => {
            reading.complain(1, missing);
            return Ok(1);
        }
        Err(error) => {
            refuse(path, 1, error, reading)?;
            return Ok(1);
        }
    };
    let mut sample = Sample { columns, rows: Vec::new(), used: 0, is_broken: false, next_is_broken: false };
    loop {
        let line = reader.position().line();
        match reader.read_record(sample.next()) {
            Ok(false) => {
                sample.finish(reading);
                return Ok(reader.position().line());
            }
            Ok(true) => sample.take(reading),
            Err(error) => {
                (sample.is_broken, sample.next_is_broken) = (true, true);
                refuse(path, line, error, reading)?;
            }
        }
    }
}

fn refuse<V: Visitor>(path: &Path, line: u64, error: csv::Error, reading: &mut Reading<'_, V>) -> Result<(), Error> {
    let line = error.position().map_or(line, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Err(Error::at(path)(error)),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            reading.complain(line, format!("{len} fields, not {expected_len}"));
            Ok(())
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            reading.complain(line, err);
            Ok(())
        }
        _ => {
            reading.complain(line, "not CSV");
            Ok(())
        }
    }
}

fn columns(header: &StringRecord) -> Result<[usize; 13], String> {
    let mut places = [0; 13];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        *place = header.iter().position(|column| column == name).ok_or_else(|| format!("no column `{name}`"))?;
    }
    Ok(places)
}

/// The rows of one sample. Buffers are used again.
struct Sample {
    columns: [usize; 13],
    rows: Vec<StringRecord>,
    /// How many of the rows are the sample's; the one behind them is being read.
    used: usize,
    /// A row that could not be read may have been one of this sample's, and it is worth nothing without it.
    is_broken: bool,
    /// Or one of the next sample's, unless more of this one follow.
    next_is_broken: bool,
}

impl Sample {
    fn next(&mut self) -> &mut StringRecord {
        if self.rows.len() == self.used {
            self.rows.push(StringRecord::new());
        }
        &mut self.rows[self.used]
    }

    fn field(&self, row: usize, column: usize) -> &str {
        self.rows[row].get(self.columns[column]).unwrap_or_default()
    }

    fn line(&self, row: usize) -> u64 {
        self.rows[row].position().map_or(0, csv::Position::line)
    }

    /// Takes the row just read: one more of this sample, or the first of the next.
    fn take<V: Visitor>(&mut self, reading: &mut Reading<'_, V>) {
        let new = self.used;
        if new > 0 && (0..HEAD).any(|column| self.field(0, column) != self.field(new, column)) {
            self.finish(reading);
            self.rows.swap(0, new);
        } else if new > 0 {
            self.next_is_broken = false;
        }
        self.used += 1;
    }

    fn finish<V: Visitor>(&mut self, reading: &mut Reading<'_, V>) {
        if self.used > 0 && !self.is_broken {
            self.show(reading);
        }
        (self.used, self.is_broken, self.next_is_broken) = (0, self.next_is_broken, false);
    }

    fn show<V: Visitor>(&self, reading: &mut Reading<'_, V>) {
        let first = self.line(0);
        let mut orders = Vec::with_capacity(self.used);
        let is_empty = |row: usize| (HEAD..COLUMNS.len()).all(|column| self.field(row, column).is_empty());
        for row in (0..self.used).filter(|row| self.used > 1 || !is_empty(*row)) {
            match self.order(row) {
                Ok(order) => orders.push(order),
                Err(reason) => return reading.complain(self.line(row), reason),
            }
        }
        match self.head(&orders) {
            Ok(record) => reading.show(first, &record),
            Err(reason) => reading.complain(first, reason),
        }
    }

    fn order(&self, row: usize) -> Result<OrderRecord<'_>, String> {
        let text = |flaw: rewards::book::Flaw| flaw.to_string();
        Ok(OrderRecord {
            account: parse_address(self.field(row, 8)).map_err(text)?,
            id: self.field(row, 9),
            side: Side::parse(self.field(row, 10)).map_err(text)?,
            price: self.field(row, 11),
            size: self.field(row, 12),
        })
    }

    fn head<'a>(&'a self, orders: &'a [OrderRecord<'a>]) -> Result<Record<'a>, String> {
        let named = |column: usize, error: decimal::DecimalError| format!("{}: {error}", COLUMNS[column]);
        let number = |column: usize| decimal::integer(self.field(0, column)).map_err(|error| named(column, error));
        let price = |column: usize| Some(self.field(0, column)).filter(|price| !price.is_empty());
        Ok(Record {
            epoch: number(0)?,
            minute: decimal::integer(self.field(0, 1)).map_err(|error| named(1, error))?,
            market: self.field(0, 2),
            time_ms: number(3)?,
            seq: number(4)?,
            status: Status::parse(self.field(0, 5)).map_err(|flaw| flaw.to_string())?,
            best_bid: price(6),
            best_ask: price(7),
            orders,
        })
    }
}
