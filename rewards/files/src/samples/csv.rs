//! CSV: a row per order, with the sample's fields in each. The rows of a sample stand together; a sample without orders has one row, with
//! the order's fields empty.

use std::path::Path;

use csv::StringRecord;
use rewards::{
    book::{Flaw, OrderRecord, Record, Side, Status, parse_address},
    decimal::{self, DecimalError},
};

use super::{Ended, Place, Reading, Stored, Visitor};
use crate::{Error, rows};

/// The columns, in the order in which they are written.
pub(super) const COLUMNS: [&str; 13] = [
    "epoch", "minute", "market", "time_ms", "seq", "status", "best_bid", "best_ask", "account", "id", "side", "price",
    "size",
];

/// How many of them belong to the sample.
const HEAD: usize = 8;

/// Reads a whole file; returns its number of lines.
pub(super) fn read<V: Visitor>(path: &Path, stored: Stored, reading: &mut Reading<'_, V>) -> Result<u64, Error> {
    let mut reader = csv::Reader::from_reader(Ended::new(stored.open(path).map_err(Error::at(path))?));
    let columns = match reader.headers().map(columns) {
        Ok(Ok(columns)) => columns,
        Ok(Err(wrong)) => {
            reading.complain(1, wrong);
            return Ok(1);
        }
        Err(error) => {
            reading.complain(1, rows::csv_reason(&error));
            return Ok(1);
        }
    };
    let mut sample = Sample { columns, rows: Vec::new(), used: 0, is_broken: false, next_is_broken: false };
    loop {
        let line = reader.position().line();
        match reader.read_record(sample.next()) {
            Ok(false) => {
                if let Err(reason) = reader.get_ref().check() {
                    sample.is_broken = true;
                    reading.complain(line, reason);
                }
                sample.finish(reading);
                return Ok(reader.position().line());
            }
            Ok(true) => sample.take(reading),
            // The rest cannot be read, so that the sample under way may lack orders.
            Err(error) if error.is_io_error() => {
                reading.complain(line, rows::csv_reason(&error));
                return Ok(line);
            }
            Err(error) => {
                (sample.is_broken, sample.next_is_broken) = (true, true);
                let line = error.position().map_or(line, csv::Position::line);
                reading.complain(line, rows::csv_reason(&error));
            }
        }
    }
}

fn columns(header: &StringRecord) -> Result<[usize; 13], String> {
    let places = rows::places(header, &COLUMNS)?;
    places.try_into().map_err(|_| "thirteen columns".to_owned())
}

fn text_of(reason: &DecimalError) -> &str {
    match reason {
        DecimalError::NotPlain(text) | DecimalError::TooPrecise { text, .. } | DecimalError::TooLarge(text) => text,
    }
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
            Ok(record) => {
                let (visitor, place) = (&mut reading.visitor, Place { part: reading.part, row: first });
                if let Err(flaw) = visitor.visit(place, &record) {
                    reading.complain(self.line(self.flawed(&flaw)), flaw);
                }
            }
            Err(reason) => reading.complain(first, reason),
        }
    }

    /// The row that a flaw is about: that of the order, or the first one.
    fn flawed(&self, flaw: &Flaw) -> usize {
        let find = |column: usize, holds: &dyn Fn(&str) -> bool| {
            (0..self.used).find(|row| holds(self.field(*row, column))).unwrap_or_default()
        };
        let is_zero = |text: &str| !text.is_empty() && text.bytes().all(|byte| b"0.".contains(&byte));
        match flaw {
            Flaw::BetterThanBest { id, .. } | Flaw::OrderOnEmptySide { id } => find(9, &|field| field == id),
            Flaw::RepeatedOrder(id) => {
                (0..self.used).filter(|row| self.field(*row, 9) == id).nth(1).unwrap_or_default()
            }
            Flaw::NoOrderId => find(9, &str::is_empty),
            Flaw::ZeroPrice("price") => find(11, &is_zero),
            Flaw::Decimal { field: "price", reason } => find(11, &|field| field == text_of(reason)),
            Flaw::Decimal { field: "size", reason } => find(12, &|field| field == text_of(reason)),
            _ => 0,
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
