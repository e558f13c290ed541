//! Logs in words: which contract, which event, its fields as JSON.

use std::collections::{BTreeMap, HashMap};

use alloy_dyn_abi::{DynSolValue, EventExt};
use alloy_json_abi::{Event as Declared, EventParam, Param};
use alloy_primitives::{Address, B256, LogData, hex};
use alloy_rpc_types_eth::Log;
use client::decode::interface;
use serde_json::{Map, Value};

use crate::store::Event;

/// What a contract is to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The pool.
    Pool,
    /// A borrower's contract.
    Proxy,
    /// The distributor of rewards.
    Distributor,
    /// The oracle of its roots.
    Oracle,
}

impl Kind {
    /// As it stands in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Proxy => "borrower-proxy",
            Self::Distributor => "merkle-distributor",
            Self::Oracle => "rewards-oracle",
        }
    }

    const fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Pool => &["pool"],
            Self::Proxy => &["ITrustedBorrowerL2Proxy"],
            Self::Distributor => &["IMerkleDistributor", "IRoles"],
            Self::Oracle => &["IRewardsOracle", "IRoles"],
        }
    }
}

/// Events that change who may do what, or by which rules.
const GOVERNANCE: [&str; 29] = [
    "RoleGranted",
    "RoleRevoked",
    "RoleAdminChanged",
    "OwnerProposed",
    "SurplusSwept",
    "DiamondCut",
    "EpochParametersChanged",
    "BlackoutWindowChanged",
    "RewardsPerSecondUpdated",
    "ScheduledBorrowerAllocationChange",
    "BorrowerCapChanged",
    "BorrowingRestrictionChanged",
    "OperatorDecreasedStakerDebt",
    "OperatorDecreasedBorrowerDebt",
    "RootCancelled",
    "RootUpdatesPaused",
    "RootUpdatesUnpaused",
    "RewardsOracleChanged",
    "IpnsNameUpdated",
    "IpfsUpdatePeriodUpdated",
    "RewardsParametersUpdated",
    "EpochScheduleUpdated",
    "QuorumChanged",
    "UpdatedStarkKey",
    "StarkKeyBlocked",
    "DepositVaultAllowed",
    "DepositVaultDisallowed",
    "UpdatedExternalRecipient",
    "GuardianVetoedForcedTradeRequest",
];

/// What events look like, by contract and first topic.
#[derive(Debug)]
pub struct Words(HashMap<(Kind, B256), Declared>);

impl Default for Words {
    fn default() -> Self {
        let kinds = [Kind::Pool, Kind::Proxy, Kind::Distributor, Kind::Oracle];
        let events = kinds.into_iter().flat_map(|kind| {
            let abis = kind.interfaces().iter().filter_map(|name| interface(name));
            let events = abis.flat_map(|abi| abi.events.into_values().flatten());
            events.map(move |event| ((kind, event.selector()), event))
        });
        Self(events.collect())
    }
}

impl Words {
    /// A log as it is stored. One that no interface declares keeps its topics and data.
    pub fn event(&self, kind: Kind, log: &Log, block: (u64, u64), position: u64, tx: B256) -> Event {
        let data = &log.inner.data;
        let first = data.topics().first().copied().unwrap_or_default();
        let declared = self.0.get(&(kind, first));
        let fields = declared.and_then(|declared| fields(declared, data));
        let (name, args, parties) = match (declared, fields) {
            (Some(declared), Some((args, parties))) => (declared.name.clone(), args, parties),
            _ => (first.to_string(), unknown(data), Vec::new()),
        };
        let topic = if GOVERNANCE.contains(&name.as_str()) { "governance" } else { "market" };
        Event {
            block: block.0,
            position,
            time: block.1,
            tx,
            contract: kind.name(),
            address: log.address(),
            name,
            topic,
            args: Value::Object(args).to_string(),
            parties,
        }
    }
}

fn unknown(data: &LogData) -> Map<String, Value> {
    let topics = data.topics().iter().map(|topic| Value::from(topic.to_string()));
    let topics = Value::Array(topics.collect());
    Map::from_iter([("topics".to_owned(), topics), ("data".to_owned(), data.data.to_string().into())])
}

fn fields(declared: &Declared, data: &LogData) -> Option<(Map<String, Value>, Vec<Address>)> {
    let decoded = declared.decode_log(data).ok()?;
    let (mut indexed, mut body) = (decoded.indexed.into_iter(), decoded.body.into_iter());
    let (mut args, mut parties) = (Map::new(), Vec::new());
    for input in &declared.inputs {
        let value = if input.indexed { indexed.next() } else { body.next() }?;
        if let DynSolValue::Address(account) = value
            && !account.is_zero()
            && !parties.contains(&account)
        {
            parties.push(account);
        }
        args.insert(input.name.clone(), json(&value, &components(input)));
    }
    Some((args, parties))
}

fn components(input: &EventParam) -> Vec<Param> {
    input.components.clone()
}

fn json(value: &DynSolValue, components: &[Param]) -> Value {
    match value {
        DynSolValue::Bool(value) => Value::Bool(*value),
        DynSolValue::Int(value, _) => value.to_string().into(),
        DynSolValue::Uint(value, _) => value.to_string().into(),
        DynSolValue::FixedBytes(word, size) => format!("0x{}", hex::encode(&word[..*size])).into(),
        DynSolValue::Address(value) => value.to_string().into(),
        DynSolValue::Function(value) => value.to_string().into(),
        DynSolValue::Bytes(value) => format!("0x{}", hex::encode(value)).into(),
        DynSolValue::String(value) => value.clone().into(),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => {
            values.iter().map(|value| json(value, components)).collect()
        }
        DynSolValue::Tuple(values) if components.len() == values.len() => {
            let named = values.iter().zip(components);
            let named = named.map(|(value, param)| (param.name.clone(), json(value, &param.components)));
            Value::Object(named.collect())
        }
        DynSolValue::CustomStruct { prop_names, tuple, .. } => {
            let named = tuple.iter().zip(prop_names);
            Value::Object(named.map(|(value, name)| (name.clone(), json(value, &[]))).collect())
        }
        DynSolValue::Tuple(values) => values.iter().map(|value| json(value, &[])).collect(),
    }
}

/// Which contracts are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// The pool.
    pub pool: Address,
    /// The distributor of rewards.
    pub distributor: Option<Address>,
    /// The oracle of its roots.
    pub oracle: Option<Address>,
    /// Borrowers' contracts, by what they are called. Whoever gets a share of the stake is followed as well.
    pub proxies: BTreeMap<String, Address>,
    /// The block in which the first of them was created.
    pub start: u64,
}

impl Contracts {
    /// Those that are known from the beginning.
    pub fn watched(&self) -> BTreeMap<Address, Kind> {
        let proxies = self.proxies.values().map(|proxy| (*proxy, Kind::Proxy));
        let distributor = self.distributor.map(|address| (address, Kind::Distributor));
        let oracle = self.oracle.map(|address| (address, Kind::Oracle));
        proxies.chain(distributor).chain(oracle).chain([(self.pool, Kind::Pool)]).collect()
    }
}
