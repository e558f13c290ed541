//! Every command of every runbook is run, in its order, in the situation that the page describes.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::PathBuf};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolCall;
use chain::Account;
use client::bindings::{IDebtAccounting as A, IMerkleDistributor as D, IRoles, ITrustedBorrowerL2Proxy as T};
use serde_json::Value;
use suite::abi::IToken;

use super::{DAY, EPOCH, Scene, ZERO, usdc, who};
use crate::{
    deploy::{Place, deployer},
    upgrade::{execute, older_pool},
};

const RUNBOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/runbooks");
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/target/stylus");

/// A block of commands; some come later, when something has happened.
#[derive(Debug)]
struct Block {
    later: bool,
    commands: Vec<String>,
}

/// Blocks of commands of a page, in their order.
fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(format!("{RUNBOOKS}/{page}.md")).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines().map(str::trim) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(""), Some(_)) => blocks.extend(open.take()),
            (Some(kind), None) => {
                assert!(matches!(kind, "sh" | "sh later"), "{page}: {kind}");
                open = Some(Block { later: kind == "sh later", commands: Vec::new() });
            }
            (None, Some(block)) if !line.is_empty() => block.commands.push(line.to_owned()),
            _ => {}
        }
    }
    assert!(open.is_none() && !blocks.is_empty(), "{page}");
    blocks
}

/// Where commands run as an operator types them: `tidepool` is a program, the book is where it is by default, keystores are key files.
struct Desk<'a> {
    place: &'a Place,
    variables: BTreeMap<&'static str, String>,
}

impl<'a> Desk<'a> {
    fn new(place: &'a Place) -> Self {
        let folder = place.path("");
        fs::create_dir_all(folder.join("deployments")).unwrap();
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::create_dir_all(folder.join("contracts/target")).unwrap();
        let links = [
            (folder.join("book"), "deployments/412346"),
            (PathBuf::from(env!("CARGO_BIN_EXE_tidepool")), "bin/tidepool"),
            (PathBuf::from(PROGRAMS), "contracts/target/stylus"),
        ];
        for (target, link) in links {
            if !folder.join(link).is_symlink() {
                symlink(target, folder.join(link)).unwrap();
            }
        }
        let keys = [
            ("deployer", deployer()),
            ("anybody", Account::named("other")),
            ("pauser", Account::named("guard")),
            ("veto", Account::named("guard")),
            ("maker", Account::named("maker")),
            ("staker", Account::named("alice")),
        ];
        for (name, account) in keys {
            place.write(&format!("{name}.key"), &format!("{}\n", account.key()));
            if account.address() != deployer().address() {
                place.ask("hardhat_setBalance", serde_json::json!([account.address(), "0xde0b6b3a7640000"]));
            }
        }
        let role = |name: &str| keccak256(name).to_string();
        let mut variables = BTreeMap::from([
            ("UNPAUSER_ROLE", role("UNPAUSER_ROLE")),
            ("REPORTER_ROLE", role("REPORTER_ROLE")),
            ("SAFE", who("safe").to_string()),
            ("REPORTER", who("third").to_string()),
        ]);
        if place.path("book/addresses.json").exists() {
            variables.insert("DISTRIBUTOR", place.address("MerkleDistributor").to_string());
        }
        Self { place, variables }
    }

    /// Runs a command as it stands there. A Safe executes at once what was written for it.
    fn run(&self, page: &str, command: &str) {
        let mut typed = command.to_owned();
        for name in ["deployer", "anybody", "pauser", "veto", "maker", "staker"] {
            let key = format!("--private-key-file {name}.key --yes");
            typed = typed
                .replace(&format!("--keystore {name}.json --yes"), &key)
                .replace(&format!("--keystore {name}.json"), &key);
        }
        assert!(!typed.contains("--keystore"), "{page}: {command}: whose key is that?");
        // Whoever compiled the programs of this checkout.
        for name in ["tidepool deploy ", "tidepool upgrade "] {
            typed = typed.replace(name, &format!("{name}--unlisted-programs "));
        }
        let variables: String =
            self.variables.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
        let (code, said) = self.place.in_shell(&format!("export PATH=\"$PWD/bin:$PATH\"\n{variables}{typed}"));
        // 4: something differs, or an alert is open, which is why one looks. 5: done already.
        let looks = ["watch", "verify-deployment", "deploy"]
            .iter()
            .any(|name| command.starts_with(&format!("tidepool {name}")));
        let repeats = ["keepalive", "cache"].iter().any(|name| command.contains(&format!("pool {name}")));
        assert!(
            code == 0 || (code == 4 && looks) || (code == 5 && repeats),
            "{page}: {command}\nends with {code}: {said}"
        );
        if let Some((_, file)) = command.split_once(" > ").filter(|_| command.contains("--as safe")) {
            let path = self.place.path(file);
            let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            execute(self.place, &file);
        }
    }

    /// Runs a page; `later` is what happens before the first block that comes later.
    fn play(&self, page: &str, later: impl FnOnce()) {
        let mut later = Some(later);
        for block in blocks(page) {
            if block.later
                && let Some(later) = later.take()
            {
                later();
            }
            block.commands.iter().for_each(|command| self.run(page, command));
        }
    }
}

/// Every page.
fn pages() -> Vec<String> {
    let names = fs::read_dir(RUNBOOKS).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = names.map(|path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.retain(|name| name != "README");
    names.sort();
    names
}

/// Everything is in the Safe's hands.
fn scene() -> Scene {
    Scene::with(61, |plan| plan.replace(&format!("borrower_admin = \"{}\"\n", who("guard")), ""))
}

/// A pool that is short since a moment ago; whoever owes has the tokens.
fn short() -> Scene {
    let scene = scene();
    scene.short();
    scene.place.at(ZERO + EPOCH + 5);
    scene
}

fn nothing() {}

/// Runs a page in its situation, which `before` brings about and `later` goes on with; then everything is as it was.
fn play(
    page: &'static str,
    scene: &Scene,
    variables: &[(&'static str, String)],
    before: impl FnOnce(),
    later: impl FnOnce(),
) {
    let snapshot = scene.place.snapshot();
    before();
    let mut desk = Desk::new(&scene.place);
    desk.variables.extend(variables.iter().cloned());
    desk.play(page, later);
    scene.place.revert(snapshot);
}

#[test]
fn every_page_is_played() {
    let source = include_str!("runbooks.rs");
    for page in pages() {
        assert!(source.contains(&format!("play(\"{page}\"")), "{page}: nobody runs its commands");
    }
}

#[test]
fn people_of_a_pool() {
    let one = scene();
    let staked = || {
        one.place.at(ZERO + 10);
        one.stake("alice", 1_000);
    };
    play("first-epoch", &one, &[], staked, nothing);
    let announced = || {
        staked();
        let vault =
            T::allowDepositVaultCall { starkKey: U256::from(7), assetType: U256::from(8), vaultId: U256::from(9) };
        one.by("maker", one.proxy(), &vault);
    };
    play("first-loan", &one, &[], announced, nothing);
    let requested = || {
        staked();
        one.borrow(250);
        one.request("alice", 900);
        one.place.at(ZERO + EPOCH - DAY);
    };
    play("blackout-window", &one, &[], requested, nothing);
    let lost = || {
        let (role, account) = (keccak256("CLAIM_OPERATOR_ROLE"), Address::with_last_byte(0xaa));
        one.by("safe", one.contracts.pool, &IRoles::grantRoleCall { role, account });
    };
    play("lost-key", &one, &[], lost, nothing);
}

#[test]
fn a_pool_that_is_short() {
    let one = short();
    one.place.write("channels.toml", "[[channel]]\nkind = \"command\"\ncommand = [\"true\"]\n");
    play("short-epoch", &one, &[], nothing, nothing);
    play("sequencer-stopped", &one, &[], nothing, nothing);
    play("keeper", &one, &[], nothing, nothing);

    // The debt is marked, and the market maker keeps a part of what it owes elsewhere.
    let (pool, proxy, token) = (one.contracts.pool, one.proxy(), one.place.tokens[0]);
    let mut args = [U256::ZERO; 12];
    args[0] = U256::from(7);
    let hash = keccak256(args.iter().flat_map(|word| word.to_be_bytes::<32>()).collect::<Vec<_>>());
    let silent = || {
        one.by("stranger", pool, &A::markDebtCall { borrowers: vec![proxy] });
        let away = IToken::transferCall { to: who("stranger"), value: usdc(125) };
        one.place.impersonate(proxy, token, &away.abi_encode());
        one.by("maker", proxy, &T::queueForcedTradeRequestCall { args });
    };
    let back = || one.place.impersonate(proxy, token, &IToken::mintCall { to: proxy, value: usdc(125) }.abi_encode());
    play("silent-borrower", &one, &[("TRADE", hash.to_string())], silent, back);
}

#[test]
fn roots_and_programs() {
    let one = scene();
    let (distributor, bad) = (one.contracts.distributor.unwrap(), B256::repeat_byte(0xbb));
    let proposed = || {
        one.place.at(ZERO + 10);
        one.report(0, bad, ["second", "third"]);
        one.by("stranger", distributor, &D::proposeRootCall {});
    };
    let right = || one.report(0, B256::repeat_byte(0xaa), ["maker", "second"]);
    play("bad-root", &one, &[("ROOT", bad.to_string())], proposed, right);
    let paused = || one.by("guard", distributor, &D::pauseRootUpdatesCall {});
    play("paused-distributor", &one, &[], paused, nothing);
    let expired = || {
        one.place.at(ZERO + 400 * DAY);
        one.reactivate_doubles();
    };
    play("expired-program", &one, &[], expired, nothing);

    let one = Scene::new(51);
    play("stylus-version", &one, &[], || one.upgrade_chain(), nothing);
}

#[test]
fn deployment_and_upgrade() {
    let place = Place::new();
    fs::create_dir_all(place.path("book")).unwrap();
    let one = Scene { contracts: Scene::nowhere(), place };
    // The pool that the page deploys is the one that is handed over.
    let desk = Desk::new(&one.place);
    desk.play("deploy", nothing);
    desk.play("hand-over", || one.place.is_accepted());

    let (place, _) = older_pool();
    let desk = Desk::new(&place);
    let executed = |name: &str| {
        let file: Value = serde_json::from_slice(&fs::read(place.path(name)).unwrap()).unwrap();
        execute(&place, &file);
    };
    desk.play("upgrade", || executed("upgrade.json"));
    desk.play("rollback", || executed("rollback.json"));
}
