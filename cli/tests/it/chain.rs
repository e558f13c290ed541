//! A node with a distributor on it, beside the command line.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use alloy_primitives::{Address, B256, U256, hex};
use alloy_sol_types::SolCall;
use chain::{
    Account, Chain,
    node::{MNEMONIC, NodeSettings},
};
use serde_json::{Value, json};
use suite::{
    abi::{IMerkleDistributor as D, IRewardsOracle as O, IRoles, IToken},
    deployment::{self, role},
    distribution::{self, DAY, START, Terms, WAIT, tokens},
};
use tempfile::TempDir;

use crate::nodes::Served;

/// What the treasury has.
const TREASURY: u64 = 75_000_000;

/// The example of the keystore's definition, and its account.
const KEYSTORE: &str = r#"{
  "crypto": {
    "cipher": "aes-128-ctr",
    "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
    "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
    "kdf": "pbkdf2",
    "kdfparams": {
      "c": 262144,
      "dklen": 32,
      "prf": "hmac-sha256",
      "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
    },
    "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
  },
  "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  "version": 3
}"#;
const PASSWORD: &str = "testpassword";
const GINA: &str = "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b";

/// Signers, as arguments and variables.
const GINAS_KEYSTORE: &[&str] = &["--keystore", "gina.json", "--password-file", "password"];
const RUTHS_FILE: &[&str] = &["--private-key-file", "ruth.key"];
const STRANGERS_FILE: &[&str] = &["--private-key-file", "stranger.key"];
/// The fourth account of the node's phrase, which is claim operator.
const OPERATOR: &[&str] = &["--mnemonic-file", "words", "--mnemonic-index", "3"];

/// A node on a free port, a distributor whose two reporters must agree, and a folder to work in.
struct Scene {
    folder: TempDir,
    served: Served,
    distributor: Address,
    oracle: Address,
    token: Address,
}

impl Scene {
    fn new() -> Self {
        let settings = NodeSettings { timestamp: Some(START - DAY), frozen: true, ..NodeSettings::default() };
        let served = Served::new(settings);
        let mut chain = Chain::connect(&served.url).unwrap();
        let token = deployment::token(&mut chain, "token", "dYdX", "DYDX", 18);
        let distributor = distribution::deploy(&mut chain, token, Address::ZERO, &Terms::default()).unwrap().address;
        let reporters = ["ruth", "sam"].map(|name| chain.account(name).address()).to_vec();
        let oracle = distribution::deploy_oracle(&mut chain, distributor, reporters, U256::from(2)).unwrap().address;
        let set = D::setRewardsOracleCall { rewardsOracle: oracle };
        chain.from("GOV").call(distributor, set).unwrap();
        for (name, account) in [("CLAIM_OPERATOR_ROLE", Account::mnemonic(3)), ("PAUSER_ROLE", chain.account("PAUSE"))]
        {
            let grant = IRoles::grantRoleCall { role: role(name), account: account.address() };
            chain.from("GOV").call(distributor, grant).unwrap();
        }
        let (to, value) = (chain.account("treasury").address(), tokens(TREASURY));
        chain.from("treasury").call(token, IToken::mintCall { to, value }).unwrap();
        chain.from("treasury").call(token, IToken::approveCall { spender: distributor, value }).unwrap();
        chain.account("stranger");
        chain.set_balance(GINA.parse().unwrap(), U256::from(10).pow(U256::from(18)));
        drop(chain);

        let folder = TempDir::new().unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        file("gina.json", KEYSTORE);
        file("password", &format!("{PASSWORD}\n"));
        file("words", &format!("{MNEMONIC}\n"));
        for name in ["ruth", "stranger"] {
            file(&format!("{name}.key"), &format!("{}\n", key(name)));
        }
        Self { folder, served, distributor, oracle, token }
    }

    /// The command line in the folder, with no terminal, on this node, with these variables.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidepool"));
        for name in ["TIDEPOOL_PRIVATE_KEY", "TIDEPOOL_MNEMONIC", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("TIDEPOOL_RPC", &self.served.url).envs(variables.iter().copied());
        let output = command.arg("rewards").args(arguments).stdin(Stdio::null()).output().unwrap();
        crate::schemas::check(&[&["rewards"], arguments].concat(), &output.stdout);
        output
    }

    /// Arguments with the distributor.
    fn here(&self, arguments: &[&str], more: &[&str]) -> Vec<String> {
        let distributor = self.distributor.to_string();
        [arguments, &["--distributor", &distributor], more].concat().into_iter().map(str::to_owned).collect()
    }

    #[track_caller]
    fn prints(&self, arguments: &[impl AsRef<str>]) -> String {
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        let output = self.run(&arguments, &[]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command that fails: its code, and everything that it says.
    #[track_caller]
    fn fails(&self, arguments: &[impl AsRef<str>]) -> (i32, String) {
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        said(&self.run(&arguments, &[]))
    }

    /// Refused with this code and these words.
    #[track_caller]
    fn refused(&self, arguments: &[impl AsRef<str>], code: i32, words: &[&str]) {
        let (found, text) = self.fails(arguments);
        assert_eq!(found, code, "{text}");
        for word in words {
            assert!(text.contains(word), "{word:?} is not in: {text}");
        }
    }

    fn publish(&self, results: &str, signer: &[&str]) -> Vec<String> {
        let oracle = self.oracle.to_string();
        let all = ["publish", results, "--oracle", &oracle, "--yes"].into_iter().chain(signer.iter().copied());
        all.map(str::to_owned).collect()
    }

    /// The second report, with a key from the environment: standard output, which is JSON, and standard error.
    fn publish_as_sam(&self, results: &str) -> (Value, String) {
        let arguments = self.publish(results, &["--json"]);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = self.run(&arguments, &[("TIDEPOOL_PRIVATE_KEY", &key("sam"))]);
        assert!(output.status.success(), "{}", said(&output).1);
        (serde_json::from_slice(&output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Asks the node, past the command line.
    fn ask(&self, method: &str, params: Value) -> Value {
        self.served.ask(method, params)
    }

    /// A transaction of somebody, past the command line.
    fn impersonate(&self, name: &str, to: Address, call: &impl SolCall) {
        let from = Account::named(name).address();
        let data = hex::encode_prefixed(call.abi_encode());
        self.ask("evm_impersonateAccount", json!([from]));
        let hash = self.ask("eth_sendTransaction", json!([{ "from": from, "to": to, "data": data }]));
        assert_eq!(self.ask("eth_getTransactionReceipt", json!([hash]))["status"], "0x1", "{name}");
    }

    fn view<C: SolCall>(&self, to: Address, call: &C) -> C::Return {
        let data = hex::encode_prefixed(call.abi_encode());
        let answer = self.ask("eth_call", json!([{ "to": to, "data": data }, "latest"]));
        C::abi_decode_returns(&hex::decode(answer.as_str().unwrap()).unwrap()).unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.ask("evm_increaseTime", json!([seconds]));
        self.ask("evm_mine", json!([]));
    }

    fn balance(&self, account: Address) -> U256 {
        self.view(self.token, &IToken::balanceOfCall { account })
    }

    fn treasury(&self) -> U256 {
        self.balance(Account::named("treasury").address())
    }

    /// The leaves of a tree file.
    fn leaves(&self, results: &str) -> Vec<(Address, U256)> {
        let text = fs::read(self.folder.path().join(results).join("tree.json")).unwrap();
        let pairs: Vec<(Address, String)> = serde_json::from_slice(&text).unwrap();
        pairs.into_iter().map(|(account, amount)| (account, amount.parse().unwrap())).collect()
    }

    /// A small epoch, simulated and computed.
    fn epoch(&self, name: &str, number: &str, more: &[&str]) {
        let size = ["--minutes", "60", "--markets", "2", "--makers", "5", "--format", "csv", "--maker", GINA];
        let input = format!("{name}-input");
        self.prints(&[&["simulate", &input, "--epoch", number][..], &size, more].concat());
        self.prints(&["run", &input, "--out", name]);
    }

    /// From results to an active root, with everything verified on the way.
    fn activate(&self, results: &str) {
        self.prints(&self.publish(results, RUTHS_FILE));
        self.publish_as_sam(results);
        self.prints(&self.here(&["propose", results, "--yes"], STRANGERS_FILE));
        self.pass(WAIT);
        self.prints(&self.here(&["promote", results, "--yes"], STRANGERS_FILE));
    }
}

fn key(name: &str) -> String {
    Account::named(name).key().to_string()
}

fn said(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn two_epochs_from_samples_to_payments() {
    let scene = Scene::new();
    let funds = scene.treasury();
    scene.epoch("first", "0", &[]);

    // Two reporters, one by a file, one by a variable.
    scene.refused(&scene.here(&["propose", "--yes"], STRANGERS_FILE), 1, &["the oracle names no root yet"]);
    let one = scene.prints(&scene.publish("first", RUTHS_FILE));
    assert!(one.contains("1 of 2 reports needed"), "{one}");
    scene.refused(&scene.publish("first", RUTHS_FILE), 5, &["is reported already by "]);
    scene.refused(&scene.here(&["verify", "first"], &[]), 4, &["FAIL", "nothing was proposed"]);
    let (published, said) = scene.publish_as_sam("first");
    assert!(
        published["uncovered_wei"] == "0" && !said.contains("treasury") && said.contains("warning: epoch 0 ends"),
        "{published} {said}"
    );
    assert_eq!((&published["published"], &published["reports"]), (&json!(true), &json!(2)));

    // Anybody proposes; sceptics compare; nobody is early.
    let proposed = scene.prints(&scene.here(&["propose", "first", "--yes"], STRANGERS_FILE));
    assert!(proposed.contains("it waits until 2021-08-09"), "{proposed}");
    scene.refused(&scene.here(&["propose", "--yes"], STRANGERS_FILE), 5, &["is proposed already", "7 d 0 h from now"]);
    scene.refused(&scene.publish("first", RUTHS_FILE), 5, &["is proposed already"]);
    let verified = scene.prints(&scene.here(&["verify", "first", "--input", "first-input"], &[]));
    assert!(verified.contains("ok    the proposed root is that of the results"), "{verified}");
    assert!(verified.contains("ok    the oracle names the same"), "{verified}");
    assert!(verified.contains("waits until 2021-08-09 15:00:00 UTC, 7 d 0 h from now"), "{verified}");
    assert!(!verified.contains("FAIL"), "{verified}");
    let promote = scene.here(&["promote", "first", "--yes"], STRANGERS_FILE);
    scene.refused(&promote, 1, &["the waiting period is not over", "waits until 2021-08-09"]);
    scene.pass(WAIT - 1);
    scene.refused(&promote, 1, &["the waiting period is not over", "1 s from now"]);
    let claim = scene.here(&["claim", "first", "--yes"], GINAS_KEYSTORE);
    scene.refused(&claim, 4, &["claims are paid from the active root, none", "it is proposed and waits until"]);
    scene.pass(1);
    let promoted = scene.prints(&promote);
    assert!(promoted.contains("of epoch 0"), "{promoted}");
    scene.refused(&promote, 5, &["is active already"]);
    let verified = scene.prints(&scene.here(&["verify", "first"], &[]));
    assert!(verified.contains("compared with the active root"), "{verified}");

    // One claims, an operator claims for the others.
    let leaves = scene.leaves("first");
    let gina = leaves.iter().find(|(account, _)| *account == GINA.parse::<Address>().unwrap()).unwrap();
    let claimed: Value = serde_json::from_str(&scene.prints(&[&claim[..], &["--json".to_owned()]].concat())).unwrap();
    assert_eq!(claimed["paid_wei"], gina.1.to_string());
    assert_eq!(scene.balance(gina.0), gina.1);
    scene.refused(&claim, 5, &["nothing to claim", "was paid all"]);
    let other = leaves.iter().find(|leaf| leaf.0 != gina.0).unwrap().0.to_string();
    let for_other = scene.here(&["claim", "first", "--yes", "--account", &other], STRANGERS_FILE);
    scene.refused(&for_other, 1, &["ClaimNotAllowed(caller: 0x", "setAlwaysAllowClaimsFor"]);
    let many = scene.here(&["claim-many", "first", "--yes", "--batch", "3"], STRANGERS_FILE);
    assert!(scene.prints(&many).contains(&format!("{} let nobody but themselves claim", leaves.len() - 1)));
    let many = scene.here(&["claim-many", "first", "--yes", "--batch", "3"], OPERATOR);
    let paid = scene.prints(&many);
    assert!(paid.contains("1 were paid everything before"), "{paid}");
    assert_eq!(paid.matches("transaction 0x").count(), (leaves.len() - 1).div_ceil(3), "{paid}");
    pays_exactly(&scene, &leaves, funds);

    // The second epoch: the same accounts and new ones, and only what is new is paid.
    scene.epoch("second", "1", &["--seed", "2", "--previous", "first/tree.json"]);
    scene.activate("second");
    let later = scene.leaves("second");
    assert!(later.len() > leaves.len());
    let due = scene.prints(&scene.here(&["status", GINA, "--results", "second", "--json"], &[]));
    let due: Value = serde_json::from_str(&due).unwrap();
    let cumulative = later.iter().find(|(account, _)| *account == gina.0).unwrap().1;
    assert_eq!(due["accounts"][0]["due_wei"], (cumulative - gina.1).to_string());
    assert_eq!((&due["results"], &due["active"]["epoch"]), (&json!("active"), &json!(1)));
    scene.refused(&scene.here(&["claim", "first", "--yes"], GINAS_KEYSTORE), 4, &["results of the active root"]);
    let claimed = scene.prints(&scene.here(&["claim", "second", "--yes", "--json"], GINAS_KEYSTORE));
    let claimed: Value = serde_json::from_str(&claimed).unwrap();
    assert_eq!(claimed["paid_wei"], (cumulative - gina.1).to_string());
    scene.prints(&scene.here(&["claim-many", "second", "--yes"], OPERATOR));
    pays_exactly(&scene, &later, funds);
    let status = scene.prints(&scene.here(&["status", "--results", "second"], &[]));
    assert!(status.contains("results   their root is active") && status.contains("claimable"), "{status}");
    assert_eq!(status.lines().filter(|line| line.starts_with("0x") && line.contains("  0  ")).count(), later.len());
    let again = scene.prints(&scene.here(&["claim-many", "second", "--yes"], OPERATOR));
    assert!(again.starts_with("0 accounts were paid 0 DYDX"), "{again}");
}

/// Everybody has what the tree says, to the last unit, and the treasury the rest.
#[track_caller]
fn pays_exactly(scene: &Scene, leaves: &[(Address, U256)], funds: U256) {
    for (account, amount) in leaves {
        assert_eq!(scene.balance(*account), *amount, "{account}");
        assert_eq!(scene.view(scene.distributor, &D::getClaimedCall { user: *account }), *amount);
    }
    let total: U256 = leaves.iter().map(|(_, amount)| *amount).sum();
    assert!(!total.is_zero());
    assert_eq!(scene.treasury(), funds - total);
}

#[test]
fn a_root_that_is_not_that_of_the_results_is_refused_everywhere() {
    let scene = Scene::new();
    scene.epoch("honest", "0", &[]);
    scene.epoch("other", "0", &["--seed", "9"]);
    scene.prints(&scene.publish("other", RUTHS_FILE));
    scene.publish_as_sam("other");
    let [honest, other] = ["honest", "other"].map(|name| {
        let manifest = fs::read(scene.folder.path().join(name).join("manifest.json")).unwrap();
        serde_json::from_slice::<Value>(&manifest).unwrap()["root"].as_str().unwrap().to_owned()
    });
    let both = [honest.as_str(), other.as_str()];
    scene.refused(&scene.here(&["propose", "honest", "--yes"], STRANGERS_FILE), 4, &both);
    scene.prints(&scene.here(&["propose", "--yes"], STRANGERS_FILE));

    // The chain has another root: both are named.
    let verify = scene.here(&["verify", "honest", "--input", "honest-input"], &[]);
    scene.refused(&verify, 4, &["FAIL  the proposed root is that of the results", "FAIL  the oracle", "from now"]);
    scene.refused(&verify, 4, &both);
    let (_, text) = scene.fails(&[&verify[..], &["--json".to_owned()]].concat());
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["compared"], &found["chain"]["proposed"]["root"]), (&json!("proposed"), &json!(other)));
    scene.pass(WAIT);
    scene.refused(&scene.here(&["promote", "honest", "--yes"], STRANGERS_FILE), 4, &both);
    scene.refused(&scene.here(&["promote", "--root", &honest, "--yes"], STRANGERS_FILE), 4, &both);
    scene.refused(&scene.here(&["promote", "--yes"], STRANGERS_FILE), 2, &["--yes chooses no root"]);
    scene.prints(&scene.here(&["promote", "--root", &other, "--yes"], STRANGERS_FILE));
    scene.refused(&scene.here(&["claim", "honest", "--yes"], GINAS_KEYSTORE), 4, &both);
    scene.refused(&scene.here(&["claim-many", "honest", "--yes"], OPERATOR), 4, &both);
    scene.refused(&scene.publish("honest", RUTHS_FILE), 4, &["next root is of epoch 1, these results are of epoch 0"]);
    scene.epoch("second", "1", &["--previous", "honest/tree.json"]);
    scene.refused(&scene.publish("second", RUTHS_FILE), 4, &both);

    // Results that were manipulated: the first leaf that differs.
    let path = scene.folder.path().join("honest/tree.json");
    let text = fs::read_to_string(&path).unwrap();
    let leaves = scene.leaves("honest");
    let (account, amount) = leaves.iter().min().unwrap();
    fs::write(scene.folder.path().join("published.json"), &text).unwrap();
    fs::write(&path, text.replace(&amount.to_string(), &(amount + U256::from(1)).to_string())).unwrap();
    let differs = format!("{account} has {amount} wei, not {} wei", amount + U256::from(1));
    scene.refused(&["verify", "honest", "--input", "honest-input"], 4, &["leaf by leaf", &differs]);
    scene.refused(&["verify", "honest", "--tree", "published.json"], 4, &["that of the results", &differs]);
    scene.refused(&scene.publish("honest", RUTHS_FILE), 4, &["the tree has the root of the manifest"]);
}

#[test]
fn what_cannot_be_done_says_why() {
    let scene = Scene::new();
    scene.epoch("first", "0", &[]);
    let distributor = scene.distributor.to_string();
    let stranger = Account::named("stranger").address().to_string();

    // Whose key it is.
    let role = format!("AccessControlUnauthorizedAccount(account: {stranger}, neededRole: REPORTER_ROLE)");
    scene.refused(&scene.publish("first", STRANGERS_FILE), 1, &["nothing was sent", &role, "lacks this role"]);
    let propose = ["propose", "--distributor", &distributor, "--yes"];
    scene.refused(&propose, 2, &["who signs?"]);
    let two = scene.run(&[&propose[..], RUTHS_FILE].concat(), &[("TIDEPOOL_MNEMONIC", MNEMONIC)]);
    assert_eq!(said(&two).0, 2);
    assert!(said(&two).1.contains("--private-key-file and TIDEPOOL_MNEMONIC are given"), "{}", said(&two).1);
    scene.refused(&scene.here(&["propose"], RUTHS_FILE), 2, &["--yes sends without asking"]);
    fs::write(scene.folder.path().join("wrong"), "wrong\n").unwrap();
    let wrong = scene.here(&["propose", "--yes"], &["--keystore", "gina.json", "--password-file", "wrong"]);
    scene.refused(&wrong, 1, &["gina.json", "is the password right"]);
    scene.refused(&scene.here(&["propose", "--yes"], &["--keystore", "gina.json"]), 2, &["--password-file"]);

    // Secrets are not repeated, right or wrong.
    let secret = "0x00secret11223344";
    fs::write(scene.folder.path().join("broken.key"), secret).unwrap();
    let (code, text) = scene.fails(&scene.here(&["propose", "--yes"], &["--private-key-file", "broken.key"]));
    assert_eq!(code, 1);
    assert!(text.contains("not a private key") && !text.contains("secret"), "{text}");
    let words = said(&scene.run(&propose, &[("TIDEPOOL_MNEMONIC", "zebra zebra secretword")])).1;
    assert!(
        words.contains("not a mnemonic phrase") && !words.contains("zebra") && !words.contains("secretword"),
        "{words}"
    );
    let nowhere = ["status", "--distributor", &distributor, "--rpc", "http://127.0.0.1:1/secretpath?key=secret"];
    let (code, text) = scene.fails(&nowhere);
    assert_eq!(code, 1);
    assert!(text.contains("http://127.0.0.1:1: ") && text.contains("is the node running"), "{text}");
    assert!(!text.contains("secret"), "{text}");

    // Where it is.
    let status = ["status", "--distributor", &stranger];
    scene.refused(&status, 1, &["no contract there on chain 412346"]);
    let token = scene.token.to_string();
    scene.refused(&["status", "--distributor", &token], 1, &["getActiveRoot()", "not this kind of contract"]);
    scene.refused(
        &["publish", "first", "--oracle", &stranger, "--yes", RUTHS_FILE[0], RUTHS_FILE[1]],
        1,
        &["no contract"],
    );
    scene.refused(&["verify", "first", "--rpc", &scene.served.url], 2, &["which --distributor"]);
    scene.refused(&["status", "--distributor", "0x11"], 2, &["not an address"]);

    // What one has.
    let poor = Account::named("pauper");
    fs::write(scene.folder.path().join("pauper.key"), poor.key().to_string()).unwrap();
    for signer in [RUTHS_FILE, &["--mnemonic-file", "words"]] {
        let code = i32::from(signer != RUTHS_FILE);
        assert_eq!(
            scene
                .run(&scene.publish("first", signer).iter().map(String::as_str).collect::<Vec<_>>(), &[])
                .status
                .code(),
            Some(code)
        );
    }
    scene.publish_as_sam("first");
    let dear = scene.here(&["propose", "--yes", "--max-fee", "0.01"], STRANGERS_FILE);
    scene.refused(&dear, 1, &["nothing was sent", "gwei per gas, --max-fee allows 0.01"]);
    let propose = scene.here(&["propose", "--yes"], &["--private-key-file", "pauper.key"]);
    scene.refused(&propose, 1, &[&poor.address().to_string(), "has 0 ETH", "nothing was sent"]);
}

#[test]
fn a_pause_is_told_and_so_is_its_end() {
    let scene = Scene::new();
    scene.epoch("first", "0", &[]);
    scene.prints(&scene.publish("first", RUTHS_FILE));
    scene.publish_as_sam("first");
    scene.prints(&scene.here(&["propose", "--yes"], STRANGERS_FILE));
    scene.impersonate("PAUSE", scene.distributor, &D::pauseRootUpdatesCall {});
    scene.pass(WAIT);
    scene.refused(&scene.here(&["promote", "first", "--yes"], STRANGERS_FILE), 1, &["root updates are paused"]);
    let status = scene.prints(&scene.here(&["status"], &[]));
    assert!(status.contains("has waited until") && status.contains("updates are paused"), "{status}");
    let status: Value = serde_json::from_str(&scene.prints(&scene.here(&["status", "--json"], &[]))).unwrap();
    assert_eq!((&status["updates_paused"], &status["active"]), (&json!(true), &Value::Null));
    assert_eq!(status["treasury_holds_wei"], tokens(TREASURY).to_string());
}

#[test]
fn batches_are_halved_until_they_need_little_gas() {
    let scene = Scene::new();
    scene.epoch("first", "0", &[]);
    scene.activate("first");
    let before = scene.ask("evm_snapshot", json!([]));
    let leaves = scene.leaves("first");
    let transactions = |max_gas: &str| {
        let many = scene.here(&["claim-many", "first", "--yes", "--json", "--max-gas", max_gas], OPERATOR);
        let outcome: Value = serde_json::from_str(&scene.prints(&many)).unwrap();
        outcome["transactions"].as_array().unwrap().clone()
    };
    // One account cannot be halved.
    assert_eq!(transactions("1").len(), leaves.len());
    scene.ask("evm_revert", json!([before]));
    let halved = transactions("300000");
    assert!(halved.len() > 1 && halved.len() < leaves.len(), "{halved:?}");
    assert!(halved.iter().all(|sent| sent["gas_used"].as_u64().unwrap() <= 300_000), "{halved:?}");
    for (account, amount) in leaves {
        assert_eq!(scene.balance(account), amount, "{account}");
    }
}

#[test]
fn a_refusal_stops_all_or_only_its_own_claim() {
    let scene = Scene::new();
    scene.epoch("first", "0", &[]);
    scene.activate("first");
    let leaves = scene.leaves("first");
    // Enough for each of them, but not for all.
    let value = leaves.iter().map(|(_, amount)| *amount).max().unwrap();
    let approve = IToken::approveCall { spender: scene.distributor, value };
    scene.impersonate("treasury", scene.token, &approve);
    scene.epoch("second", "1", &["--previous", "first/tree.json"]);
    let total = scene.leaves("second").iter().fold(U256::ZERO, |sum, (_, amount)| sum + amount);
    let (published, said) = scene.publish_as_sam("second");
    assert_eq!(published["uncovered_wei"], (total - value).to_string());
    assert!(said.contains("warning: the treasury holds or allows"), "{said}");
    let paid = || leaves.iter().filter(|(account, _)| !scene.balance(*account).is_zero()).count();

    let many = scene.here(&["claim-many", "first", "--yes", "--all-or-nothing"], OPERATOR);
    scene.refused(&many, 1, &["nothing was sent", "the treasury holds or allows too little"]);
    assert_eq!(paid(), 0);
    let many = scene.here(&["claim-many", "first", "--yes"], OPERATOR);
    scene.refused(&many, 1, &["SafeErc20FailedOperation", "claims were refused"]);
    assert!(paid() > 0 && paid() < leaves.len());
}

#[test]
fn a_reporter_cannot_write_on_the_terminal() {
    let scene = Scene::new();
    let cid = b"\x1b[2J\nok    the proposed root".to_vec();
    let report =
        O::writeOracleDataCall { merkleRoot: B256::repeat_byte(7), epoch: U256::ZERO, ipfsCid: cid.clone().into() };
    for reporter in ["ruth", "sam"] {
        scene.impersonate(reporter, scene.oracle, &report);
    }
    let status = scene.prints(&scene.here(&["status"], &[]));
    assert!(status.contains(&hex::encode_prefixed(&cid)), "{status}");
    assert!(!status.contains('\u{1b}') && !status.contains("ok    the proposed root"), "{status}");
}

#[test]
fn errors_of_http_say_what_to_do() {
    use std::io::{Read, Write};

    let scene_free = TempDir::new().unwrap();
    for (status, advice) in [
        ("401 Unauthorized", "check the key in the URL"),
        ("404 Not Found", "no JSON-RPC at this path"),
        ("429 Too Many Requests", "wait, or use another node"),
        ("503 Service Unavailable", "try again later"),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/secretpath", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
        });
        let output = Command::new(env!("CARGO_BIN_EXE_tidepool"))
            .current_dir(scene_free.path())
            .args(["rewards", "status", "--distributor", GINA, "--rpc", &url])
            .output()
            .unwrap();
        served.join().unwrap();
        let (code, text) = said(&output);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(advice) && !text.contains("secretpath"), "{text}");
    }
}

#[test]
fn a_program_of_ones_own_has_the_clock_of_its_distributor() {
    let scene = Scene::new();
    let init = scene.here(&["init", "own", "--market", "xyz:NVDA:2:2", "--tokens", "1000000"], &[]);
    assert!(scene.prints(&init).contains("epoch 0, 2021-08-03 15:00:00 UTC to 2021-08-31"), "dates are the chain's");
    let parameters = fs::read_to_string(scene.folder.path().join("own/parameters.toml")).unwrap();
    for line in [
        &format!("address = \"{}\"", scene.distributor),
        &format!("address = \"{}\"", scene.token),
        "symbol = \"DYDX\"",
    ] {
        assert!(parameters.contains(line), "{parameters}");
    }
    scene.refused(&init, 5, &["these parameters are there already"]);
    let trial = ["simulate", "trial", "--parameters", "own/parameters.toml", "--minutes", "30", "--makers", "3"];
    scene.prints(&trial);
    scene.prints(&["run", "trial", "--out", "good"]);
    scene.prints(&scene.publish("good", RUTHS_FILE));

    // A start that is an hour off, another distributor: neither is published, and `verify` says which.
    for (name, from, to, reason) in [
        (
            "late",
            "first_epoch_start = 1628002800",
            "first_epoch_start = 1628006400",
            "epochs start and end when the distributor's do",
        ),
        ("short", "epoch_seconds = 2419200", "epoch_seconds = 604800", "epochs of 604800 s"),
        ("other", &scene.distributor.to_string(), &scene.token.to_string(), "the parameters name this distributor"),
    ] {
        let path = format!("{name}.toml");
        fs::write(scene.folder.path().join(&path), parameters.replacen(from, to, 1)).unwrap();
        let input = format!("{name}-input");
        scene.prints(&["simulate", &input, "--parameters", &path, "--minutes", "30", "--makers", "3"]);
        scene.prints(&["run", &input, "--out", name]);
        scene.refused(&scene.publish(name, RUTHS_FILE), 4, &[reason]);
        scene.refused(&scene.here(&["verify", name], &[]), 4, &["FAIL"]);
    }
}
