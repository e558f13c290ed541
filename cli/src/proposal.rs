//! Calls that somebody else sends: as a file for a Safe, for a timelock, for a governor, or as call data.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use anyhow::Context;
use clap::ValueEnum;
use client::{
    Request,
    bindings::{Governor, Timelock},
    decode,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Version of the Safe's application whose files these are.
const BUILDER: &str = "1.18.0";

/// In which form calls are proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A file for the Transaction Builder of a Safe
    Safe,
    /// Calls of an OpenZeppelin TimelockController
    Timelock,
    /// A call of an OpenZeppelin Governor
    Governor,
    /// Targets and call data
    Calldata,
}

/// Calls that belong together, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    chain: u64,
    name: String,
    description: String,
    requests: Vec<Request>,
}

/// A call in words and bytes.
#[derive(Debug, Serialize)]
struct Call {
    to: Address,
    value: String,
    data: Bytes,
    call: String,
}

impl Proposal {
    pub(crate) fn new(chain: u64, name: &str, description: &str) -> Self {
        Self { chain, name: name.to_owned(), description: description.to_owned(), requests: Vec::new() }
    }

    pub(crate) fn push(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// The proposal in a form, as text; `delay` is the timelock's, seconds.
    ///
    /// # Errors
    ///
    /// If the clock of this machine stands before 1970.
    pub(crate) fn write(&self, form: Form, delay: u64) -> anyhow::Result<String> {
        match form {
            Form::Safe => self.safe(),
            Form::Timelock => pretty(&self.timelock(delay)),
            Form::Governor => pretty(&self.governor()),
            Form::Calldata => pretty(&json!(self.calls())),
        }
    }

    fn calls(&self) -> Vec<Call> {
        let call = |request: &Request| Call {
            to: request.to,
            value: request.value.to_string(),
            data: request.data.clone(),
            call: decode::call(&request.data),
        };
        self.requests.iter().map(call).collect()
    }

    /// A file that the Transaction Builder reads. Its checksum is over everything but the name.
    pub(crate) fn safe(&self) -> anyhow::Result<String> {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of this machine")?;
        let transactions: Vec<_> = self
            .requests
            .iter()
            .map(|request| json!({ "to": request.to, "value": request.value.to_string(), "data": request.data }))
            .collect();
        let mut file = json!({
            "version": "1.0",
            "chainId": self.chain.to_string(),
            "createdAt": u64::try_from(created.as_millis()).unwrap_or(u64::MAX),
            "meta": {
                "name": self.name,
                "description": self.description,
                "txBuilderVersion": BUILDER,
                "createdFromSafeAddress": "",
                "createdFromOwnerAddress": "",
            },
            "transactions": transactions,
        });
        let sum = checksum(&file);
        if let Some(meta) = file.get_mut("meta").and_then(Value::as_object_mut) {
            meta.insert("checksum".to_owned(), json!(sum));
        }
        pretty(&file)
    }

    /// What is scheduled, and what is executed after the delay.
    fn timelock(&self, delay: u64) -> Value {
        let (targets, values, payloads) = self.columns();
        let salt = keccak256(&self.description);
        let id = keccak256((targets.clone(), values.clone(), payloads.clone(), B256::ZERO, salt).abi_encode_params());
        let schedule = Timelock::scheduleBatchCall {
            targets: targets.clone(),
            values: values.clone(),
            payloads: payloads.clone(),
            predecessor: B256::ZERO,
            salt,
            delay: U256::from(delay),
        };
        let execute = Timelock::executeBatchCall { targets, values, payloads, predecessor: B256::ZERO, salt };
        json!({
            "operation": id,
            "schedule": Bytes::from(schedule.abi_encode()),
            "execute": Bytes::from(execute.abi_encode()),
            "calls": self.calls(),
        })
    }

    /// What is proposed, and the number of the proposal.
    fn governor(&self) -> Value {
        let (targets, values, calldatas) = self.columns();
        let description = self.description.clone();
        let id = keccak256(
            (targets.clone(), values.clone(), calldatas.clone(), keccak256(&description)).abi_encode_params(),
        );
        let propose = Governor::proposeCall { targets, values, calldatas, description };
        json!({
            "proposal": U256::from_be_bytes(id.0).to_string(),
            "propose": Bytes::from(propose.abi_encode()),
            "calls": self.calls(),
        })
    }

    fn columns(&self) -> (Vec<Address>, Vec<U256>, Vec<Bytes>) {
        let targets = self.requests.iter().map(|request| request.to).collect();
        let values = self.requests.iter().map(|request| request.value).collect();
        let payloads = self.requests.iter().map(|request| request.data.clone()).collect();
        (targets, values, payloads)
    }
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// The checksum of the Transaction Builder: keccak-256 of the file's serialisation without a checksum and with no name.
pub(crate) fn checksum(file: &Value) -> B256 {
    let mut file = file.clone();
    if let Some(meta) = file.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("checksum");
        meta.insert("name".to_owned(), Value::Null);
    }
    keccak256(serialised(&file))
}

/// Lists in brackets, objects as their sorted keys and the values in that order, anything else as JSON.
fn serialised(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(serialised).collect();
            format!("[{}]", values.join(","))
        }
        Value::Object(object) => of_object(object),
        other => other.to_string(),
    }
}

fn of_object(object: &Map<String, Value>) -> String {
    let mut keys: Vec<_> = object.keys().collect();
    keys.sort();
    let values: String = keys.iter().map(|key| format!("{},", serialised(&object[*key]))).collect();
    format!("{{{}{values}}}", json!(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that the published function made, with its checksum.
    const VECTOR: &str = include_str!("../tests/data/safe-batch.json");

    #[test]
    fn the_checksum_is_that_of_the_published_function() {
        let mut file: Value = serde_json::from_str(VECTOR).unwrap();
        let expected = file["meta"]["checksum"].as_str().unwrap().parse::<B256>().unwrap();
        assert_eq!(checksum(&file), expected);
        file["meta"]["name"] = json!("another");
        assert_eq!(checksum(&file), expected);
        file["chainId"] = json!("1");
        assert_ne!(checksum(&file), expected);
    }

    #[test]
    fn a_file_carries_its_checksum_and_every_call() {
        let mut proposal = Proposal::new(42_161, "name", "description");
        let [one, two] = [1, 2].map(|byte| Request {
            to: Address::repeat_byte(byte),
            value: U256::from(byte),
            data: vec![byte; 4].into(),
        });
        proposal.push(one.clone());
        proposal.push(two);
        let file: Value = serde_json::from_str(&proposal.safe().unwrap()).unwrap();
        assert_eq!(json!(checksum(&file)), file["meta"]["checksum"]);
        assert_eq!(file["transactions"][0]["to"], json!(one.to));
        assert_eq!(file["transactions"][1]["data"], "0x02020202");
        assert_eq!(file["transactions"][1]["value"], "2");
    }
}
