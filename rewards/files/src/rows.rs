//! Tables of text fields, as CSV, JSON lines or Parquet: volumes, stakes, links, other programs, and the results of this engine.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
};

use arrow_array::{
    Array, ArrayRef, RecordBatch, StringArray,
    cast::AsArray,
    types::{Int32Type, Int64Type, UInt32Type, UInt64Type},
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::{
    ArrowWriter,
    arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
};
use serde_json::{Map, Value};

use crate::{
    Error, Problems, output,
    samples::{Format, check_offsets, guarded},
};

/// Reads the named columns of a table, row by row. What `each` says of a row is a problem, as is a row that cannot be read.
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
    match Format::of(path) {
        Some(Format::Csv) => read_csv(path, columns, &mut take)?,
        Some(Format::JsonLines) => read_json(path, columns, &mut take)?,
        Some(Format::Parquet) => read_parquet(path, columns, &mut take)?,
        None => take(0, Err("neither .parquet nor .csv nor .jsonl".to_owned())),
    }
    Ok(problems)
}

type Take<'a> = dyn FnMut(u64, Result<Vec<String>, String>) + 'a;

fn read_csv(path: &Path, columns: &[&str], take: &mut Take<'_>) -> Result<(), Error> {
    let mut reader = csv::Reader::from_reader(BufReader::new(File::open(path).map_err(Error::at(path))?));
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            take(1, Err(error.to_string()));
            return Ok(());
        }
    };
    let place =
        |name: &&str| header.iter().position(|column| column == *name).ok_or_else(|| format!("no column `{name}`"));
    let places = match columns.iter().map(place).collect::<Result<Vec<_>, _>>() {
        Ok(places) => places,
        Err(reason) => {
            take(1, Err(reason));
            return Ok(());
        }
    };
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                take(line, Ok(places.iter().map(|place| record.get(*place).unwrap_or_default().to_owned()).collect()));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                if let csv::ErrorKind::Io(_) = error.kind() {
                    return Err(Error::at(path)(error.into()));
                }
                take(line, Err(error.to_string()));
            }
        }
    }
    Ok(())
}

fn read_json(path: &Path, columns: &[&str], take: &mut Take<'_>) -> Result<(), Error> {
    let mut lines = BufReader::new(File::open(path).map_err(Error::at(path))?);
    let mut line = Vec::new();
    for row in 1.. {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(Error::at(path))? == 0 {
            break;
        }
        take(row, json_fields(&line, columns));
    }
    Ok(())
}

fn json_fields(line: &[u8], columns: &[&str]) -> Result<Vec<String>, String> {
    let object: Map<String, Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let field = |name: &&str| match object.get(*name) {
        Some(Value::String(text)) => Ok(text.clone()),
        // Beyond 64 bits a number has lost digits already; amounts are strings.
        Some(Value::Number(number)) if number.is_u64() => Ok(number.to_string()),
        Some(Value::Bool(value)) => Ok(value.to_string()),
        Some(_) => Err(format!("`{name}` is neither text nor a small integer")),
        None => Err(format!("no `{name}`")),
    };
    columns.iter().map(field).collect()
}

fn read_parquet(path: &Path, columns: &[&str], take: &mut Take<'_>) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::at(path))?;
    let bytes = file.metadata().map_err(Error::at(path))?.len();
    let opened = guarded(|| {
        let metadata = ArrowReaderMetadata::load(&file, Default::default()).map_err(|error| error.to_string())?;
        check_offsets(&metadata, bytes)?;
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
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => column.as_string_view().value(row).to_owned(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        other => return Err(format!("`{name}` is {other}, neither text nor an integer")),
    };
    Ok(text)
}

/// A table to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// Rows, each with a field per column. Integers are decimal strings.
    pub rows: Vec<Vec<String>>,
}

impl Table {
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

/// All tables in a folder, by name.
pub fn find_all(folder: &Path) -> Result<BTreeMap<String, std::path::PathBuf>, Error> {
    let mut tables = BTreeMap::new();
    if !folder.exists() {
        return Ok(tables);
    }
    for entry in fs::read_dir(folder).map_err(Error::at(folder))? {
        let path = entry.map_err(Error::at(folder))?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if Format::of(&path).is_none() || name.starts_with('.') {
            continue;
        }
        if let Some(other) = tables.insert(name.to_owned(), path.clone()) {
            return Err(Error::refused(format_args!("{} and {}: which one?", other.display(), path.display())));
        }
    }
    Ok(tables)
}
