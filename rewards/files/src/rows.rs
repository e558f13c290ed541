//! Tables of text fields, as CSV, JSON lines or Parquet: volumes, stakes, links, other programs, and the results of this engine.

use std::{collections::BTreeSet, fs::File, path::Path, sync::Arc};

use arrow_array::{
    Array, ArrayRef, RecordBatch, StringArray,
    cast::AsArray,
    types::{
        Decimal128Type, Decimal256Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::{
    ArrowWriter,
    arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
};
use rewards::pairs::Pairs;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    Error, Problems, output,
    samples::{Ended, Format, Stored, check_names, check_offsets, guarded, options},
};

/// Reads a table that has exactly these columns, in any order, row by row. What `each` says of a row is a problem, as is a row that cannot be
/// read.
pub fn read(
    path: &Path,
    columns: &[&str],
    mut each: impl FnMut(&[String]) -> Result<(), String>,
) -> Result<Problems, Error> {
    let mut problems = Problems::default();
    let mut take = |row: u64, fields: Result<Vec<String>, String>| {
        if let Err(reason) = fields.and_then(|fields| each(&fields)) {
            problems.add(path, (row > 0).then_some(row), reason);
        }
    };
    match Stored::of(path) {
        Some(stored @ Stored { format: Format::Csv, .. }) => read_csv(path, stored, columns, &mut take)?,
        Some(stored @ Stored { format: Format::JsonLines, .. }) => read_json(path, stored, columns, &mut take)?,
        Some(Stored { format: Format::Parquet, .. }) => read_parquet(path, columns, &mut take)?,
        None => take(0, Err("the ending is of no known format".to_owned())),
    }
    Ok(problems)
}

type Take<'a> = dyn FnMut(u64, Result<Vec<String>, String>) + 'a;

/// Checks that names are these, each once, in any order.
pub(crate) fn check_columns<'n>(names: impl Iterator<Item = &'n str>, columns: &[&str]) -> Result<(), String> {
    let mut found = BTreeSet::new();
    for name in names {
        if !columns.contains(&name) {
            return Err(format!("unknown column `{name}`; the columns are {}", columns.join(", ")));
        }
        if !found.insert(name) {
            return Err(format!("two columns `{name}`"));
        }
    }
    match columns.iter().find(|column| !found.contains(*column)) {
        Some(missing) => Err(format!("no column `{missing}`")),
        None => Ok(()),
    }
}

/// Where each column stands.
pub(crate) fn places(header: &csv::StringRecord, columns: &[&str]) -> Result<Vec<usize>, String> {
    check_columns(header.iter(), columns)?;
    Ok(columns.iter().filter_map(|name| header.iter().position(|column| column == *name)).collect())
}

/// What is wrong with a row of CSV, without the place, which is named beside it.
pub(crate) fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => format!("cannot be read: {error}"),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields, not {expected_len}"),
        csv::ErrorKind::Utf8 { err, .. } => err.to_string(),
        _ => "not CSV".to_owned(),
    }
}

/// What is wrong with a line of JSON: its place in the file is named beside it, so the line within the line is left out.
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    error.to_string().replacen(" at line 1 column ", " at column ", 1)
}

fn read_csv(path: &Path, stored: Stored, columns: &[&str], take: &mut Take<'_>) -> Result<(), Error> {
    let mut reader = csv::Reader::from_reader(Ended::new(stored.open(path).map_err(Error::at(path))?));
    let places = match reader.headers() {
        Ok(header) => places(header, columns),
        Err(error) => Err(csv_reason(&error)),
    };
    let places = match places {
        Ok(places) => places,
        Err(reason) => {
            take(1, Err(reason));
            return Ok(());
        }
    };
    let mut last = 1;
    for record in reader.records() {
        match record {
            Ok(record) => {
                last = record.position().map_or(last, csv::Position::line);
                take(last, Ok(places.iter().map(|place| record.get(*place).unwrap_or_default().to_owned()).collect()));
            }
            Err(error) => {
                last = error.position().map_or(last + 1, csv::Position::line);
                take(last, Err(csv_reason(&error)));
                if error.is_io_error() {
                    return Ok(());
                }
            }
        }
    }
    if let Err(reason) = reader.get_ref().check() {
        take(last, Err(reason));
    }
    Ok(())
}

fn read_json(path: &Path, stored: Stored, columns: &[&str], take: &mut Take<'_>) -> Result<(), Error> {
    let mut lines = stored.open(path).map_err(Error::at(path))?;
    let mut line = Vec::new();
    for row in 1.. {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                take(row, Err(format!("cannot be read: {error}")));
                break;
            }
        }
        let text = if row == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        take(row, json_fields(text, columns));
    }
    Ok(())
}

fn json_fields(line: &[u8], columns: &[&str]) -> Result<Vec<String>, String> {
    let Pairs(pairs) = serde_json::from_slice::<Pairs<Value>>(line).map_err(|error| json_reason(&error))?;
    check_columns(pairs.iter().map(|(name, _)| name.as_str()), columns)?;
    let field = |name: &&str| match pairs.iter().find(|(key, _)| key == name) {
        Some((_, Value::String(text))) => Ok(text.clone()),
        // Beyond 64 bits a number has lost digits already; amounts are strings.
        Some((_, Value::Number(number))) if number.is_u64() => Ok(number.to_string()),
        Some((_, Value::Bool(value))) => Ok(value.to_string()),
        _ => Err(format!("`{name}` is neither text nor a small integer")),
    };
    columns.iter().map(field).collect()
}

fn read_parquet(path: &Path, columns: &[&str], take: &mut Take<'_>) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::at(path))?;
    let bytes = file.metadata().map_err(Error::at(path))?.len();
    let opened = guarded(|| {
        let metadata = ArrowReaderMetadata::load(&file, options()).map_err(|error| error.to_string())?;
        check_offsets(&metadata, bytes)?;
        check_names(metadata.schema().fields(), columns)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        builder.build().map_err(|error| error.to_string())
    });
    let mut batches = match opened {
        Ok(batches) => batches,
        Err(reason) => {
            take(0, Err(reason));
            return Ok(());
        }
    };
    let mut row = 0;
    loop {
        let batch = guarded(|| batches.next().transpose().map_err(|error| error.to_string()));
        let batch = match batch.transpose() {
            None => return Ok(()),
            Some(Ok(batch)) => batch,
            Some(Err(reason)) => {
                take(row, Err(reason));
                return Ok(());
            }
        };
        for place in 0..batch.num_rows() {
            row += 1;
            take(row, columns.iter().map(|name| cell(&batch, name, place)).collect());
        }
    }
}

fn cell(batch: &RecordBatch, name: &str, row: usize) -> Result<String, String> {
    let column = batch.column_by_name(name).ok_or_else(|| format!("no column `{name}`"))?;
    if column.is_null(row) {
        return Err(format!("no `{name}`"));
    }
    let text = match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).to_string(),
        // What SQL has for integers beyond 64 bits.
        DataType::Decimal128(_, 0) => column.as_primitive::<Decimal128Type>().value(row).to_string(),
        DataType::Decimal256(_, 0) => column.as_primitive::<Decimal256Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        other => return Err(format!("`{name}` is {other}, neither text nor an integer")),
    };
    Ok(text)
}

/// A table to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// Rows, each with a field per column. Integers are decimal strings.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// SHA-256 of the table as CSV, whatever format it is stored in: of a CSV file, that is the file's own.
    #[must_use]
    pub fn digest(&self) -> String {
        // Writing to memory does not fail.
        alloy_primitives::hex::encode(Sha256::digest(self.to_csv().unwrap_or_default()))
    }

    /// Reads a table with these columns back.
    pub fn read(path: &Path, columns: &[&'static str]) -> Result<Self, Error> {
        let mut table = Self { columns: columns.to_vec(), rows: Vec::new() };
        let problems = read(path, columns, |row| {
            table.rows.push(row.to_vec());
            Ok(())
        })?;
        if problems.is_empty() { Ok(table) } else { Err(Error::Malformed(problems)) }
    }

    /// Where the first row stands that differs from another table's, as a reader counts, and what it has in place of what.
    #[must_use]
    pub fn first_difference(&self, path: &Path, other: &Self) -> Option<String> {
        let length = self.rows.len().max(other.rows.len());
        let at = |table: &Self, place: usize| table.rows.get(place).cloned();
        let place = (0..length).find(|place| at(self, *place) != at(other, *place))?;
        let line = place + 1 + usize::from(Stored::of(path).is_some_and(|stored| stored.format == Format::Csv));
        let file = path.display();
        Some(match (self.rows.get(place), other.rows.get(place)) {
            (Some(_), None) => format!("{file}:{line}: a row too many"),
            (None, _) => format!("{file}:{line}: a row is missing"),
            (Some(found), Some(expected)) => {
                let column =
                    found.iter().zip(expected).position(|(found, expected)| found != expected).unwrap_or_default();
                format!("{file}:{line}: `{}` is {}, not {}", self.columns[column], found[column], expected[column])
            }
        })
    }

    /// Writes the table; the name of the file decides the format.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let bytes = match Format::of(path) {
            Some(Format::Csv) => self.to_csv(),
            Some(Format::JsonLines) => self.to_json_lines(),
            Some(Format::Parquet) => self.to_parquet(),
            None => return Err(Error::refused(format_args!("{}: .parquet, .csv or .jsonl", path.display()))),
        };
        output::write(path, &bytes.map_err(Error::at(path))?)
    }

    fn to_csv(&self) -> std::io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn to_json_lines(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for row in &self.rows {
            // By hand, since the columns keep their order.
            bytes.push(b'{');
            for (place, (name, field)) in self.columns.iter().zip(row).enumerate() {
                if place > 0 {
                    bytes.push(b',');
                }
                serde_json::to_writer(&mut bytes, name)?;
                bytes.push(b':');
                serde_json::to_writer(&mut bytes, field)?;
            }
            bytes.extend_from_slice(b"}\n");
        }
        Ok(bytes)
    }

    fn to_parquet(&self) -> std::io::Result<Vec<u8>> {
        let fields: Vec<_> = self.columns.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
        let schema = Arc::new(Schema::new(fields));
        let column = |place: usize| -> ArrayRef {
            Arc::new(self.rows.iter().map(|row| Some(row[place].as_str())).collect::<StringArray>())
        };
        let columns = (0..self.columns.len()).map(column).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(std::io::Error::other)?;
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, None)?;
        writer.write(&batch)?;
        Ok(writer.into_inner()?)
    }
}

/// Removes the files of a table in other formats than the one at `path`.
pub(crate) fn remove_others(path: &Path, name: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    for format in [Format::Csv, Format::JsonLines, Format::Parquet] {
        let other = folder.join(format!("{name}.{}", format.extension()));
        if other != path && other.exists() {
            std::fs::remove_file(&other).map_err(Error::at(&other))?;
        }
    }
    Ok(())
}

/// The file of a table in a folder, whatever its format; two of one name would be a trap.
pub fn find(folder: &Path, name: &str) -> Result<Option<std::path::PathBuf>, Error> {
    let formats = [Format::Csv, Format::JsonLines, Format::Parquet];
    let paths = formats.map(|format| folder.join(format!("{name}.{}", format.extension())));
    let mut present = paths.into_iter().filter(|path| path.exists());
    match (present.next(), present.next()) {
        (Some(first), Some(second)) => {
            Err(Error::refused(format_args!("{} and {}: which one?", first.display(), second.display())))
        }
        (first, _) => Ok(first),
    }
}
