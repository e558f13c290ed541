//! Tables of text fields as CSV or JSON lines, by the rules of `rewards-files`: exactly the columns named, in any order.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use rewards::{book::parse_address, cumulative::Amounts, decimal, pairs::Pairs};
use serde_json::Value;

use crate::File;

/// How a text file has its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Csv,
    JsonLines,
}

impl Form {
    /// By the ending of a name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// Text without the byte order mark that some programs put first.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// A reason with its place.
pub(crate) fn at(file: File<'_>, row: u64, reason: impl std::fmt::Display) -> String {
    format!("{}:{row}: {reason}", file.name)
}

/// Where each column stands.
pub(crate) fn places<'n>(names: impl Iterator<Item = &'n str>, columns: &[&str]) -> Result<Vec<usize>, String> {
    let names: Vec<_> = names.collect();
    let unique: BTreeSet<_> = names.iter().collect();
    if let Some(unknown) = names.iter().find(|name| !columns.contains(name)) {
        return Err(format!("unknown column `{unknown}`; the columns are {}", columns.join(", ")));
    }
    if unique.len() != names.len() {
        return Err("two columns of one name".to_owned());
    }
    let place = |column: &&str| names.iter().position(|name| name == column).ok_or(format!("no column `{column}`"));
    columns.iter().map(place).collect()
}

/// Reads a table, row by row; stops at the first row that is wrong, and says where.
pub(crate) fn read(
    file: File<'_>,
    columns: &[&str],
    mut each: impl FnMut(&[String]) -> Result<(), String>,
) -> Result<(), String> {
    match Form::of(file.name) {
        Some(Form::Csv) => read_csv(file, columns, &mut each),
        Some(Form::JsonLines) => read_lines(file, columns, &mut each),
        None => Err(format!("{}: a table ends in .csv, .jsonl or .ndjson here", file.name)),
    }
}

type Each<'a> = dyn FnMut(&[String]) -> Result<(), String> + 'a;

fn read_csv(file: File<'_>, columns: &[&str], each: &mut Each<'_>) -> Result<(), String> {
    let mut reader = csv::Reader::from_reader(without_mark(file.bytes));
    let header = reader.headers().map_err(|error| at(file, 1, error))?;
    let places = places(header.iter(), columns).map_err(|reason| at(file, 1, reason))?;
    for record in reader.records() {
        let record = record.map_err(|error| at(file, error.position().map_or(0, csv::Position::line), &error))?;
        let fields: Vec<_> = places.iter().map(|place| record.get(*place).unwrap_or_default().to_owned()).collect();
        each(&fields).map_err(|reason| at(file, record.position().map_or(0, csv::Position::line), reason))?;
    }
    Ok(())
}

fn read_lines(file: File<'_>, columns: &[&str], each: &mut Each<'_>) -> Result<(), String> {
    for (line, row) in lines(file).zip(1..) {
        fields(line, columns).and_then(|fields| each(&fields)).map_err(|reason| at(file, row, reason))?;
    }
    Ok(())
}

/// The lines of a file; what follows the last line's end is none if it is empty.
pub(crate) fn lines<'a>(file: File<'a>) -> impl Iterator<Item = &'a [u8]> {
    let text = without_mark(file.bytes);
    text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n').take(if text.is_empty() {
        0
    } else {
        usize::MAX
    })
}

fn fields(line: &[u8], columns: &[&str]) -> Result<Vec<String>, String> {
    let Pairs(pairs) = serde_json::from_slice::<Pairs<Value>>(line).map_err(|error| error.to_string())?;
    let places = places(pairs.iter().map(|(name, _)| name.as_str()), columns)?;
    let field = |(place, name): (usize, &&str)| match &pairs[place].1 {
        Value::String(text) => Ok(text.clone()),
        // Beyond 64 bits a number has lost digits already; amounts are strings.
        Value::Number(number) if number.is_u64() => Ok(number.to_string()),
        _ => Err(format!("`{name}` is neither text nor a small integer")),
    };
    places.into_iter().zip(columns).map(field).collect()
}

/// A field that is an account.
pub(crate) fn account(field: &str) -> Result<Address, String> {
    parse_address(field).map_err(|flaw| flaw.to_string())
}

/// A field that is a whole number.
pub(crate) fn integer<T: std::str::FromStr>(field: &str) -> Result<T, String> {
    decimal::integer(field).map_err(|error| error.to_string())
}

/// A table of accounts and amounts; nobody stands in it twice, and the zero address not at all.
pub(crate) fn amounts(file: File<'_>, columns: &[&str; 2]) -> Result<Amounts, String> {
    let mut amounts = Amounts::new();
    read(file, columns, |row| {
        let [owner, wei] = row else { return Err("two fields".to_owned()) };
        let owner = account(owner)?;
        if owner.is_zero() {
            return Err("the zero address is nobody: tokens paid to it would be lost".to_owned());
        }
        match amounts.insert(owner, integer::<U256>(wei)?) {
            Some(_) => Err(format!("a second amount of {owner}")),
            None => Ok(()),
        }
    })?;
    Ok(amounts)
}
