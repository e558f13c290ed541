//! Writing samples: the canonical JSON lines, CSV and Parquet.

use std::{
    fmt::Write as _,
    io::{BufWriter, Write},
    path::Path,
    sync::Arc,
};

use arrow_array::{
    ArrayRef, ListArray, RecordBatch, StructArray,
    builder::{StringBuilder, UInt32Builder, UInt64Builder},
};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use rewards::book::Record;
use serde::Serialize;

use super::csv::COLUMNS;
use crate::{Error, output::Pending};

/// How samples and tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values, with a header.
    Csv,
    /// A JSON object per line.
    JsonLines,
}

impl Format {
    /// The format that a file's name promises.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "parquet" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }

    /// How its files end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

/// Writes a file of samples.
#[derive(Debug)]
pub enum SampleWriter {
    /// Lines of text.
    Lines(BufWriter<Pending>, String),
    /// Rows of text.
    Csv(BufWriter<Pending>, String),
    /// Columns.
    Parquet(Box<Columns>),
}

impl SampleWriter {
    /// Starts a file; its name decides the format.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let format = Format::of(path)
            .ok_or_else(|| Error::refused(format_args!("{}: .parquet, .csv or .jsonl", path.display())))?;
        let file = Pending::new(path)?;
        Ok(match format {
            Format::Parquet => Self::Parquet(Box::new(Columns::new(file)?)),
            Format::JsonLines => Self::Lines(BufWriter::with_capacity(1 << 18, file), String::new()),
            Format::Csv => Self::Csv(BufWriter::with_capacity(1 << 18, file), COLUMNS.join(",") + "\n"),
        })
    }

    /// Writes a sample.
    pub fn write(&mut self, record: &Record<'_>) -> Result<(), Error> {
        match self {
            Self::Lines(file, line) => {
                line.clear();
                json_line(line, record);
                file.write_all(line.as_bytes()).map_err(Error::at(file.get_ref().path()))
            }
            Self::Csv(file, rows) => {
                csv_rows(rows, record);
                file.write_all(rows.as_bytes()).map_err(Error::at(file.get_ref().path()))?;
                rows.clear();
                Ok(())
            }
            Self::Parquet(columns) => columns.add(record),
        }
    }

    /// Finishes the file.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Self::Lines(mut file, _) => {
                file.flush().map_err(Error::at(file.get_ref().path()))?;
                keep(file)
            }
            Self::Csv(mut file, header) => {
                // Without a sample, the header is still to be written.
                file.write_all(header.as_bytes()).map_err(Error::at(file.get_ref().path()))?;
                keep(file)
            }
            Self::Parquet(columns) => columns.finish(),
        }
    }
}

fn keep(file: BufWriter<Pending>) -> Result<(), Error> {
    let path = file.get_ref().path().to_owned();
    file.into_inner().map_err(|error| Error::at(&path)(error.into_error()))?.keep()
}

#[derive(Serialize)]
struct JsonOrder<'a> {
    account: String,
    id: &'a str,
    side: &'static str,
    price: &'a str,
    size: &'a str,
}

#[derive(Serialize)]
struct JsonSample<'a> {
    epoch: u64,
    minute: u32,
    market: &'a str,
    time_ms: u64,
    seq: u64,
    status: &'static str,
    best_bid: Option<&'a str>,
    best_ask: Option<&'a str>,
    orders: Vec<JsonOrder<'a>>,
}

/// Appends a line of the canonical file, if orders and samples come in canonical order.
pub fn json_line(line: &mut String, record: &Record<'_>) {
    let orders = record.orders.iter().map(|order| JsonOrder {
        account: format!("{:#x}", order.account),
        id: order.id,
        side: order.side.letter(),
        price: order.price,
        size: order.size,
    });
    let sample = JsonSample {
        epoch: record.epoch,
        minute: record.minute,
        market: record.market,
        time_ms: record.time_ms,
        seq: record.seq,
        status: record.status.name(),
        best_bid: record.best_bid,
        best_ask: record.best_ask,
        orders: orders.collect(),
    };
    // Text and numbers always serialize.
    line.push_str(&serde_json::to_string(&sample).unwrap_or_default());
    line.push('\n');
}

fn csv_rows(rows: &mut String, record: &Record<'_>) {
    let head = format!(
        "{},{},{},{},{},{},{},{}",
        record.epoch,
        record.minute,
        csv_field(record.market),
        record.time_ms,
        record.seq,
        record.status.name(),
        record.best_bid.unwrap_or_default(),
        record.best_ask.unwrap_or_default()
    );
    if record.orders.is_empty() {
        let _ = writeln!(rows, "{head},,,,,"); // Writing to a string does not fail.
    }
    for order in record.orders {
        let id = csv_field(order.id);
        let _ =
            writeln!(rows, "{head},{:#x},{id},{},{},{}", order.account, order.side.letter(), order.price, order.size);
    }
}

/// An id and the name of a market may hold anything; everything else is plain.
fn csv_field(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

/// Samples in a row group.
const GROUP: usize = 1024;

/// A Parquet file under way: one row group of samples.
#[derive(Debug)]
pub struct Columns {
    writer: ArrowWriter<Pending>,
    path: std::path::PathBuf,
    schema: Arc<Schema>,
    order_fields: Fields,
    epoch: UInt64Builder,
    minute: UInt32Builder,
    market: StringBuilder,
    time_ms: UInt64Builder,
    seq: UInt64Builder,
    status: StringBuilder,
    best: [StringBuilder; 2],
    lengths: Vec<usize>,
    /// Account, id, side, price, size.
    orders: [StringBuilder; 5],
}

impl Columns {
    fn new(file: Pending) -> Result<Self, Error> {
        let path = file.path().to_owned();
        let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
        let order_fields: Fields =
            ["account", "id", "side", "price", "size"].map(|name| text(name, false)).to_vec().into();
        let list = DataType::List(Arc::new(Field::new("item", DataType::Struct(order_fields.clone()), false)));
        let schema = Arc::new(Schema::new(vec![
            Field::new("epoch", DataType::UInt64, false),
            Field::new("minute", DataType::UInt32, false),
            text("market", false),
            Field::new("time_ms", DataType::UInt64, false),
            Field::new("seq", DataType::UInt64, false),
            text("status", false),
            text("best_bid", true),
            text("best_ask", true),
            Field::new("orders", list, false),
        ]));
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .map_err(|error| Error::at(&path)(std::io::Error::other(error)))?;
        Ok(Self {
            writer,
            path,
            schema,
            order_fields,
            epoch: UInt64Builder::new(),
            minute: UInt32Builder::new(),
            market: StringBuilder::new(),
            time_ms: UInt64Builder::new(),
            seq: UInt64Builder::new(),
            status: StringBuilder::new(),
            best: Default::default(),
            lengths: Vec::new(),
            orders: Default::default(),
        })
    }

    fn add(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.epoch.append_value(record.epoch);
        self.minute.append_value(record.minute);
        self.market.append_value(record.market);
        self.time_ms.append_value(record.time_ms);
        self.seq.append_value(record.seq);
        self.status.append_value(record.status.name());
        for (column, price) in self.best.iter_mut().zip([record.best_bid, record.best_ask]) {
            column.append_option(price);
        }
        self.lengths.push(record.orders.len());
        let mut hex = String::with_capacity(42);
        for order in record.orders {
            hex.clear();
            let _ = write!(hex, "{:#x}", order.account); // Writing to a string does not fail.
            let fields = [hex.as_str(), order.id, order.side.letter(), order.price, order.size];
            for (column, field) in self.orders.iter_mut().zip(fields) {
                column.append_value(field);
            }
        }
        if self.lengths.len() < GROUP { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.lengths.is_empty() {
            return Ok(());
        }
        let written = self.batch().and_then(|batch| {
            self.writer.write(&batch)?;
            self.writer.flush()
        });
        written.map_err(|error| Error::at(&self.path)(std::io::Error::other(error)))
    }

    fn batch(&mut self) -> Result<RecordBatch, parquet::errors::ParquetError> {
        let orders = self.orders.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let orders = StructArray::try_new(self.order_fields.clone(), orders, None)?;
        let item = Arc::new(Field::new("item", DataType::Struct(self.order_fields.clone()), false));
        let lists = ListArray::try_new(
            item,
            arrow_buffer::OffsetBuffer::from_lengths(self.lengths.drain(..)),
            Arc::new(orders),
            None,
        )?;
        let [bid, ask] = &mut self.best;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.epoch.finish()),
            Arc::new(self.minute.finish()),
            Arc::new(self.market.finish()),
            Arc::new(self.time_ms.finish()),
            Arc::new(self.seq.finish()),
            Arc::new(self.status.finish()),
            Arc::new(bid.finish()),
            Arc::new(ask.finish()),
            Arc::new(lists),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        let file = self.writer.into_inner().map_err(|error| Error::at(&self.path)(std::io::Error::other(error)))?;
        file.keep()
    }
}
