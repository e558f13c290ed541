//! The same events as configuration of OpenZeppelin Monitor, for who runs that already: which contracts, which events, which network. It knows
//! events and functions of contracts, and nothing of what they add up to: alerts about states are told by `tidepool watch` alone.

use abi::decode::interface;
use alloy_json_abi::JsonAbi;
use alloy_primitives::Address;
use serde_json::{Value, json};

use crate::Contracts;

/// Events of the pool, of distributor and oracle, and of market makers' proxies that people should know of.
const EVENTS: [(&str, &[&str]); 3] = [
    (
        "pool",
        &[
            "DiamondCut",
            "RoleGranted",
            "RoleRevoked",
            "OwnerProposed",
            "ScheduledBorrowerAllocationChange",
            "BorrowerCapChanged",
            "BorrowingRestrictionChanged",
            "RewardsPerSecondUpdated",
            "EpochParametersChanged",
            "BlackoutWindowChanged",
            "DebtMarked",
            "OperatorDecreasedBorrowerDebt",
        ],
    ),
    (
        "rewards",
        &[
            "RootProposed",
            "RootUpdated",
            "RootCancelled",
            "RootUpdatesPaused",
            "RootUpdatesUnpaused",
            "RewardsOracleChanged",
            "ReportDiffers",
            "QuorumChanged",
            "RoleGranted",
            "RoleRevoked",
            "OwnerProposed",
        ],
    ),
    (
        "proxy",
        &[
            "QueuedForcedTradeRequest",
            "DepositVaultAllowed",
            "UpdatedStarkKey",
            "UpdatedExternalRecipient",
            "BorrowingRestrictionChanged",
            "RoleGranted",
            "RoleRevoked",
        ],
    ),
];

/// A contract with its interface, by group.
fn contracts(contracts: &Contracts) -> Vec<(&'static str, Address, JsonAbi)> {
    let one = |name: &str| interface(name).unwrap_or_default();
    let with_roles = |name: &str| {
        let (mut abi, roles) = (one(name), one("IRoles"));
        abi.events.extend(roles.events);
        abi
    };
    let mut all = vec![("pool", contracts.pool, one("pool"))];
    all.extend(contracts.distributor.map(|address| ("rewards", address, with_roles("IMerkleDistributor"))));
    all.extend(contracts.oracle.map(|address| ("rewards", address, with_roles("IRewardsOracle"))));
    all.extend(contracts.proxies.values().map(|address| ("proxy", *address, one("ITrustedBorrowerL2Proxy"))));
    all
}

/// Files of its folder `config`: path and text. URLs of the node and of the webhook are read from the environment when it runs.
pub fn files(deployment: &Contracts, chain: u64) -> Vec<(String, Value)> {
    let slug = format!("tidepool_{chain}");
    let network = json!({
        "network_type": "EVM",
        "slug": slug,
        "name": format!("Chain {chain}"),
        "rpc_urls": [{ "type_": "rpc", "url": { "type": "environment", "value": "TIDEPOOL_RPC" }, "weight": 100 }],
        "chain_id": chain,
        "block_time_ms": 250,
        "confirmation_blocks": 1,
        "cron_schedule": "*/10 * * * * *",
        "max_past_blocks": 1_000,
        "store_blocks": false,
    });
    let trigger = json!({
        "tidepool_webhook": {
            "name": "Tidepool webhook",
            "trigger_type": "webhook",
            "config": {
                "url": { "type": "environment", "value": "TIDEPOOL_WEBHOOK" },
                "method": "POST",
                "message": { "title": "${monitor.name}", "body": "${events.0.signature} in ${transaction.hash}" },
            },
        },
    });
    let mut files =
        vec![(format!("networks/{slug}.json"), network), ("triggers/tidepool_webhook.json".to_owned(), trigger)];
    for (group, names) in EVENTS {
        let known: Vec<_> = contracts(deployment).into_iter().filter(|(of, ..)| *of == group).collect();
        if known.is_empty() {
            continue;
        }
        let is_asked = |name: &str| names.contains(&name);
        let mut signatures: Vec<_> = known
            .iter()
            .flat_map(|(.., abi)| abi.events.values().flatten())
            .filter(|event| is_asked(&event.name))
            .map(alloy_json_abi::Event::signature)
            .collect();
        signatures.sort();
        signatures.dedup();
        let addresses: Vec<_> = known
            .iter()
            .map(|(_, address, abi)| {
                let events: Vec<_> = abi.events.values().flatten().filter(|event| is_asked(&event.name)).collect();
                json!({ "address": address, "contract_spec": events })
            })
            .collect();
        let events: Vec<_> =
            signatures.into_iter().map(|signature| json!({ "signature": signature, "expression": null })).collect();
        let monitor = json!({
            "name": format!("Tidepool {group}"),
            "paused": false,
            "networks": [slug],
            "addresses": addresses,
            "match_conditions": {
                "functions": [],
                "events": events,
                "transactions": [{ "status": "Success", "expression": null }],
            },
            "trigger_conditions": [],
            "triggers": ["tidepool_webhook"],
        });
        files.push((format!("monitors/tidepool_{group}.json"), monitor));
    }
    files
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_event_that_is_named_is_declared() {
        let names = ["Pool", "MerkleDistributor", "RewardsOracle", "Borrower-maker"];
        let all: BTreeMap<_, _> =
            (1..).zip(names).map(|(byte, name)| (name.to_owned(), Address::repeat_byte(byte))).collect();
        let deployment = Contracts::of_book(all, 0).unwrap();
        let files = files(&deployment, 42_161);
        assert_eq!(files.len(), 5);
        for (group, names) in EVENTS {
            let (_, monitor) = files.iter().find(|(path, _)| path.ends_with(&format!("{group}.json"))).unwrap();
            assert_eq!(monitor["addresses"][0]["contract_spec"][0]["type"], "event");
            let signatures = monitor["match_conditions"]["events"].as_array().unwrap();
            for name in names {
                let has = signatures
                    .iter()
                    .any(|event| event["signature"].as_str().unwrap().starts_with(&format!("{name}(")));
                assert!(has, "{group}: {name}");
            }
        }
    }
}
