//! The rewards engine for a browser: what the page Verify asks for.
//!
//! A caller puts one message into memory that [`allocate`] gave, and [`run`] answers another one. A message is a line
//! of JSON ([`Job`]) and behind it the bytes of the files that it names. No number leaves as a number: amounts are decimal text.

mod epoch;
mod memory;
mod tables;

use alloy_primitives::{Address, U256};
use rewards::{book::parse_address, cid, cumulative, tree::Tree};
use serde::{Deserialize, Serialize};

pub use memory::{allocate, release, run};

/// What is asked: the files behind the line, and whose proof.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Name and length of each file, in their order. One file is a tree, or a table of its leaves; several are an epoch's folder.
    files: Vec<(String, usize)>,
    /// A tree to compare with, leaf by leaf.
    #[serde(default)]
    against: Option<(String, usize)>,
    /// Whose proof is wanted.
    #[serde(default)]
    account: Option<String>,
}

/// A tree that was built.
#[derive(Debug, Serialize)]
pub struct Built {
    root: String,
    leaves: usize,
    total: String,
    cid: String,
    own: Option<Own>,
    /// The epoch that was computed, if its inputs were given.
    epoch: Option<epoch::Told>,
    /// Absent without a second tree; null if both say the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Option<Difference>>,
}

/// The entry of the account that was asked for.
#[derive(Debug, Serialize)]
struct Own {
    amount: String,
    proof: Vec<String>,
}

/// The first account, by address, whose amount is another one.
#[derive(Debug, Serialize)]
struct Difference {
    account: String,
    one: Option<String>,
    other: Option<String>,
}

/// A file of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
}

/// Answers a message: the JSON of [`Built`], or of a `problem`.
#[must_use]
pub fn answer(message: &[u8]) -> Vec<u8> {
    let written = match work(message) {
        Ok(built) => serde_json::to_vec(&built),
        Err(problem) => serde_json::to_vec(&serde_json::json!({ "problem": problem })),
    };
    written.unwrap_or_default() // Writing to memory does not fail.
}

fn work(message: &[u8]) -> Result<Built, String> {
    let end = message.iter().position(|byte| *byte == b'\n').ok_or("a message without its line")?;
    let job: Job = serde_json::from_slice(&message[..end]).map_err(|error| error.to_string())?;
    let mut rest = &message[end + 1..];
    let mut take = |name, length| {
        let (bytes, behind) = rest.split_at_checked(length).ok_or("a message that is shorter than its files")?;
        rest = behind;
        Ok::<_, String>(File { name, bytes })
    };
    let files = job.files.iter().map(|(name, length)| take(name.as_str(), *length)).collect::<Result<Vec<_>, _>>()?;
    let against = job.against.as_ref().map(|(name, length)| take(name.as_str(), *length)).transpose()?;
    let account = job.account.as_deref().map(parse_address).transpose().map_err(|flaw| flaw.to_string())?;
    let (tree, epoch) = match files.as_slice() {
        [] => return Err("no file".to_owned()),
        [one] if !epoch::is_input(one.name) => (leaves(*one)?, None),
        _ => epoch::compute(&files).map(|(tree, told)| (tree, Some(told)))?,
    };
    let difference = against.map(|file| leaves(file).map(|other| first_difference(&tree, &other))).transpose()?;
    let own = account.and_then(|account| tree.place(account).zip(tree.amount(account)));
    Ok(Built {
        root: tree.root().to_string(),
        leaves: tree.len(),
        total: cumulative::total(tree.entries().map(|(_, _, amount)| amount)).to_string(),
        cid: cid::of(tree.to_json().as_bytes()),
        own: own.map(|(place, amount)| Own {
            amount: amount.to_string(),
            proof: tree.proof(place).iter().map(ToString::to_string).collect(),
        }),
        epoch,
        difference,
    })
}

/// A tree file, or the table of its leaves as CSV or JSON lines.
fn leaves(file: File<'_>) -> Result<Tree, String> {
    let text = tables::without_mark(file.bytes);
    if tables::Form::of(file.name).is_none() {
        return Tree::parse(text).map_err(|error| error.to_string());
    }
    let amounts = tables::amounts(file, &["account", "wei"])?;
    Tree::new(&amounts).map_err(|error| error.to_string())
}

fn first_difference(one: &Tree, other: &Tree) -> Option<Difference> {
    let (left, right) = (one.amounts(), other.amounts());
    let text = |amount: Option<&U256>| amount.map(ToString::to_string);
    let differs = |account: &&Address| left.get(*account) != right.get(*account);
    let account = left.keys().chain(right.keys()).filter(differs).min()?;
    Some(Difference { account: account.to_string(), one: text(left.get(account)), other: text(right.get(account)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str, files: &[&str]) -> serde_json::Value {
        let message = format!("{line}\n{}", files.concat());
        serde_json::from_slice(&answer(message.as_bytes())).unwrap()
    }

    const A: &str = "0x1111111111111111111111111111111111111111";
    const B: &str = "0x2222222222222222222222222222222222222222";

    #[test]
    fn a_tree_is_one_whatever_file_it_comes_from() {
        let json = format!(r#"[["{A}","5"],["{B}","7"]]"#);
        let csv = format!("wei,account\n7,{B}\n5,{A}\n");
        let lines = format!("{{\"account\":\"{A}\",\"wei\":\"5\"}}\n{{\"account\":\"{B}\",\"wei\":7}}\n");
        let built = [("tree.json", &json), ("lp.csv", &csv), ("lp.jsonl", &lines)].map(|(name, text)| {
            let line = serde_json::json!({ "files": [[name, text.len()]], "account": A }).to_string();
            asked(&line, &[text.as_str()])
        });
        assert_eq!(built[0]["leaves"], 2, "{}", built[0]);
        assert_eq!(built[0]["total"], "12");
        assert!(built.iter().all(|one| one == &built[0]));
        assert_eq!(built[0]["own"]["amount"], "5");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_row() {
        let csv = format!("account,wei\n{A},5\n{A},5\n");
        let line = serde_json::json!({ "files": [["lp.csv", csv.len()]] }).to_string();
        assert_eq!(asked(&line, &[csv.as_str()])["problem"], format!("lp.csv:3: a second amount of {A}"));
        assert!(asked("{}", &[])["problem"].is_string());
        assert!(asked(r#"{"files":[["tree.json",99]]}"#, &["[]"])["problem"].is_string());
    }

    #[test]
    fn the_first_difference_is_named() {
        let (one, other) = (format!(r#"[["{A}","5"],["{B}","7"]]"#), format!(r#"[["{A}","5"],["{B}","8"]]"#));
        let line = |against: &str| {
            serde_json::json!({ "files": [["tree.json", one.len()]], "against": ["b.json", against.len()] }).to_string()
        };
        let found = asked(&line(&other), &[one.as_str(), other.as_str()]);
        assert_eq!(found["difference"]["account"], B);
        assert_eq!((&found["difference"]["one"], &found["difference"]["other"]), (&"7".into(), &"8".into()));
        assert!(asked(&line(&one), &[one.as_str(), one.as_str()])["difference"].is_null());
    }
}
