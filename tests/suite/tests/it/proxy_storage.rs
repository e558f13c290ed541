//! The borrower proxy's storage against `data/proxy-storage.csv`, the golden table of its layout: after a scenario that touches whatever
//! there is, the words are exactly those that the getters explain.

use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use suite::{
    abi::ITrustedBorrowerL2Proxy as P,
    deployment::role,
    prelude::*,
    proxy::{ASSET, DAY, KEY, ROLES, VAULT, epoch},
};

const GOLDEN: &str = include_str!("../../data/proxy-storage.csv");
const DECLARED: &str = include_str!("../../../../contracts/trusted-borrower-l2-proxy/src/state.rs");

/// Slot, field and parts with their widths.
type Row = (u64, &'static str, Vec<(&'static str, usize)>);

fn golden() -> Vec<Row> {
    let rows = GOLDEN.lines().skip(1).map(|line| {
        let [place, field, word] = line.split(',').collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
        let slot = place.split('[').next().and_then(|slot| slot.parse().ok()).expect("a slot");
        let parts = word.split(' ').map(|part| part.split_once(':').expect("a width"));
        (slot, field, parts.map(|(name, bits)| (name, bits.parse().expect("a number"))).collect())
    });
    rows.collect()
}

/// A word of these parts, the least significant first.
fn word(field: &str, values: &[U256]) -> U256 {
    let (_, _, parts) = golden().into_iter().find(|(_, name, _)| *name == field).expect("a row");
    assert_eq!(parts.len(), values.len(), "{field}");
    let (mut word, mut shift) = (u(0), 0);
    for ((name, bits), value) in parts.into_iter().zip(values) {
        assert!(value.bit_len() <= bits, "{field}.{name} does not hold {value}");
        word |= *value << shift;
        shift += bits;
    }
    word
}

fn slot(field: &str, key: B256) -> U256 {
    let (number, ..) = golden().into_iter().find(|(_, name, _)| *name == field).expect("a row");
    keccak256((key, u(number)).abi_encode()).into()
}

#[test]
fn the_golden_layout_is_the_one_that_the_program_documents() {
    let declared: Vec<_> = DECLARED.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1).collect();
    let golden = golden();
    assert_eq!(declared.len(), golden.len());
    for (line, (slot, field, parts)) in declared.iter().zip(golden) {
        assert!(line.starts_with(&format!("{slot} | `{field}`")), "{line}");
        if field == "accounts" {
            continue; // A bit for each of the seven roles, then one for recipients: in words there.
        }
        let parts: Vec<_> = parts.iter().map(|(name, bits)| format!("{} {bits}", name.replace('_', " "))).collect();
        assert!(line.ends_with(&format!("| {} |", parts.join(", "))), "{line}: {parts:?}");
    }
}

#[test]
fn every_word_is_explained() {
    let mut market = super::proxy_borrowing::in_default();
    let proxy = market.proxy();
    let other = market.pool.who("X0");
    // Every field that there is: two owners, two guardians, restriction, approval, a blocked key, vaults, a cancellation, a trade.
    market.by("o").send(P::grantRoleCall { role: role("OWNER_ROLE"), account: other }).unwrap();
    market.by("g").send(P::grantRoleCall { role: role("GUARDIAN_ROLE"), account: other }).unwrap();
    market.by("o").send(P::allowExternalRecipientCall { recipient: other }).unwrap();
    market.by("o").send(P::grantRoleCall { role: role("BORROWER_ROLE"), account: other }).unwrap();
    market.by("o").send(P::revokeRoleCall { role: role("BORROWER_ROLE"), account: other }).unwrap();
    market.by("g").restrict(true).unwrap();
    market.by("g").approve(u(7) << 100).unwrap();
    market.register(124, proxy).unwrap();
    market.register(125, proxy).unwrap();
    for key in [124, 125] {
        market.by("o").send(P::allowStarkKeyCall { starkKey: u(key) }).unwrap();
    }
    market.by("g").send(P::guardianBlockStarkKeyCall { starkKey: u(124), isBlocked: true }).unwrap();
    market.by("o").send(P::disallowStarkKeyCall { starkKey: u(125) }).unwrap();
    market.at(epoch(1) + DAY);
    market.by("o").send(P::allowDepositVaultCall { starkKey: u(124), assetType: u(1), vaultId: u(2) }).unwrap();
    let cancel = P::depositCancelCall { starkKey: u(KEY), assetType: u(ASSET), vaultId: u(VAULT) };
    market.by("o").send(cancel).unwrap();
    let trades = [1, 2].map(|nonce| std::array::from_fn(|index| u(index as u64 * nonce)));
    for args in trades {
        market.by("o").send(P::queueForcedTradeRequestCall { args }).unwrap();
    }
    let hash = |words: &[U256]| keccak256(words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect::<Vec<_>>());
    market.by("v").send(P::guardianVetoForcedTradeRequestsCall { argsHashes: vec![hash(&trades[1])] }).unwrap();

    let holds = |name: &str, account| market.view(P::hasRoleCall { role: role(name), account });
    let people: Vec<_> = ["o", "g", "v", "b", "e", "w", "r", "X0", "maker"].map(|name| market.pool.who(name)).into();
    let count = |name: &str| u(people.iter().filter(|account| holds(name, **account)).count() as u64);
    let flag = |value: bool| u(u64::from(value));
    let restricted = flag(market.view(P::isBorrowingRestrictedCall {}));
    let status = [count("OWNER_ROLE"), count("GUARDIAN_ROLE"), restricted, market.approved()];
    assert_eq!(status[..2], [u(2), u(2)]);
    let mut expected = BTreeMap::from([(u(0), word("status", &status))]);
    for account in &people {
        let bits = ROLES.iter().enumerate().filter(|(_, (name, _))| holds(name, *account));
        let roles = bits.fold(u(0), |bits, (index, _)| bits | (u(1) << index));
        let recipient = flag(market.view(P::isRecipientAllowedCall { recipient: *account }));
        expected.insert(slot("accounts", account.into_word()), word("accounts", &[roles, recipient]));
    }
    for key in [KEY, 124, 125].map(u) {
        let allowed = flag(market.view(P::isStarkKeyAllowedCall { starkKey: key }));
        let blocked = flag(market.view(P::isStarkKeyBlockedCall { starkKey: key }));
        expected.insert(slot("keys", key.into()), word("keys", &[allowed, blocked]));
    }
    for place in [[u(KEY), u(ASSET), u(VAULT)], [u(124), u(1), u(2)]] {
        let [key, asset, vault] = place;
        let record = market.view(P::getDepositVaultCall { starkKey: key, assetType: asset, vaultId: vault });
        let parts = [record.allowedFrom, flag(record.isBeingCancelled)];
        expected.insert(slot("vaults", hash(&place)), word("vaults", &parts));
    }
    let queued = market.view(P::getQueuedForcedTradeTimestampCall { argsHash: hash(&trades[0]) });
    expected.insert(slot("queue", hash(&trades[0])), word("queue", &[queued]));
    expected.retain(|_, word| !word.is_zero());
    assert_eq!(market.pool.chain.storage_of(proxy), expected);
}
