//! People and a pool: an epoch with a shortfall in it, by commands alone.

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::{SolCall, SolError};
use chain::Account;
use serde_json::{Value, json};
use suite::abi::{IEpochSchedule, IExchange, IPoolErrors as errors, IToken};

use crate::deploy::{NOW, Place, deployer};

/// Start of epoch zero, and length of an epoch, of the place's plan.
const ZERO: u64 = NOW + 86_400;
const EPOCH: u64 = 28 * 86_400;

/// A pool that its deployer owns, with a borrower; alice and the maker have keys in files.
struct People(Place);

impl People {
    fn new() -> Self {
        let place = Place::new();
        let safe = Account::named("safe").address().to_string();
        let guard = Account::named("guard").address().to_string();
        let own = deployer().address().to_string();
        let plan = place.plan().replace(&format!("owner = \"{safe}\""), &format!("owner = \"{own}\""));
        let plan =
            plan.replace(&format!("borrower_admin = \"{guard}\"\n"), "").replace("cache = \"bid\"", "cache = \"none\"");
        place.write("plan.toml", &plan);
        let (code, _, errors) = place.run(&place.deploying("plan.toml", &[]));
        // The treasury has approved nothing yet.
        assert_eq!(code, 4, "{errors}");
        for name in ["alice", "maker"] {
            let account = Account::named(name);
            place.write(&format!("{name}.key"), &format!("{}\n", account.key()));
            place.ask("hardhat_setBalance", json!([account.address(), "0x3635c9adc5dea00000"]));
        }
        let people = Self(place);
        let alice = Account::named("alice").address();
        people.give(people.0.tokens[0], alice, U256::from(1_500_000_000));
        let treasury = Account::named("treasury").address();
        people.give(people.0.tokens[1], treasury, U256::from(10).pow(U256::from(24)));
        let approve = IToken::approveCall { spender: people.0.address("Pool"), value: U256::MAX };
        people.0.impersonate(treasury, people.0.tokens[1], &approve.abi_encode());
        people
    }

    fn give(&self, token: Address, to: Address, value: U256) {
        let mint = IToken::mintCall { to, value };
        self.0.impersonate(to, token, &mint.abi_encode());
    }

    fn at(&self, time: u64) {
        self.0.at(time);
    }

    /// A command of somebody who signs; what it says on both streams.
    #[track_caller]
    fn by(&self, name: &str, arguments: &[&str]) -> String {
        let key = if name == "deployer" { "key".to_owned() } else { format!("{name}.key") };
        let signing = ["--deployment", "book", "--private-key-file", &key, "--yes"];
        let (code, out, errors) = self.0.run(&[arguments, &signing].concat());
        assert_eq!(code, 0, "{arguments:?}: {out}{errors}");
        out + &errors
    }

    /// A command of somebody who signs, and of which only the transactions matter.
    #[track_caller]
    fn sends(&self, name: &str, arguments: &[&str]) {
        let printed = self.by(name, &[arguments, &["--json"]].concat());
        assert!(printed.contains("\"hash\": \"0x"), "{arguments:?}: {printed}");
    }

    #[track_caller]
    fn refused(&self, name: &str, arguments: &[&str], words: &str) {
        let key = format!("{name}.key");
        let signing = ["--deployment", "book", "--private-key-file", &key, "--yes"];
        let (code, out, errors) = self.0.run(&[arguments, &signing].concat());
        assert_ne!(code, 0, "{arguments:?}: {out}{errors}");
        assert!(errors.contains(words), "{words:?} is not in: {errors}");
    }

    #[track_caller]
    fn read(&self, arguments: &[&str]) -> Value {
        let (code, out, errors) = self.0.run(&[arguments, &["--deployment", "book", "--json"]].concat());
        assert_eq!(code, 0, "{arguments:?}: {errors}");
        serde_json::from_str(&out).unwrap()
    }

    /// What a command prints that sends nothing.
    #[track_caller]
    fn prints(&self, arguments: &[&str]) -> String {
        let (code, out, errors) = self.0.run(&[arguments, &["--deployment", "book"]].concat());
        assert_eq!(code, 0, "{arguments:?}: {errors}");
        out
    }

    fn tokens(&self, owner: Address) -> u64 {
        let data = alloy_primitives::hex::encode_prefixed(IToken::balanceOfCall { account: owner }.abi_encode());
        let answer = self.0.ask("eth_call", json!([{ "to": self.0.tokens[0], "data": data }, "latest"]));
        answer.as_str().unwrap().parse::<U256>().unwrap().to()
    }
}

#[test]
fn an_epoch_with_a_shortfall_by_commands_alone() {
    let people = People::new();
    let alice = Account::named("alice").address();
    let proxy = people.0.address("Borrower-maker");

    // Before epoch zero: a share rises for a borrower that the book knows, nobody gives.
    assert!(people.by("deployer", &["pool", "allocations", "maker=30%"]).contains("25 % to 30 %"));
    let maker = Account::named("maker").address().to_string();
    let role = keccak256("BORROWER_ROLE").to_string();
    people.sends("maker", &["call", "Borrower-maker", "grantRole", &role, &maker]);

    // Epoch zero: alice stakes, the maker borrows what its share allows.
    people.at(ZERO + 10);
    people.refused("alice", &["pool", "stake", "0.0000001"], "the token has 6");
    people.refused(
        "alice",
        &["pool", "stake", "2,000"],
        "2000 USDC is more than there is of tokens to stake: 1500 USDC",
    );
    assert!(people.by("alice", &["pool", "stake", "1,000.5"]).contains("1000.5 USDC are staked and earn now"));
    assert_eq!(people.read(&["pool", "account", &alice.to_string()])["active"], "1000500000");
    people.refused("maker", &["pool", "borrow", "300.16", "--proxy", "maker"], "300.15 USDC are left to borrow");
    people.sends("maker", &["pool", "borrow", "max", "--proxy", "maker"]);
    let borrowers = people.read(&["pool", "borrowers"]);
    assert_eq!(borrowers["borrowers"][0]["borrowed"], "300150000");
    assert_eq!(borrowers["borrowers"][0]["share"], 3_000);

    // She asks for nearly everything back; one request too many is taken back.
    people.sends("alice", &["pool", "request", "900.5"]);
    people.sends("alice", &["pool", "cancel", "100.5"]);
    people.refused("alice", &["pool", "cancel", "800.000001"], "more than there is of request to take back");
    people.refused("alice", &["pool", "withdraw", "max"], "the 800 USDC that are requested can be from 2027-02-13");
    let status = people.read(&["pool", "status"]);
    assert_eq!((status["active_next"].as_str(), status["shortfall"].as_str()), (Some("200500000"), Some("0")));
    assert_eq!(status["shortfall_of_next_epoch"], "99650000");

    // In the blackout window a guardian's plan would restrict the maker and take back what is too much.
    people.at(ZERO + EPOCH - 10);
    let plan = people.prints(&["pool", "guardian", "plan", "--proxy", "maker", "--as", "calldata"]);
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan[0]["call"], "guardianSetBorrowingRestriction(isBorrowingRestricted: true)");
    assert_eq!(plan[1]["call"], "guardianRepayBorrow(amount: 240000000)");
    assert_eq!(plan.as_array().unwrap().len(), 2);

    // The next epoch is short by what was lent beyond what stays: withdrawing marks the debt first.
    people.at(ZERO + EPOCH + 10);
    assert_eq!(people.read(&["pool", "status"])["shortfall"], "99650000");
    let said = people.by("alice", &["pool", "withdraw", "max"]);
    assert!(said.contains("the pool is short by 99.65 USDC") && said.contains("will owe 99.65 USDC"), "{said}");
    let kept = people.tokens(alice);
    assert!((1_199_849_990..=1_199_850_000).contains(&kept), "{kept}");
    assert_eq!(people.read(&["pool", "shortfalls"])["shortfalls"].as_array().unwrap().len(), 1);

    // The borrower pays its debt and its loan, and she gets the rest.
    people.sends("maker", &["pool", "repay-debt", "max", "--proxy", "maker"]);
    people.sends("maker", &["pool", "repay", "max", "--proxy", "maker"]);
    people.sends("alice", &["pool", "withdraw-debt", "max"]);
    let all = people.tokens(alice);
    // What stays staked is 200.5; one unit of rounding stays in the pool at most.
    assert!((1_299_499_999..=1_299_500_000).contains(&all), "{all}");
    assert_eq!(people.tokens(proxy), 0);
    // A permit that she signs is sent by another.
    let (code, out, errors) = people.0.run(&[
        "pool",
        "permit",
        "maker",
        "12.5",
        "--until",
        "2031-01-01T00:00:00Z",
        "--deployment",
        "book",
        "--private-key-file",
        "alice.key",
        "--yes",
    ]);
    assert_eq!(code, 0, "{errors}");
    let permit: Value = serde_json::from_str(&out).unwrap();
    let field = |name: &str| permit[name].as_str().map_or_else(|| permit[name].to_string(), str::to_owned);
    let arguments = ["owner", "spender", "value", "deadline", "v", "r", "s"].map(field);
    let arguments: Vec<_> =
        ["call", "Pool", "permit"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    people.sends("maker", &arguments);
    let allowance = ["call", "Pool", "allowance", &alice.to_string(), "Borrower-maker"];
    assert_eq!(people.prints(&allowance).trim(), "12500000");
    assert!(people.by("alice", &["pool", "claim"]).contains("the rewards went to"));
    assert!(people.prints(&["pool", "calendar", "--ics"]).contains("SUMMARY:Blackout window of epoch 1"));
}

#[test]
fn governance_proposes_what_it_does_not_send() {
    let people = People::new();
    let pool = people.0.address("Pool");
    let rate = U256::from(200_000_000_000_000_000_u64);
    let data = IEpochSchedule::setRewardsPerSecondCall { emissionPerSecond: rate }.abi_encode();
    let data = alloy_primitives::hex::encode_prefixed(data);
    let proposed = |form: &[&str]| people.prints(&[&["pool", "rate", "0.2", "--as"], form].concat());
    let file: Value = serde_json::from_str(&proposed(&["safe"])).unwrap();
    assert_eq!(file["transactions"][0], json!({ "to": pool, "value": "0", "data": data }));
    assert_eq!(file["chainId"], "412346");
    let calls: Value = serde_json::from_str(&proposed(&["calldata"])).unwrap();
    assert_eq!(calls[0]["call"], "setRewardsPerSecond(emissionPerSecond: 200000000000000000)");
    let timelock: Value = serde_json::from_str(&proposed(&["timelock", "--delay", "172800"])).unwrap();
    assert!(timelock["schedule"].as_str().unwrap().contains(&data[2..]));
    let governor: Value = serde_json::from_str(&proposed(&["governor"])).unwrap();
    assert!(governor["propose"].as_str().unwrap().contains(&data[2..]));

    // A batch of two, shown in words, and sent; a changed file is refused.
    assert_eq!(people.0.run(&["batch", "new", "batch.json"]).0, 0);
    people.prints(&["pool", "rate", "0.2", "--into", "batch.json"]);
    people.prints(&["pool", "restriction", "maker", "--into", "batch.json"]);
    let shown = people.0.run(&["batch", "show", "batch.json"]).1;
    assert!(shown.contains("setRewardsPerSecond") && shown.contains("isBorrowingRestricted: true"), "{shown}");
    let text = std::fs::read_to_string(people.0.path("batch.json")).unwrap();
    people.0.write("forged.json", &text.replace("\"value\": \"0\"", "\"value\": \"1\""));
    let (code, _, errors) = people.0.run(&["batch", "show", "forged.json"]);
    assert!(code == 1 && errors.contains("somebody changed it"), "{errors}");
    let (code, _, errors) = people.0.run(&["batch", "send", "batch.json", "--private-key-file", "key", "--yes"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(people.read(&["pool", "status"])["rewards_per_second"], rate.to_string());
    assert_eq!(people.read(&["pool", "borrowers"])["borrowers"][0]["restricted"], true);

    // Nothing is signed here: the transaction is printed for another to sign.
    let own = deployer().address().to_string().to_lowercase();
    let (code, out, errors) =
        people.0.run(&["pool", "rate", "0.3", "--deployment", "book", "--from", &own, "--unsigned", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let unsigned: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&unsigned["to"], &unsigned["from"]), (&json!(pool), &json!(own)));
    assert_eq!(people.read(&["pool", "status"])["rewards_per_second"], rate.to_string());

    // A share for anybody whom the book does not know is refused.
    let stranger = Account::named("stranger").address().to_string();
    let (code, _, errors) =
        people.0.run(&["pool", "allocations", &format!("{stranger}=5%"), "--as", "safe", "--deployment", "book"]);
    assert!(code == 1 && errors.contains("not a borrower of the deployment's book"), "{errors}");

    // Words for call data and errors.
    assert!(people.0.run(&["decode", &data]).1.contains("setRewardsPerSecond(emissionPerSecond: 200000000000000000)"));
    let error = errors::EpochZeroNotStarted { timestamp: U256::from(1), start: U256::from(2) }.abi_encode();
    let said = people.0.run(&["decode", &alloy_primitives::hex::encode_prefixed(error)]).1;
    assert_eq!(said.trim(), "error EpochZeroNotStarted(timestamp: 1, start: 2)");
    assert_eq!(people.0.run(&["decode", "0x01020304"]).0, 1);
    assert!(people.prints(&["call", "Pool", "getOwnerCount"]).trim() == "1");
    // An answer that is a struct has names, also as JSON.
    let account = people.read(&["call", "Pool", "getAccount", &own])["values"][0].clone();
    assert!(account.as_str().unwrap().starts_with("(activeCurrentEpoch: 0, activeNextEpoch: 0, "), "{account}");
}

#[test]
fn what_a_market_maker_may_deal_with_and_what_happened() {
    let people = People::new();
    let [alice, maker] = ["alice", "maker"].map(|name| Account::named(name).address());
    let proxy = people.0.address("Borrower-maker");
    people.at(ZERO + 10);
    people.sends("alice", &["pool", "stake", "1,000"]);
    people.sends("alice", &["pool", "transfer", &maker.to_string(), "10.5"]);

    // Keys, vaults and recipients: allowed, listed, taken back.
    let through = |arguments: &[&str]| people.sends("maker", &[arguments, &["--proxy", "maker"]].concat());
    let list = |what: &str| people.read(&["pool", what, "list", "--proxy", "maker"])["entries"].clone();
    for role in ["DELEGATION_ADMIN_ROLE", "BORROWER_ROLE", "EXCHANGE_OPERATOR_ROLE", "WITHDRAWAL_OPERATOR_ROLE"] {
        let role = keccak256(role).to_string();
        people.sends("maker", &["call", "Borrower-maker", "grantRole", &role, &maker.to_string()]);
    }
    // The exchange knows the key as the proxy's.
    let key = U256::from(123);
    let message = [b"UserRegistration:".as_slice(), proxy.as_slice(), &key.to_be_bytes::<32>()].concat();
    let signature = Account::named("operator").sign(keccak256(message)).as_bytes().to_vec().into();
    let register = IExchange::registerUserCall { ethKey: proxy, starkKey: key, signature };
    people.0.impersonate(maker, people.0.exchange, &register.abi_encode());
    through(&["pool", "keys", "allow", "123"]);
    assert_eq!(list("keys"), json!([{ "key": "123", "allowed": true, "blocked": false }]));
    through(&["pool", "vaults", "allow", "123", "4", "5"]);
    assert_eq!(list("vaults")[0]["allowed_from"].as_u64().unwrap() / 1_000, (ZERO + 10 + 3 * 86_400) / 1_000);
    through(&["pool", "vaults", "disallow", "123", "4", "5"]);
    assert_eq!(list("vaults")[0]["allowed_from"], 0);
    through(&["pool", "keys", "disallow", "123"]);
    assert_eq!(list("keys")[0]["allowed"], false);
    through(&["pool", "recipients", "allow", &alice.to_string()]);
    assert_eq!(list("recipients"), json!([{ "recipient": alice.to_string().to_lowercase(), "allowed": true }]));
    through(&["pool", "recipients", "disallow", &alice.to_string()]);

    // Anybody pays a loan back, no more than is owed.
    people.sends("maker", &["pool", "borrow", "200", "--proxy", "maker"]);
    people.sends("alice", &["pool", "repay", "50", "--proxy", "maker", "--own-tokens"]);
    people.refused("alice", &["pool", "repay", "151", "--proxy", "maker", "--own-tokens"], "150 USDC are borrowed");
    people.sends("alice", &["pool", "repay", "max", "--proxy", "maker", "--own-tokens"]);
    assert_eq!(people.read(&["pool", "borrowers"])["borrowers"][0]["borrowed"], "0");
    assert_eq!(people.tokens(alice), 300_000_000);

    // Who the market makers are, by the list beside the book.
    let unknown = Account::named("unknown").address();
    let table = format!(
        "[[borrower]]\naddress = \"{proxy}\"\nname = \"First Maker\"\nlink = \"https://maker.example\"\n\
         [[borrower]]\naddress = \"{unknown}\"\nname = \"Second\"\nnote = \"\\u001b[1A\"\n"
    );
    people.0.write("book/borrowers.toml", &table);
    let borrowers = people.read(&["pool", "borrowers"])["borrowers"].clone();
    let named =
        |name: &str| borrowers.as_array().unwrap().iter().find(|one| one["listed"]["name"] == name).unwrap().clone();
    assert_eq!((&named("First Maker")["confirmed"], &named("Second")["confirmed"]), (&json!(true), &json!(false)));
    let shown = people.prints(&["pool", "borrowers"]);
    assert!(shown.contains("https://maker.example") && shown.contains("not confirmed by governance"), "{shown}");
    assert!(!shown.contains('\u{1b}'));

    // What happened to her, also as a table.
    let history = people.read(&["pool", "history", &alice.to_string()]);
    let events: Vec<_> =
        history["events"].as_array().unwrap().iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert!(
        events.iter().any(|event| event.starts_with("Staked(") && event.contains("amount: 1000000000")),
        "{events:?}"
    );
    assert!(
        events.iter().any(|event| event.starts_with("Transfer(") && event.contains("value: 10500000")),
        "{events:?}"
    );
    assert_eq!(history["events"][0]["time"], ZERO + 10);
    let csv = people.prints(&["pool", "history", &alice.to_string(), "--csv"]);
    assert_eq!(csv.lines().count(), events.len() + 1);
    people.read(&["pool", "calendar", "--epochs", "2"]);
    people.read(&["pool", "roles"]);
    let call = hex(&IEpochSchedule::sweepSurplusCall {}.abi_encode());
    let (code, out, _) = people.0.run(&["decode", &call, "--json"]);
    assert!(code == 0 && out.contains("sweepSurplus"), "{out}");
}

fn hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode_prefixed(bytes)
}

#[test]
fn programs_are_kept_alive_and_cached() {
    let people = People::new();
    // In its first month nothing can be done, and nothing has to be.
    let (code, _, errors) =
        people.0.run(&["pool", "keepalive", "--deployment", "book", "--private-key-file", "key", "--yes"]);
    assert!(code == 5 && errors.contains("more than 60 days left"), "{errors}");
    assert!(people.by("deployer", &["pool", "cache"]).contains("programs got a place"));
    let (code, _, errors) =
        people.0.run(&["pool", "cache", "--deployment", "book", "--private-key-file", "key", "--yes"]);
    assert!(code == 5 && errors.contains("has its place"), "{errors}");
    // Later they are given another year, by anybody; and what has expired is activated again.
    people.at(NOW + 310 * 86_400);
    let staking = people.0.address("Staking");
    let left = || {
        let call = chain::abi::ArbWasm::programTimeLeftCall { program: staking };
        let call = json!([{ "to": chain::addresses::ARB_WASM, "data": hex(&call.abi_encode()) }, "latest"]);
        people.0.ask("eth_call", call).as_str().unwrap().parse::<U256>().unwrap().to::<u64>() / 86_400
    };
    assert!(left() < 60);
    people.sends("deployer", &["pool", "keepalive"]);
    assert!(left() > 360);
    people.at(NOW + 700 * 86_400);
    assert!(people.by("deployer", &["pool", "keepalive"]).contains("is not active"));
    assert!(left() > 360);
}

#[test]
fn in_a_terminal_it_asks_and_nothing_is_sent_before_the_answer() {
    let people = People::new();
    people.at(ZERO + 10);
    let alice = Account::named("alice").address();
    let staking = ["pool", "stake", "10", "--deployment", "book", "--private-key-file", "alice.key"];
    let staked = || people.read(&["pool", "account", &alice.to_string()])["active"].clone();
    // Without a terminal there is nobody to ask.
    let (code, _, errors) = people.0.run(&staking);
    assert!(code == 2 && errors.contains("no terminal"), "{errors}");
    for (typed, code, words) in
        [(&b"n\n"[..], 1, "nothing was sent"), (b"\n", 1, "nothing was sent"), (b"\x03", 130, "")]
    {
        let (found, screen) = people.0.in_terminal(&staking, "[y/N]", typed);
        assert_eq!(found, code, "{screen}");
        assert!(screen.contains(words) && !screen.contains("sent 0x"), "{screen}");
        assert_eq!(staked(), "0");
    }
    // An allowance first, then the stake: each is shown and asked for. One answer is not two.
    let (code, screen) = people.0.in_terminal(&staking, "[y/N]", b"y\n\x03");
    assert_eq!(code, 130, "{screen}");
    assert_eq!(staked(), "0");
    let (code, screen) = people.0.in_terminal(&staking, "[y/N]", b"y\ny\n");
    assert!(code == 0 && screen.contains("10 USDC are staked and earn now"), "{screen}");
    assert_eq!(staked(), "10000000");

    // A deployment that is interrupted at its question has sent nothing, and goes on when it is repeated.
    let nonce = people.0.nonce();
    people.0.write("second.toml", &people.0.plan().replace("salt = \"test\"", "salt = \"second\""));
    let deploying = people.0.deploying("second.toml", &[]);
    let deploying: Vec<_> = deploying.into_iter().map(|word| if word == "book" { "second" } else { word }).collect();
    let asking: Vec<_> = deploying.iter().copied().filter(|word| *word != "--yes").collect();
    people.0.ask("evm_setNextBlockTimestamp", json!([ZERO + 20]));
    let (code, screen) = people.0.in_terminal(&asking, "transactions? [y/N]", b"\x03");
    assert!(code == 1 && screen.contains("a pool is made before epoch zero"), "{screen}");
    let later = people.0.plan().replace("salt = \"test\"", "salt = \"second\"").replace("2027-01-16", "2028-01-16");
    people.0.write("second.toml", &later);
    let (code, screen) = people.0.in_terminal(&asking, "transactions? [y/N]", b"\x03");
    assert_eq!((code, people.0.nonce()), (130, nonce), "{screen}");
    let (code, _, errors) = people.0.run(&deploying);
    assert_eq!(code, 4, "{errors}");

    // Who has read enough is no reason to fail.
    let script = format!("'{}' pool calendar --epochs 500 --deployment book | head -1", env!("CARGO_BIN_EXE_tidepool"));
    let (code, screen) = people.0.in_shell(&format!("set -o pipefail; {script}"));
    assert!(code == 0 && screen.lines().count() == 1, "{code}: {screen}");
}
