//! Keeper and monitor beside a node.

mod life;
mod processes;
mod runbooks;
mod year;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use alloy_sol_types::SolCall;
use chain::Account;
use clap::Parser;
use client::{
    Node, Sender, Sending,
    bindings::{IBorrowerAllocations as B, IRewardsOracle as O, IStaking as S, ITrustedBorrowerL2Proxy as T},
};
use keeper::Contracts;
use serde_json::json;
use suite::abi::IToken;

use crate::deploy::{NOW, Place};

/// Start of epoch zero, and length of an epoch, of the place's plan.
const ZERO: u64 = NOW + DAY;
const EPOCH: u64 = 28 * DAY;
const DAY: u64 = 86_400;

/// A millionth of a staked token is a unit.
const fn usdc(tokens: u64) -> U256 {
    U256::from_limbs([tokens * 1_000_000, 0, 0, 0])
}

fn who(name: &str) -> Address {
    Account::named(name).address()
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    sending: Sending,
}

/// A pool in the hands of its owner, with people who have tokens, and keys in files.
struct Scene {
    place: Place,
    contracts: Contracts,
}

impl Scene {
    fn new(arbos: u64) -> Self {
        Self::with(arbos, |plan| plan)
    }

    /// The same with another plan.
    fn with(arbos: u64, plan: impl Fn(String) -> String) -> Self {
        let change = plan;
        let place = Place::on(chain::node::NodeSettings {
            timestamp: Some(NOW),
            frozen: true,
            arbos,
            ..chain::node::NodeSettings::default()
        });
        let [one, two, three] = ["maker", "second", "third"].map(|name| format!("\"{}\"", who(name)));
        let plan = place.plan().replace(
            &format!("reporters = [{one}]\nquorum = 1"),
            &format!("reporters = [{one}, {two}, {three}]\nquorum = 2"),
        );
        place.write("plan.toml", &change(plan));
        let (code, _, errors) = place.run(&place.deploying("plan.toml", &[]));
        assert_eq!(code, 4, "the owner has not accepted: {errors}");
        place.is_accepted();
        let all: BTreeMap<String, Address> = serde_json::from_value(place.addresses()).unwrap();
        let contracts = Contracts::of_book(all, 0).unwrap();
        let scene = Self { place, contracts };
        for name in ["keeper", "other", "guard", "maker", "safe"] {
            scene.place.write(&format!("{name}.key"), &format!("{}\n", Account::named(name).key()));
            scene.fund(name, 100_000_000_000_000_000);
        }
        for name in ["alice", "bob"] {
            scene.mint(0, name, usdc(10_000));
            let approve = IToken::approveCall { spender: scene.contracts.pool, value: U256::MAX };
            scene.place.impersonate(who(name), scene.place.tokens[0], &approve.abi_encode());
        }
        scene.mint(1, "treasury", U256::from(1_000_000) * U256::from(10).pow(U256::from(18)));
        let role = keccak256("BORROWER_ROLE");
        scene.by("maker", scene.proxy(), &T::grantRoleCall { role, account: who("maker") });
        scene
    }

    /// No contracts: nothing is deployed.
    fn nowhere() -> Contracts {
        Contracts::of_book(BTreeMap::from([("Pool".to_owned(), Address::ZERO)]), 0).unwrap()
    }

    /// The chain runs another version of Stylus from now on: every program stops.
    fn upgrade_chain(&self) {
        let call = chain::abi::ArbOwner::scheduleArbOSUpgradeCall { newVersion: 61, timestamp: 0 };
        self.place.impersonate(Account::owner().address(), chain::addresses::ARB_OWNER, &call.abi_encode());
        self.place.ask("evm_mine", json!([]));
        self.reactivate_doubles();
    }

    /// Tokens and exchange of the tests are programs too, and in no book. The two tokens are one code.
    fn reactivate_doubles(&self) {
        self.activate(self.place.tokens[0]);
        self.activate(self.place.exchange);
    }

    /// Somebody activates a program.
    fn activate(&self, program: Address) {
        let from = who("stranger");
        self.fund("stranger", 1_000_000_000_000_000_000);
        self.place.ask("evm_impersonateAccount", json!([from]));
        let call = client::bindings::ArbWasm::activateProgramCall { program };
        let (value, data) = (U256::from(10_u64.pow(16)), hex::encode_prefixed(call.abi_encode()));
        let transaction = json!([{ "from": from, "to": client::ARB_WASM, "value": value, "data": data }]);
        let hash = self.place.ask("eth_sendTransaction", transaction);
        assert_eq!(self.place.ask("eth_getTransactionReceipt", json!([hash]))["status"], "0x1");
    }

    fn proxy(&self) -> Address {
        self.contracts.proxies["maker"]
    }

    fn mint(&self, token: usize, name: &str, value: U256) {
        let mint = IToken::mintCall { to: who(name), value };
        self.place.impersonate(who(name), self.place.tokens[token], &mint.abi_encode());
    }

    fn fund(&self, name: &str, wei: u64) {
        self.place.ask("hardhat_setBalance", json!([who(name), U256::from(wei)]));
    }

    fn by<C: SolCall>(&self, name: &str, to: Address, call: &C) {
        self.place.impersonate(who(name), to, &call.abi_encode());
    }

    fn stake(&self, name: &str, tokens: u64) {
        self.by(name, self.contracts.pool, &S::stakeCall { amount: usdc(tokens) });
    }

    fn request(&self, name: &str, tokens: u64) {
        self.by(name, self.contracts.pool, &S::requestWithdrawalCall { amount: usdc(tokens) });
    }

    fn borrow(&self, tokens: u64) {
        self.by("maker", self.proxy(), &T::borrowCall { amount: usdc(tokens) });
    }

    fn repay(&self, tokens: u64) {
        self.by("maker", self.proxy(), &T::repayBorrowCall { amount: usdc(tokens) });
    }

    /// Governance lets the market maker borrow again.
    fn lift(&self) {
        let call = B::setBorrowingRestrictionCall { borrower: self.proxy(), isBorrowingRestricted: false };
        self.by("guard", self.contracts.pool, &call);
    }

    fn report(&self, epoch: u64, root: B256, reporters: [&str; 2]) {
        let call = O::writeOracleDataCall { merkleRoot: root, epoch: U256::from(epoch), ipfsCid: b"cid".into() };
        reporters.iter().for_each(|name| self.by(name, self.contracts.oracle.unwrap(), &call));
    }

    /// A command as it stands in an alert, signed by somebody.
    #[track_caller]
    fn command(&self, name: &str, command: &str) {
        let words = command.strip_prefix("tidepool ").unwrap_or_else(|| panic!("{command:?} is a command"));
        let words: Vec<_> = words.split_whitespace().collect();
        let key = format!("{name}.key");
        let (code, out, errors) =
            self.place.run(&[&words[..], &["--deployment", "book", "--private-key-file", &key, "--yes"]].concat());
        assert_eq!(code, 0, "{command}: {out}{errors}");
    }

    fn sender(&self, name: &str) -> Sender {
        let key = self.place.path(&format!("{name}.key")).display().to_string();
        let arguments = ["keeper", "--rpc", self.place.url(), "--private-key-file", &key, "--yes"];
        Arguments::parse_from(arguments).sending.prepare().unwrap()
    }

    fn node(&self) -> Node {
        Node::at_url(self.place.url()).unwrap()
    }

    /// The pool is short from the first second of epoch one on.
    fn short(&self) {
        self.place.at(ZERO + 10);
        self.stake("alice", 1_000);
        self.borrow(250);
        self.request("alice", 900);
        self.place.at(ZERO + EPOCH);
    }
}
