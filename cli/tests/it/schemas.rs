//! Every `--json` output that a test sees is what its schema in `cli/schemas` says, and every command that has one has a schema.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::LazyLock};

use serde_json::Value;
use tempfile::TempDir;

use crate::prints;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");

/// Schemas by the name of their file.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let file = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path();
    let schemas =
        fs::read_dir(FOLDER).unwrap().map(file).filter(|path| path.extension().is_some_and(|it| it == "json"));
    schemas.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
});

/// The schema of a command. Words behind those of the command may be arguments.
fn of(arguments: &[&str]) -> String {
    let is_word = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let words: Vec<_> = arguments.iter().take_while(is_word).copied().collect();
    let name = (1..=words.len().min(3)).rev().map(|count| words[..count].join("-")).find(|name| NAMES.contains(name));
    name.unwrap_or_else(|| panic!("{arguments:?}: no schema in {FOLDER}"))
}

/// Holds what a command printed against its schema.
#[track_caller]
pub(crate) fn check(arguments: &[&str], printed: &[u8]) {
    if !arguments.contains(&"--json") || printed.is_empty() {
        return;
    }
    for value in serde_json::Deserializer::from_slice(printed).into_iter::<Value>() {
        let value =
            value.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(printed)));
        let name = match value.get("error") {
            Some(_) => "error".to_owned(),
            None if arguments.contains(&"--unsigned") && value.get("call").is_some() => "unsigned".to_owned(),
            None => of(arguments),
        };
        if let Err(error) = held(&name, &value) {
            panic!("{arguments:?}: against {name}.json: {error}\n{value:#}");
        }
    }
}

/// Holds a value against a schema.
fn held(name: &str, value: &Value) -> Result<(), String> {
    let path = PathBuf::from(FOLDER).join(name).with_extension("json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let schema: Value = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Schema { root: &schema, name }.hold(&schema, value, "")
}

/// The part of JSON Schema that the files use; another keyword or pattern is an error. A library for all of it turns on features of crates
/// that everything else is built with, so that half of the dependencies would be compiled once more.
struct Schema<'a> {
    root: &'a Value,
    name: &'a str,
}

/// Whether text is what a pattern says.
type Holds = fn(&str) -> bool;

/// Patterns that the files use.
const PATTERNS: [(&str, Holds); 4] = [
    ("^0x[0-9a-fA-F]{40}$", |text| is_hex(text, Some(40))),
    ("^0x[0-9a-fA-F]{64}$", |text| is_hex(text, Some(64))),
    ("^0x([0-9a-fA-F]{2})*$", |text| is_hex(text, None) && text.len() % 2 == 0),
    ("^[0-9]+$", |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())),
];

fn is_hex(text: &str, digits: Option<usize>) -> bool {
    let hex = text.strip_prefix("0x").filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex.is_some_and(|hex| digits.is_none_or(|digits| digits == hex.len()))
}

impl Schema<'_> {
    fn hold(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let keywords = schema.as_object().unwrap_or_else(|| panic!("{}.json: {schema} is no schema", self.name));
        for (keyword, rule) in keywords {
            let holds = match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" => true,
                "$ref" => {
                    self.hold_reference(rule.as_str().unwrap(), value, place)?;
                    true
                }
                "type" => rule.as_array().unwrap_or(&vec![rule.clone()]).iter().any(|one| is_of(one, value)),
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "pattern" => value.as_str().is_none_or(|text| self.matches(rule.as_str().unwrap(), text)),
                "anyOf" => rule.as_array().unwrap().iter().any(|one| self.hold(one, value, place).is_ok()),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.hold(rule, item, &format!("{place}/{index}"))?;
                    }
                    true
                }
                "required" => {
                    let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                    value.as_object().is_none() || rule.as_array().unwrap().iter().all(has)
                }
                "properties" => {
                    let fields = value.as_object().into_iter().flatten();
                    for (name, field, one) in fields.filter_map(|(name, field)| Some((name, field, rule.get(name)?))) {
                        self.hold(one, field, &format!("{place}/{name}"))?;
                    }
                    true
                }
                "additionalProperties" => {
                    let listed = schema.get("properties");
                    let fields = value.as_object().into_iter().flatten();
                    let others: Vec<_> =
                        fields.filter(|(name, _)| listed.is_none_or(|it| it.get(name).is_none())).collect();
                    if rule.is_object() {
                        for (name, field) in &others {
                            self.hold(rule, field, &format!("{place}/{name}"))?;
                        }
                    }
                    rule.is_object() || others.is_empty()
                }
                other => panic!("{}.json: the keyword {other} is not known here", self.name),
            };
            if !holds {
                return Err(format!("{place}: {keyword} {rule} does not hold of {value}"));
            }
        }
        Ok(())
    }

    /// A part of the same file, or another file.
    fn hold_reference(&self, reference: &str, value: &Value, place: &str) -> Result<(), String> {
        if let Some(name) = reference.strip_suffix(".json") {
            return held(name, value).map_err(|error| format!("{place}: {name}.json: {error}"));
        }
        let found = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let found = found.unwrap_or_else(|| panic!("{}.json: {reference} is nowhere", self.name));
        self.hold(found, value, place)
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        // One of these functions, called.
        if let Some(names) = pattern.strip_prefix("^(").and_then(|rest| rest.strip_suffix(r")\(")) {
            return names.split('|').any(|name| text.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')));
        }
        let known = PATTERNS.iter().find(|(known, _)| *known == pattern);
        known.unwrap_or_else(|| panic!("{}.json: the pattern {pattern} is not known here", self.name)).1(text)
    }
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}

#[test]
fn every_command_with_json_has_a_schema_and_every_schema_is_one() {
    let folder = TempDir::new().unwrap();
    prints(&folder, &["man", "pages"]);
    for page in fs::read_dir(folder.path().join("pages")).unwrap() {
        let page = page.unwrap().path();
        if fs::read_to_string(&page).unwrap().contains("\\fB\\-\\-json\\fR") {
            let name = page.file_stem().unwrap().to_str().unwrap().to_owned();
            let command = name.strip_prefix("tidepool-").unwrap_or_default();
            assert!(NAMES.contains(command), "{name}: no schema in {FOLDER}");
        }
    }
    // Each is one that something can be held against.
    NAMES.iter().for_each(|name| drop(held(name, &Value::Null)));
}
