//! From a plan to a verified deployment: the command line on a node, with the compiled programs.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use alloy_sol_types::SolCall;
use chain::{Account, Chain, node::NodeSettings};
use serde_json::{Value, json};
use suite::{
    abi::{IExchange, IRoles, IToken},
    deployment::{self, role},
};
use tempfile::TempDir;

use crate::nodes::Served;

/// Programs that were built last.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/target/stylus");

/// Time of the chain, and start of epoch zero.
pub(crate) const NOW: u64 = 1_800_000_000;
const EPOCH_ZERO: &str = "2027-01-16T08:00:00Z";

/// A node, two tokens, an exchange's stand-in, and a folder with a plan and keys.
pub(crate) struct Place {
    folder: TempDir,
    served: Served,
    pub(crate) tokens: [Address; 2],
    /// Operated by the account "operator".
    pub(crate) exchange: Address,
}

/// Who deploys: an account of the node's phrase.
pub(crate) fn deployer() -> Account {
    Account::mnemonic(9)
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::on(NodeSettings { timestamp: Some(NOW), frozen: true, ..NodeSettings::default() })
    }

    pub(crate) fn on(settings: NodeSettings) -> Self {
        let served = Served::new(settings);
        let mut chain = Chain::connect(&served.url).unwrap();
        let staked = deployment::token(&mut chain, "token", "USD Coin", "USDC", 6);
        let rewards = deployment::token(&mut chain, "token", "dYdX", "DYDX", 18);
        let wasm = deployment::doubles().wasm("exchange").unwrap();
        let exchange = chain.from("operator").deploy_wasm(&wasm).unwrap().address;
        let operator = Account::named("operator").address();
        chain.from("operator").call(exchange, IExchange::initializeCall { operator }).unwrap();
        drop(chain);
        let folder = TempDir::new().unwrap();
        let place = Self { folder, served, tokens: [staked, rewards], exchange };
        place.write("key", &format!("{}\n", deployer().key()));
        place.write("plan.toml", &place.plan());
        place
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A plan with every kind of step; the Safe owns.
    pub(crate) fn plan(&self) -> String {
        let ([staked, rewards], exchange) = (self.tokens, self.exchange);
        let [safe, treasury, maker, guard] =
            ["safe", "treasury", "maker", "guard"].map(|name| Account::named(name).address());
        format!(
            r#"
chain = 412346
salt = "test"
cache = "bid"
max_bid = "0.001"

[tokens]
staked = {{ address = "{staked}", decimals = 6 }}
rewards = {{ address = "{rewards}", decimals = 18 }}

[pool]
name = "Staked USDC"
symbol = "stkUSDC"
treasury = "{treasury}"
epoch_zero = "{EPOCH_ZERO}"
epoch = "28 days"
blackout = "14 days"
distribution_start = "{EPOCH_ZERO}"
distribution_end = "2032-01-16T08:00:00Z"
rewards_per_second = "0.15"

[roles]
owner = "{safe}"
borrower_admin = "{guard}"

[[borrower]]
name = "maker"
share = "25 %"
cap = "900"
exchange = "{exchange}"
owner = "{maker}"
guardian = "{safe}"
veto_guardian = "{guard}"

[rewards]
ipns_name = "rewards-data.example"
ipfs_update_period = "3 minutes"
market_maker_rewards = "1,150,685"
trader_rewards = "3,835,616"
alpha = "0.7"
epoch = "28 days"
epoch_zero = "{EPOCH_ZERO}"
reporters = ["{maker}"]
quorum = 1
pausers = ["{guard}"]
"#
        )
    }

    /// The command line in the folder, with no terminal, on this node.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidepool"));
        for name in ["TIDEPOOL_PRIVATE_KEY", "TIDEPOOL_MNEMONIC", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(name);
        }
        command
            .current_dir(self.folder.path())
            .env("TIDEPOOL_RPC", &self.served.url)
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_in(&[], arguments)
    }

    /// The same with variables of the environment.
    pub(crate) fn run_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).envs(environment.iter().copied()).output().unwrap();
        let Output { status, stdout, stderr } = output;
        crate::schemas::check(arguments, &stdout);
        (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// A script of the shell; its code, and both of its streams.
    pub(crate) fn in_shell(&self, script: &str) -> (i32, String) {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(self.folder.path()).env("TIDEPOOL_RPC", &self.served.url);
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    /// The command line in a terminal: what is typed is typed when it has asked the question. Its code, and what stood on the screen.
    pub(crate) fn in_terminal(&self, arguments: &[&str], question: &str, typed: &[u8]) -> (i32, String) {
        let quoted = |word: &&str| format!("'{word}'");
        let words: Vec<_> = [&[env!("CARGO_BIN_EXE_tidepool")], arguments].concat().iter().map(quoted).collect();
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
        command.current_dir(self.folder.path()).env("TIDEPOOL_RPC", &self.served.url);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("script, of util-linux, gives a terminal");
        let (mut screen, mut buffer) = (Vec::new(), [0; 4_096]);
        let (mut keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut is_typed = false;
        loop {
            let count = output.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            screen.extend_from_slice(&buffer[..count]);
            if !is_typed && String::from_utf8_lossy(&screen).contains(question) {
                keyboard.write_all(typed).unwrap();
                is_typed = true;
            }
        }
        let code = child.wait().unwrap().code().unwrap();
        (code, String::from_utf8(screen).unwrap())
    }

    /// The deployment of a plan, with more arguments.
    pub(crate) fn deploying<'a>(&self, plan: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        self.deploying_from(PROGRAMS, plan, more)
    }

    /// The same with programs of a folder, whoever compiled them.
    pub(crate) fn deploying_from<'a>(&self, programs: &'a str, plan: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let place = ["deploy", plan, "--programs", programs, "--unlisted-programs", "--deployment", "book"];
        [&place[..], &["--private-key-file", "key", "--yes"], more].concat()
    }

    fn verify(&self) -> (i32, Value) {
        self.verify_with(PROGRAMS)
    }

    /// What differs from the book and the programs of a folder, and the code of the command.
    pub(crate) fn verify_with(&self, programs: &str) -> (i32, Value) {
        let (code, out, errors) =
            self.run(&["verify-deployment", "--programs", programs, "--deployment", "book", "--json"]);
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {errors}"));
        let differences = report["comparisons"].as_array().unwrap().iter().filter(|one| one["holds"] == false);
        (code, differences.cloned().collect())
    }

    /// One difference is named, in these words, and nothing else.
    #[track_caller]
    fn differs(&self, words: &str) {
        let (code, differences) = self.verify();
        let named: Vec<_> = differences.as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
        assert_eq!(code, 4, "{differences:#}");
        assert!(named.iter().any(|what| what.contains(words)), "{words:?} is not among {named:?}");
    }

    /// Asks the node, past the command line.
    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        self.served.ask(method, params)
    }

    pub(crate) fn nonce(&self) -> u64 {
        let nonce = self.ask("eth_getTransactionCount", json!([deployer().address(), "latest"]));
        nonce.as_str().unwrap().parse::<U256>().unwrap().to()
    }

    pub(crate) fn impersonate(&self, from: Address, to: Address, data: &[u8]) {
        self.ask("evm_impersonateAccount", json!([from]));
        let transaction = json!([{ "from": from, "to": to, "data": hex::encode_prefixed(data) }]);
        let hash = self.ask("eth_sendTransaction", transaction);
        assert_eq!(self.ask("eth_getTransactionReceipt", json!([hash]))["status"], "0x1");
    }

    /// The owner takes the ownership, and the treasury lets pool and distributor spend its rewards.
    pub(crate) fn is_accepted(&self) {
        let [safe, treasury] = ["safe", "treasury"].map(|name| Account::named(name).address());
        let file: Value = serde_json::from_slice(&fs::read(self.path("book/acceptance.safe.json")).unwrap()).unwrap();
        for call in file["transactions"].as_array().unwrap() {
            let data = hex::decode(call["data"].as_str().unwrap()).unwrap();
            self.impersonate(safe, call["to"].as_str().unwrap().parse().unwrap(), &data);
        }
        for spender in ["Pool", "MerkleDistributor"].map(|name| self.address(name)) {
            let approve = IToken::approveCall { spender, value: U256::MAX };
            self.impersonate(treasury, self.tokens[1], &approve.abi_encode());
        }
    }

    /// The next block, and with it the chain, has this time.
    pub(crate) fn at(&self, time: u64) {
        self.ask("evm_setNextBlockTimestamp", json!([time]));
        self.ask("evm_mine", json!([]));
    }

    pub(crate) fn url(&self) -> &str {
        &self.served.url
    }

    pub(crate) fn snapshot(&self) -> Value {
        self.ask("evm_snapshot", json!([]))
    }

    pub(crate) fn revert(&self, snapshot: Value) {
        self.ask("evm_revert", json!([snapshot]));
    }

    pub(crate) fn addresses(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("book/addresses.json")).unwrap()).unwrap()
    }

    pub(crate) fn address(&self, name: &str) -> Address {
        self.addresses()[name].as_str().unwrap().parse().unwrap()
    }

    fn journal(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("book/journal.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Lines that are whole.
    fn lines(&self) -> usize {
        fs::read(self.path("book/journal.jsonl")).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count())
    }
}

#[test]
fn a_deployment_survives_kill_9_at_every_line_of_its_journal_and_is_verified() {
    let place = Place::new();
    let (code, preview, errors) = place.run(&place.deploying("plan.toml", &["--preflight", "--json"]));
    assert_eq!(code, 0, "{errors}");
    let preview: Value = serde_json::from_str(&preview).unwrap();
    assert_eq!(place.nonce(), 0, "nothing is sent by a look");

    // Each run is killed as soon as the journal has a line more than before, or two, until one comes to its end. One line may be a
    // transaction that was written down and never sent; if all were killed there, none would get further.
    let mut kills = 0;
    let (code, errors) = loop {
        let before = place.lines();
        let mut child = place
            .command(&place.deploying("plan.toml", &[]))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while place.lines() <= before + kills % 2 && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        if let Some(status) = child.try_wait().unwrap() {
            let output = child.wait_with_output().unwrap();
            break (status.code().unwrap(), String::from_utf8(output.stderr).unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 300, "it never ends");
    };
    assert_eq!(code, 4, "the owner has not accepted: {errors}");
    assert!(kills > 20, "{kills}");

    // No step was done twice, and each address is the one that was shown before.
    let journal = place.journal();
    let events = |kind: &str| journal.iter().filter(|line| line["event"] == kind).cloned().collect::<Vec<_>>();
    let confirmed = events("confirmed");
    let steps: BTreeSet<_> = confirmed.iter().map(|line| line["step"].to_string()).collect();
    assert_eq!(steps.len(), confirmed.len());
    let found: BTreeSet<_> = events("found").iter().map(|line| line["step"].to_string()).collect();
    assert!(found.is_empty(), "a transaction was lost from the journal: {found:?}");
    assert_eq!(place.nonce() as usize, confirmed.len());
    let shown: Vec<_> =
        preview["steps"].as_array().unwrap().iter().filter_map(|step| step["address"].as_str()).collect();
    let written: BTreeSet<_> =
        place.addresses().as_object().unwrap().values().map(|a| a.as_str().unwrap().to_lowercase()).collect();
    assert_eq!(written, shown.iter().map(|address| address.to_lowercase()).collect());

    // Another run sends nothing.
    let nonce = place.nonce();
    assert_eq!(place.run(&place.deploying("plan.toml", &[])).0, 4);
    assert_eq!(place.nonce(), nonce);
    is_read_by_tools_of_the_field(&place);
    is_handed_over(&place);
    each_change_is_named(&place);
}

/// The files have what hardhat-deploy gave them, and the router's is that of all facets.
fn is_read_by_tools_of_the_field(place: &Place) {
    let pool: Value = serde_json::from_slice(&fs::read(place.path("book/Pool.json")).unwrap()).unwrap();
    for field in ["address", "abi", "transactionHash", "receipt", "args", "bytecode", "deployedBytecode", "metadata"] {
        assert!(!pool[field].is_null(), "{field}");
    }
    assert_eq!(pool["receipt"]["status"], "0x1");
    let names: Vec<_> = pool["abi"].as_array().unwrap().iter().filter_map(|entry| entry["name"].as_str()).collect();
    for name in ["stake", "facets", "markDebt", "Staked", "UnknownSelector"] {
        assert!(names.contains(&name), "{name}");
    }
    let hash: B256 = pool["stylus"]["codeHash"].as_str().unwrap().parse().unwrap();
    let code = place.ask("eth_getCode", json!([pool["address"], "latest"]));
    assert_eq!(keccak256(hex::decode(code.as_str().unwrap()).unwrap()), hash);
    assert_eq!(pool["stylus"]["cached"], true);
}

/// Until the owner accepts and the treasury approves, verification names what is missing; then nothing.
fn is_handed_over(place: &Place) {
    place.differs("pool: OWNER_ROLE is held by");
    place.differs("the treasury allows");
    place.is_accepted();
    let (code, differences) = place.verify();
    assert_eq!((code, differences), (0, json!([])));

    // Without its book everything is found where it stands, and nothing is sent.
    let (nonce, addresses) = (place.nonce(), place.addresses());
    fs::rename(place.path("book"), place.path("old-book")).unwrap();
    let (code, _, errors) = place.run(&place.deploying("plan.toml", &[]));
    assert_eq!((code, place.nonce(), place.addresses()), (0, nonce, addresses), "{errors}");
    fs::remove_dir_all(place.path("book")).unwrap();
    fs::rename(place.path("old-book"), place.path("book")).unwrap();
}

/// An altered byte, another member of a role, an allowance of a clone, a program out of the cache, another route, another shares.
fn each_change_is_named(place: &Place) {
    let [safe, guard, stranger] = ["safe", "guard", "stranger"].map(|name| Account::named(name).address());
    let (pool, clone) = (place.address("Pool"), place.address("Borrower-maker"));
    let altered = |name: &str| {
        let code = place.ask("eth_getCode", json!([place.address(name), "latest"]));
        let mut code = hex::decode(code.as_str().unwrap()).unwrap();
        *code.last_mut().unwrap() ^= 1;
        place.ask("hardhat_setCode", json!([place.address(name), hex::encode_prefixed(code)]));
    };
    let grant = |role_name: &str| IRoles::grantRoleCall { role: role(role_name), account: stranger }.abi_encode();
    let before = place.snapshot();
    altered("Staking");
    place.differs("staking: code");
    place.revert(before);

    let before = place.snapshot();
    place.impersonate(safe, pool, &grant("CLAIM_OPERATOR_ROLE"));
    place.differs("pool: CLAIM_OPERATOR_ROLE is held by");
    place.revert(before);

    // An owner whom no event names, and whom no count counts.
    let before = place.snapshot();
    let slot = role_slot("OWNER_ROLE", guard);
    place.ask("hardhat_setStorageAt", json!([pool, slot, B256::from(U256::ONE)]));
    place.differs("pool: OWNER_ROLE");
    place.revert(before);

    let before = place.snapshot();
    let approve = IToken::approveCall { spender: stranger, value: U256::from(5) }.abi_encode();
    place.impersonate(clone, place.tokens[0], &approve);
    place.differs(&format!("for {stranger}"));
    place.revert(before);

    let before = place.snapshot();
    let code = place.ask("eth_getCode", json!([place.address("Staking"), "latest"]));
    let codehash = keccak256(hex::decode(code.as_str().unwrap()).unwrap());
    let evict = chain::abi::ArbWasmCache::evictCodehashCall { codehash }.abi_encode();
    place.impersonate(Account::owner().address(), chain::addresses::ARB_WASM_CACHE, &evict);
    place.differs("staking: in the program cache");
    place.revert(before);

    // A pool that a stranger constructed stands elsewhere: a book that names it is found out.
    let book = fs::read_to_string(place.path("book/addresses.json")).unwrap();
    let forged = book
        .replace(&pool.to_string(), &stranger.to_string())
        .replace(&pool.to_string().to_lowercase(), &stranger.to_string());
    place.write("book/addresses.json", &forged);
    place.differs("book: address of Pool");
    place.write("book/addresses.json", &book);
    assert_eq!(place.verify().0, 0);
}

/// Where a pool says that somebody holds a role: the mapping of mappings that the golden table has for it.
fn role_slot(name: &str, account: Address) -> B256 {
    let table = include_str!("../../../tests/suite/data/storage.csv");
    let row = table.lines().find(|line| line.contains(",access.has_role,")).unwrap();
    let place: u64 = row.split('[').next().unwrap().parse().unwrap();
    let inner = keccak256([role(name), B256::from(U256::from(place))].concat());
    keccak256([account.into_word(), inner].concat())
}

#[test]
fn what_cannot_succeed_is_refused_before_anything_is_sent() {
    let place = Place::new();
    let plan = place.plan();
    let refused = |plan: &str, words: &[&str]| {
        place.write("other.toml", plan);
        let (code, out, errors) = place.run(&place.deploying("other.toml", &[]));
        assert_eq!(code, 1, "{out}{errors}");
        words.iter().for_each(|word| assert!(errors.contains(word), "{word:?} is not in: {errors}"));
        assert_eq!(place.nonce(), 0);
        assert!(!place.path("book/journal.jsonl").exists());
    };
    let stranger = Account::named("stranger").address().to_string();
    refused(&plan.replace("412346", "42161"), &["of chain 412346", "for chain 42161"]);
    refused(&plan.replace(&place.tokens[0].to_string(), &stranger), &["tokens.staked", "no contract there"]);
    refused(&plan.replace("decimals = 6", "decimals = 18"), &["it says 6 decimals, the plan 18"]);
    let past = plan.replace(EPOCH_ZERO, "2026-01-16T08:00:00Z");
    refused(&past, &["pool.epoch_zero is 2026-01-16 08:00:00", "2027-01-15 08:00:00", "move it"]);

    let (_, preview, _) = place.run(&place.deploying("plan.toml", &["--preflight", "--json"]));
    let preview: Value = serde_json::from_str(&preview).unwrap();
    let staking = preview["steps"].as_array().unwrap().iter().find(|step| step["step"] == "staking").unwrap();
    let before = place.snapshot();
    place.ask("hardhat_setCode", json!([staking["address"], "0x00"]));
    refused(&plan, &["staking at", "code of the hash 0xbc36789e", "is expected"]);
    place.revert(before);

    let before = place.snapshot();
    place.ask("hardhat_setBalance", json!([deployer().address(), "0x1"]));
    refused(&plan, &["has 0.000000000000000001 ETH", "what is left may cost"]);
    place.revert(before);
}
