//! JSON lines: one object per line, the keys of the canonical file, in any order.

use std::{
    borrow::Cow,
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use rewards::book::{Flaw, OrderRecord, Record, Side, Status, parse_address};
use serde::Deserialize;

use super::{Part, Reading, Stored, Visitor};
use crate::{Error, rows};

/// Bytes of a part.
const SPAN: u64 = 32 << 20;

/// No sample is longer than this.
const LINE_MAX: u64 = 64 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample<'a> {
    epoch: u64,
    minute: u32,
    #[serde(borrow)]
    market: Cow<'a, str>,
    time_ms: u64,
    seq: u64,
    #[serde(borrow)]
    status: Cow<'a, str>,
    best_bid: Option<String>,
    best_ask: Option<String>,
    #[serde(borrow)]
    orders: Vec<Order<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    price: Cow<'a, str>,
    #[serde(borrow)]
    size: Cow<'a, str>,
}

impl Order<'_> {
    fn record(&self) -> Result<OrderRecord<'_>, Flaw> {
        Ok(OrderRecord {
            account: parse_address(&self.account)?,
            id: &self.id,
            side: Side::parse(&self.side)?,
            price: &self.price,
            size: &self.size,
        })
    }
}

/// Cuts a file into spans; a line belongs to the span in which it starts.
pub(super) fn parts(path: &Path, bytes: u64) -> impl Iterator<Item = Part> {
    spans(bytes, SPAN).map(|(from, to)| Part::Lines { path: path.to_owned(), from, to })
}

fn spans(bytes: u64, span: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..bytes.div_ceil(span).max(1)).map(move |place| (place * span, bytes.min((place + 1) * span)))
}

/// Reads the lines that start in a span; returns how many.
pub(super) fn read<V: Visitor>(path: &Path, from: u64, to: u64, reading: &mut Reading<'_, V>) -> Result<u64, Error> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(Error::at(path))?);
    let mut at = from;
    if from > 0 {
        // The line that is under way belongs to the span before; it ends with the byte before `from` at the earliest.
        file.seek(SeekFrom::Start(from - 1)).map_err(Error::at(path))?;
        at = from - 1 + skip_line(&mut file).map_err(Error::at(path))?;
    }
    Ok(read_lines(file, at, to, reading))
}

/// Reads all lines of a compressed file; returns how many.
pub(super) fn read_all<V: Visitor>(path: &Path, stored: Stored, reading: &mut Reading<'_, V>) -> Result<u64, Error> {
    Ok(read_lines(stored.open(path).map_err(Error::at(path))?, 0, u64::MAX, reading))
}

/// Reads the lines that start before `to`; returns how many. What cannot be read is a problem like any other.
pub(super) fn read_lines<V: Visitor>(
    mut file: impl BufRead,
    mut at: u64,
    to: u64,
    reading: &mut Reading<'_, V>,
) -> u64 {
    let (mut line, mut rows) = (Vec::new(), 0);
    while at < to {
        line.clear();
        let length = match (&mut file).take(LINE_MAX).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(length) => length as u64,
            Err(error) => {
                reading.complain(rows + 1, format_args!("cannot be read: {error}"));
                break;
            }
        };
        let text = if at == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        at += length;
        rows += 1;
        if length == LINE_MAX && line.last() != Some(&b'\n') {
            reading.complain(rows, "a line of more than 64 MiB");
            at += skip_line(&mut file).unwrap_or_default();
            continue;
        }
        show(text.strip_suffix(b"\n").unwrap_or(text), rows, reading);
    }
    rows
}

fn skip_line(file: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = file.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        skipped += length as u64;
        let is_done = end.is_some() || length == 0;
        file.consume(length);
        if is_done {
            return Ok(skipped);
        }
    }
}

fn show<V: Visitor>(line: &[u8], row: u64, reading: &mut Reading<'_, V>) {
    let sample: Sample<'_> = match serde_json::from_slice(line) {
        Ok(sample) => sample,
        Err(error) => return reading.complain(row, rows::json_reason(&error)),
    };
    let read = || -> Result<(Status, Vec<OrderRecord<'_>>), Flaw> {
        let orders = sample.orders.iter().map(Order::record).collect::<Result<_, _>>()?;
        Ok((Status::parse(&sample.status)?, orders))
    };
    match read() {
        Err(flaw) => reading.complain(row, flaw),
        Ok((status, orders)) => reading.show(
            row,
            &Record {
                epoch: sample.epoch,
                minute: sample.minute,
                market: &sample.market,
                time_ms: sample.time_ms,
                seq: sample.seq,
                status,
                best_bid: sample.best_bid.as_deref(),
                best_ask: sample.best_ask.as_deref(),
                orders: &orders,
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use crate::problem::Found;

    /// Notes the minutes it is shown.
    #[derive(Default)]
    struct Minutes(Vec<u32>);

    impl Visitor for Minutes {
        fn visit(&mut self, _: Place, record: &Record<'_>) -> Result<(), Flaw> {
            self.0.push(record.minute);
            Ok(())
        }
    }

    fn line(minute: u32) -> String {
        let market = "M".repeat(minute as usize % 7 + 1);
        format!(
            r#"{{"epoch":18,"minute":{minute},"market":"{market}","time_ms":0,"seq":0,"status":"ok","best_bid":null,"best_ask":null,"orders":[]}}"#
        )
    }

    #[test]
    fn every_line_belongs_to_one_span() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.jsonl");
        let text: Vec<_> = (0..9).map(line).collect();
        for text in [text.join("\n"), text.join("\n") + "\n"] {
            std::fs::write(&path, &text).unwrap();
            for span in (1..150).chain([text.len() as u64 - 1, text.len() as u64, 1 << 20]) {
                let (mut minutes, mut found, mut rows) = (Minutes::default(), Found::default(), 0);
                for (part, (from, to)) in spans(text.len() as u64, span).enumerate() {
                    let mut reading = Reading { part, visitor: &mut minutes, found: &mut found };
                    rows += read(&path, from, to, &mut reading).unwrap();
                }
                assert_eq!((minutes.0, rows), ((0..9).collect(), 9), "spans of {span} bytes");
                assert!(found.resolve(|_, _| unreachable!("nothing is wrong")).is_empty());
            }
        }
    }
}
