//! A facet of an older build is upgraded and rolled back by a Safe; what a rehearsal, a simulated batch and a copy of a chain show.

use std::{fs, path::Path};

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use alloy_sol_types::SolCall;
use chain::{
    Account,
    node::{Node, NodeSettings},
};
use client::Request;
use serde_json::{Value, json};
use suite::abi::{IPoolViews, IStaking, IToken};

use crate::deploy::{NOW, Place, deployer};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/target/stylus");

/// Start of epoch zero of the place's plan.
const ZERO: u64 = NOW + 86_400;

/// A module with a custom section behind it: another code that does the same.
fn variant(program: &str) -> Bytes {
    let mut module = fs::read(format!("{PROGRAMS}/{program}.wasm")).unwrap();
    module.extend([0, 6, 5]);
    module.extend(b"older");
    chain::compress(&module)
}

/// A folder of programs with other code for one of them.
fn build_with(place: &Place, folder: &str, program: &str, code: &[u8]) -> String {
    let to = place.path(folder);
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(PROGRAMS).unwrap() {
        let from = file.unwrap().path();
        fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    }
    fs::write(to.join(program).with_extension("code"), code).unwrap();
    to.display().to_string()
}

/// A pool of an older build in the hands of a Safe, with alice's stake in it.
pub(crate) fn older_pool() -> (Place, String) {
    pool_with(|_| variant("staking"))
}

/// The same with any code for its staking; and the folder of that build.
fn pool_with(staking: impl Fn(&Place) -> Bytes) -> (Place, String) {
    let place = Place::new();
    let older = build_with(&place, "older", "staking", &staking(&place));
    let (code, _, errors) = place.run(&place.deploying_from(&older, "plan.toml", &[]));
    assert_eq!(code, 4, "the owner has not accepted: {errors}");
    place.is_accepted();
    assert_eq!(place.verify_with(&older), (0, json!([])));
    let [alice, pool] = [Account::named("alice").address(), place.address("Pool")];
    let to = Account::named("treasury").address();
    place.impersonate(to, place.tokens[1], &IToken::mintCall { to, value: U256::MAX >> 8 }.abi_encode());
    place.impersonate(
        alice,
        place.tokens[0],
        &IToken::mintCall { to: alice, value: U256::from(5_000_000) }.abi_encode(),
    );
    place.impersonate(alice, place.tokens[0], &IToken::approveCall { spender: pool, value: U256::MAX }.abi_encode());
    place.at(ZERO + 10);
    place.impersonate(alice, pool, &IStaking::stakeCall { amount: U256::from(4_000_000) }.abi_encode());
    (place, older)
}

/// Executes a Safe's file, as the Safe.
pub(crate) fn execute(place: &Place, file: &Value) {
    for call in file["transactions"].as_array().unwrap() {
        let data = hex::decode(call["data"].as_str().unwrap()).unwrap();
        place.impersonate(Account::named("safe").address(), call["to"].as_str().unwrap().parse().unwrap(), &data);
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_facet_of_an_older_build_is_upgraded_by_a_safe_and_rolled_back() {
    let (place, older) = older_pool();
    let upgrading = ["upgrade", "staking", "--programs", PROGRAMS, "--unlisted-programs", "--deployment", "book"];
    let signing = ["--private-key-file", "key", "--yes"];

    // A rehearsal sends nothing, and shows both sides.
    let before = place.nonce();
    let (code, out, errors) = place.run(&[&upgrading[..], &["--rehearse", "--json"]].concat());
    assert_eq!((code, place.nonce()), (0, before), "{errors}");
    let rehearsed: Value = serde_json::from_str(&out).unwrap();
    let side = &rehearsed["sides"][0];
    assert_eq!((&side["facet"], &side["from"]["address"]), (&json!("staking"), &json!(place.address("Staking"))));
    assert_ne!(side["from"]["hash"], side["to"]["hash"]);
    assert!(["added", "removed", "moved", "interface"].iter().all(|part| side[part] == json!([])), "{side}");
    let rehearsed = &rehearsed["rehearsed"];
    assert_eq!((&rehearsed["same_answers"], &rehearsed["same_life"]), (&json!(true), &json!(true)), "{errors}");
    assert!(rehearsed["invariants"].as_array().unwrap().iter().all(|one| one["holds"] == true));
    let played = rehearsed["life_after"].as_array().unwrap();
    assert!(played.iter().all(|step| step["gas"].is_u64()), "{played:?}");
    let calls: Vec<_> = played.iter().map(|step| step["call"].as_str().unwrap()).collect();
    let borrowed = ["borrow", "repayBorrow", "requestWithdrawal", "cancelWithdrawal", "claimRewards"];
    assert_eq!(calls, [&borrowed[..], &["withdrawMaxStake", "stake", "transfer"]].concat());
    assert_eq!(played[2]["scenario"], "ls.requestWithdrawal.all");
    assert!(!place.path("book/upgrades.json").exists());

    // The programs are deployed, the cut is a file for the Safe; until it is executed, verification names each route.
    let (code, out, errors) = place.run(&[&upgrading[..], &signing].concat());
    assert_eq!(code, 0, "{errors}");
    let proposal: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(proposal["transactions"], read(&place.path("book/upgrade-1.safe.json"))["transactions"]);
    let (code, differences) = place.verify_with(PROGRAMS);
    assert_eq!(code, 4);
    let differences = differences.as_array().unwrap();
    let answered = |one: &&Value| one["what"].as_str().unwrap().ends_with("is answered by");
    assert_eq!(differences.iter().filter(answered).count(), differences.len(), "{differences:?}");
    assert_eq!(differences.len(), 13, "each function of the facet");
    execute(&place, &proposal);
    assert_eq!(place.verify_with(PROGRAMS), (0, json!([])));
    let (code, _, errors) = place.run(&[&upgrading[..], &signing].concat());
    assert!(code == 5 && errors.contains("these facets already"), "{code}: {errors}");

    // And back: nothing is deployed for that, so no key is needed.
    let (code, out, errors) = place.run(&["rollback", "--deployment", "book"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(place.verify_with(&older).0, 4, "not executed yet");
    execute(&place, &serde_json::from_str(&out).unwrap());
    assert_eq!(place.verify_with(&older), (0, json!([])));
    let (code, _, errors) = place.run(&["rollback", "--deployment", "book"]);
    assert!(code == 5 && errors.contains("no upgrade that is in force"), "{code}: {errors}");
    what_breaks_the_pool_is_refused(&place);
    batches_are_played_and_a_chain_is_copied(&place);
}

/// Creates and activates a program beside those of the pool.
fn put(place: &Place, code: Bytes) -> Address {
    let creation = ::deploy::Creation::new("part of an older build", code, None, B256::repeat_byte(7));
    let Request { to, value, data } = creation.request(U256::from(10).pow(U256::from(18)));
    let from = Account::named("operator").address();
    place.ask("evm_impersonateAccount", json!([from]));
    let hash = place.ask("eth_sendTransaction", json!([{ "from": from, "to": to, "value": value, "data": data }]));
    assert_eq!(place.ask("eth_getTransactionReceipt", json!([hash]))["status"], "0x1");
    creation.address()
}

/// Staking as an older build might have it: besides its own functions it answers `getAccount`, which is with the views today.
fn with_get_account(place: &Place) -> Bytes {
    let views = fs::read(format!("{PROGRAMS}/pool-views.code")).unwrap();
    let [views, staking] = [views.into(), variant("staking")].map(|code| put(place, code));
    let bytes = [views.as_slice(), staking.as_slice(), &IPoolViews::getAccountCall::SELECTOR].concat();
    let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let module = format!(
        r#"(module
            (import "vm_hooks" "read_args" (func $read_args (param i32)))
            (import "vm_hooks" "delegate_call_contract" (func $delegate (param i32 i32 i32 i64 i32) (result i32)))
            (import "vm_hooks" "read_return_data" (func $read_return_data (param i32 i32 i32) (result i32)))
            (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
            (memory (export "memory") 1 1)
            (data (i32.const 0) "{data}")
            (func (export "user_entrypoint") (param $len i32) (result i32) (local $status i32)
                (call $read_args (i32.const 64))
                (local.set $status (call $delegate
                    (select (i32.const 0) (i32.const 20) (i32.eq (i32.load (i32.const 64)) (i32.load (i32.const 40))))
                    (i32.const 64) (local.get $len) (i64.const -1) (i32.const 48)))
                (call $write_result (i32.const 16384)
                    (call $read_return_data (i32.const 16384) (i32.const 0) (i32.load (i32.const 48))))
                (local.get $status)))"#
    );
    chain::compress(&wat::parse_str(module).unwrap())
}

#[test]
fn a_function_moves_from_one_facet_to_another_and_back() {
    let (place, older) = pool_with(with_get_account);
    let (code, out, errors) =
        place.run(&["pool", "cut", "--replace", "Staking=getAccount", "--as", "safe", "--deployment", "book"]);
    assert_eq!(code, 0, "{errors}");
    execute(&place, &serde_json::from_str(&out).unwrap());
    let answering = || {
        let (_, differences) = place.verify_with(&older);
        let [one] = &differences.as_array().unwrap()[..] else { panic!("{differences:#}") };
        assert_eq!(one["what"], "pool: getAccount is answered by");
    };
    answering();

    // Alone, the new staking would leave getAccount to nobody.
    let upgrading = ["--programs", PROGRAMS, "--unlisted-programs", "--deployment", "book"];
    let signing = ["--private-key-file", "key", "--yes"];
    let (code, _, errors) = place.run(&[&["upgrade", "staking"], &upgrading[..], &signing].concat());
    assert!(
        code == 1 && errors.contains("getAccount has moved to the facet pool-views in this build"),
        "{code}: {errors}"
    );
    let (code, out, errors) =
        place.run(&[&["upgrade", "staking", "pool-views", "--json"], &upgrading[..], &signing].concat());
    assert_eq!(code, 0, "{errors}");
    let upgraded: Value = serde_json::from_str(&out).unwrap();
    let side = |facet: &str| upgraded["sides"].as_array().unwrap().iter().find(|side| side["facet"] == facet).unwrap();
    assert_eq!((&side("pool-views")["moved"], &side("staking")["moved"]), (&json!(["getAccount"]), &json!([])));
    assert!(["added", "removed"].iter().all(|part| side("staking")[part] == json!([])), "{upgraded:#}");
    let rehearsed = &upgraded["rehearsed"];
    assert_eq!((&rehearsed["same_answers"], &rehearsed["same_life"]), (&json!(true), &json!(true)), "{errors}");
    assert_eq!(upgraded["transactions"], 2, "staking and its place in the cache; the views are there already");
    execute(&place, &read(&place.path("book/upgrade-1.safe.json")));
    assert_eq!(place.verify_with(PROGRAMS), (0, json!([])));

    let (code, out, errors) = place.run(&["rollback", "--deployment", "book"]);
    assert_eq!(code, 0, "{errors}");
    execute(&place, &serde_json::from_str(&out).unwrap());
    answering();
}

fn what_breaks_the_pool_is_refused(place: &Place) {
    let before = place.nonce();
    let refused = |arguments: &[&str], words: &str| {
        let signing = ["--deployment", "book", "--private-key-file", "key", "--yes"];
        let (code, out, errors) = place.run(&[arguments, &signing].concat());
        assert!(code == 1 && errors.contains(words), "{arguments:?}: {code}: {out}{errors}");
        assert_eq!(place.nonce(), before, "nothing is sent");
    };
    // A facet that does not cut in the place of the one that does.
    let mute = build_with(place, "mute", "diamond-cut", &variant("pool-views"));
    let upgrading = ["upgrade", "diamond-cut", "--programs", &mute];
    refused(&upgrading, "--unlisted-programs goes on all the same");
    refused(&[&upgrading[..], &["--unlisted-programs"]].concat(), "the pool refuses the cut");
    // A table of storage that this build contradicts.
    let book = fs::read_to_string(place.path("book/Pool.json")).unwrap();
    place.write("book/Pool.json", &book.replace("3,total_active,epoch:16", "3,total_active,epoch:32"));
    refused(
        &["upgrade", "staking", "--programs", PROGRAMS, "--unlisted-programs"],
        "keeps things elsewhere than the pool does: its table of storage has no 3,total_active,epoch:32",
    );
    place.write("book/Pool.json", &book);
    // Cuts of one's own.
    let views = place.address("PoolViews").to_string();
    let cut = |what: &[&str]| place.run(&[&["pool", "cut", "--as", "safe", "--deployment", "book"], what].concat());
    let (code, out, errors) = cut(&["--replace", &format!("{views}=stake,restake")]);
    assert_eq!(code, 0, "{errors}");
    assert!(
        errors.contains("stake: ") && errors.contains("(Staking) to ") && errors.contains("(PoolViews)"),
        "{errors}"
    );
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["transactions"].as_array().unwrap().len(), 1);
    let (code, _, errors) = cut(&["--remove", "markDebt"]);
    assert!(code == 1 && errors.contains("RequiredSelectorUnrouted"), "{errors}");
    let (code, _, errors) = cut(&["--add", &format!("{}=0x01020304", place.tokens[0])]);
    assert_eq!(code, 0, "{errors}");
    let (code, _, errors) = cut(&["--add", &format!("{}=0x01020304", deployer().address())]);
    assert!(code == 1 && errors.contains("no program that is active"), "{errors}");
}

fn batches_are_played_and_a_chain_is_copied(place: &Place) {
    // A batch that comes through: events, words by name, invariants.
    place.run(&["batch", "new", "batch.json"]);
    let into = |arguments: &[&str]| {
        let (code, _, errors) = place.run(&[arguments, &["--deployment", "book", "--into", "batch.json"]].concat());
        assert_eq!(code, 0, "{errors}");
    };
    into(&["pool", "rate", "0.1"]);
    let head = place.ask("eth_blockNumber", json!([]));
    let simulate = ["batch", "simulate", "batch.json", "--deployment", "book"];
    let (code, out, errors) = place.run(&[&simulate[..], &["--json"]].concat());
    assert_eq!(code, 0, "{out}{errors}");
    let played: Value = serde_json::from_str(&out).unwrap();
    let call = &played["calls"][0];
    let events = call["events"].as_array().unwrap();
    assert!(
        events.iter().any(|one| one.as_str().unwrap().contains("RewardsPerSecondUpdated(emissionPerSecond: 1000")),
        "{call}"
    );
    assert!(call["words"].as_array().unwrap().iter().any(|word| word["name"] == "emission"), "{call}");
    assert_eq!(played["from"], json!(Account::named("safe").address()));
    assert_eq!(place.ask("eth_blockNumber", json!([])), head, "nothing is sent");
    // One that is refused stops there.
    let stranger = deployer().address().to_string();
    let (code, out, _) = place.run(&[&simulate[..], &["--from", &stranger]].concat());
    assert!(code == 4 && out.contains("REFUSED: ") && out.contains("AccessControlUnauthorizedAccount"), "{out}");

    // A copy of the chain is a chain of its own, on which alice leaves.
    let (code, out, errors) = place.run(&["fork", "--state", "copy.json", "--deployment", "book", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let copied: Value = serde_json::from_str(&out).unwrap();
    assert!(
        copied["stakers"] == 1 && copied["borrowers"] == 1 && copied["contracts"].as_u64().unwrap() > 15,
        "{copied}"
    );
    let settings = NodeSettings { frozen: true, ..NodeSettings::default() };
    let copy = Node::load(settings, &place.path("copy.json")).unwrap();
    let ask = |method: &str, params: Value| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = copy.handle(request.to_string().as_bytes()).unwrap();
        serde_json::from_slice::<Value>(&answer).unwrap()["result"].clone()
    };
    let alice = Account::named("alice").address();
    let send = |to: Address, data: Vec<u8>| {
        ask("evm_impersonateAccount", json!([alice]));
        let hash = ask("eth_sendTransaction", json!([{ "from": alice, "to": to, "data": Bytes::from(data) }]));
        assert_eq!(ask("eth_getTransactionReceipt", json!([hash]))["status"], "0x1");
    };
    let pool = place.address("Pool");
    send(pool, IStaking::requestWithdrawalCall { amount: U256::from(4_000_000) }.abi_encode());
    ask("evm_setNextBlockTimestamp", json!([ZERO + 29 * 86_400]));
    send(pool, IStaking::withdrawMaxStakeCall { recipient: alice }.abi_encode());
    let held = Bytes::from(IToken::balanceOfCall { account: alice }.abi_encode());
    let held = ask("eth_call", json!([{ "to": place.tokens[0], "data": held }, "latest"]));
    assert_eq!(held.as_str().unwrap().parse::<U256>().unwrap(), U256::from(5_000_000));
}

#[test]
fn a_deployment_is_rehearsed_by_somebody_without_a_key() {
    let place = Place::new();
    let own = deployer().address().to_string();
    let head = place.ask("eth_blockNumber", json!([]));
    let arguments = ["deploy", "plan.toml", "--programs", PROGRAMS, "--unlisted-programs", "--deployment", "book"];
    let (code, out, errors) =
        place.run(&[&arguments[..], &["--rehearse", "--from", &own, "--unsigned", "--json"]].concat());
    assert_eq!(code, 4, "the owner has not accepted: {errors}");
    let rehearsed: Value = serde_json::from_str(&out).unwrap();
    assert!(
        rehearsed["transactions"].as_u64().unwrap() > 30 && rehearsed["gas_used"].as_u64().unwrap() > 50_000_000,
        "{out}"
    );
    let differences =
        rehearsed["verified"]["comparisons"].as_array().unwrap().iter().filter(|one| one["holds"] == false);
    let is_expected = |what: &str| what.contains("OWNER_ROLE") || what.contains("the treasury allows");
    assert!(differences.map(|one| one["what"].as_str().unwrap()).all(is_expected), "{out}");
    assert_eq!(place.ask("eth_blockNumber", json!([])), head, "nothing is sent");
    assert!(!place.path("book").exists());
    // What is sent afterwards stands where the rehearsal said.
    assert_eq!(place.run(&place.deploying("plan.toml", &[])).0, 4);
    assert_eq!(place.addresses(), rehearsed["addresses"]);
    // An older build is not listed.
    let older = build_with(&place, "older", "staking", &variant("staking"));
    let (code, _, errors) =
        place.run(&["deploy", "plan.toml", "--programs", &older, "--private-key-file", "key", "--yes"]);
    assert!(code == 1 && errors.contains("--unlisted-programs goes on all the same"), "{errors}");
}
