//! Random histories, played by contracts and reference ledger on a node, and read from the server: every present figure after every step,
//! every past one at the end, with blocks taken back, kills, and a node that lies.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    process::{Child, Command, Stdio},
};

use alloy_primitives::{Address, U256};
use chain::Chain;
use model::{AccountView, Call, PoolView};
use serde_json::{Value, json};
use server::Contracts;
use suite::{
    Settings,
    simulation::{BORROWERS, Care, Generator, PEOPLE, Random, Step, World},
};
use tempfile::TempDir;

use crate::{Answer, Server, ask, file, node::Served, settings};

/// What the ledger says after a block.
#[derive(Clone)]
struct Past {
    pool: PoolView,
    accounts: BTreeMap<Address, AccountView>,
    time: u64,
}

/// A history on a node, and what the ledger said after each of its blocks.
struct Play {
    node: Served,
    world: World,
    generator: Generator,
    random: Random,
    past: BTreeMap<u64, Past>,
    /// Worlds to go back to, by number of their head.
    earlier: Vec<(u64, World)>,
    people: Vec<Address>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let settings =
            Settings { distribution: (U256::from(10_000_000), U256::from(60_000_000)), ..Settings::fixture() };
        let node = Served::new(settings.deployed_at - 100_000);
        let world = World::on(Chain::connect(&node.url).unwrap(), &settings);
        let people = world.pool.all(&PEOPLE);
        let (generator, random) = (Generator::new(seed), Random::new(!seed));
        let mut play = Self { node, world, generator, random, past: BTreeMap::new(), earlier: Vec::new(), people };
        for step in play.generator.opening(&play.world.pool) {
            play.world.step(&step, Care::Step).unwrap();
        }
        play
    }

    fn contracts(&self) -> Contracts {
        Contracts {
            pool: self.world.pool.address(),
            distributor: None,
            oracle: None,
            proxies: BTreeMap::new(),
            start: 0,
        }
    }

    /// One step; whether it was a call, so that chain and ledger are at the same second.
    fn step(&mut self) -> bool {
        let step = self.generator.next(&self.world.pool, &self.world.ledger);
        self.make(&step);
        let is_known = self.world.ledger.now() == self.node.head().2;
        if is_known && self.random.below(12) == 0 {
            self.earlier.push((self.node.head().0, self.world.clone()));
        }
        is_known
    }

    /// Makes a step, and notes what the ledger says after it. Whether it succeeded.
    fn make(&mut self, step: &Step) -> bool {
        let succeeded = self.world.step(step, Care::Step).unwrap();
        let (number, _, time) = self.node.head();
        let ledger = &self.world.ledger;
        if time == ledger.now() {
            let accounts = self.people.iter().map(|name| (*name, ledger.account_view(*name))).collect();
            self.past.insert(number, Past { pool: ledger.pool_view(), accounts, time });
        }
        succeeded
    }

    /// Goes back by up to so many blocks, and another way from there. How many are taken back.
    fn go_back(&mut self, at_most: u64) -> u64 {
        let head = self.node.head().0;
        self.earlier.retain(|(number, _)| head - number <= at_most);
        let Some((number, world)) = self.earlier.first().cloned() else { return 0 };
        self.earlier.retain(|(known, _)| *known <= number);
        self.past.retain(|known, _| *known <= number);
        self.world = world;
        head - number
    }

    /// Goes back across many blocks, most of them empty, to other ones. How many are taken back.
    fn go_back_far(&mut self, server: &Server) -> u64 {
        while !self.step() {}
        let ((number, ..), world) = (self.node.head(), self.world.clone());
        for _ in 0..8 {
            self.step();
        }
        self.node.ask("hardhat_mine", json!(["0xa0"]));
        let (head, hash, _) = self.node.head();
        server.reaches(&hash);
        self.past.retain(|known, _| *known <= number);
        self.world = world;
        while !self.step() {}
        self.compare_present(server);
        head - number
    }

    /// Compares every present figure of the server with the ledger, which the getters equal.
    fn compare_present(&self, server: &Server) {
        server.reaches(&self.node.head().1);
        let ledger = &self.world.ledger;
        let pool = server.get("/v1/pool")["data"].clone();
        let view = ledger.pool_view();
        let expected = [
            ("epoch", view.epoch),
            ("active", view.active.now),
            ("active_next_epoch", view.active.next),
            ("inactive", view.inactive.now),
            ("inactive_next_epoch", view.inactive.next),
            ("borrowed", view.borrowed),
            ("borrower_debt", view.borrower_debt),
            ("debt_available_to_withdraw", view.repaid_debt),
            ("shortfalls", view.shortfalls),
            ("rewards_per_second", view.rate),
            ("rewards_index", view.index),
            ("shortfall", ledger.shortfall()),
        ];
        same("the pool", &pool, &expected);
        assert_eq!(pool["equation"]["holds"], true, "{pool}");
        let list = server.get("/v1/stakers");
        for row in list["data"].as_array().unwrap() {
            let staker = row["address"].as_str().unwrap().parse().unwrap();
            self.same_staker(row, staker);
        }
        for staker in &self.people {
            self.same_staker(&server.get(&format!("/v1/stakers/{staker}"))["data"], *staker);
        }
        let borrowers = self.world.pool.all(&BORROWERS);
        for row in server.get("/v1/borrowers")["data"].as_array().unwrap() {
            let address: Address = row["address"].as_str().unwrap().parse().unwrap();
            assert!(borrowers.contains(&address));
            let borrower = ledger.borrower(address);
            let expected = [
                ("allocation", borrower.share.now),
                ("allocation_next_epoch", borrower.share.next),
                ("borrowed", borrower.borrowed),
                ("debt", borrower.debt),
            ];
            same("a borrower", row, &expected);
            assert_eq!(row["restricted"], borrower.restricted);
        }
    }

    fn same_staker(&self, row: &Value, staker: Address) {
        let view = self.world.ledger.account_view(staker);
        let expected = [
            ("active", view.active.now),
            ("active_next_epoch", view.active.next),
            ("inactive", view.inactive.now),
            ("inactive_next_epoch", view.inactive.next),
            ("owed", view.debt),
            ("claimable_rewards", view.claimable),
            ("withdrawable", view.stake_available),
            ("owed_withdrawable", view.debt_available),
            ("balance", view.balance),
        ];
        same(&staker.to_string(), row, &expected);
    }

    /// Compares every past figure of the server with what the ledger said then. How many points there were.
    fn compare_past(&self, server: &Server) -> usize {
        server.reaches(&self.node.head().1);
        let mut compared = 0;
        let times: Vec<_> = self.past.values().map(|past| past.time).collect();
        let mut from = 0;
        while let Some(last) = times.iter().copied().find(|time| *time >= from) {
            let to = last + 2_000_000;
            let answer = server.get(&format!("/v1/pool/history?step=event&from={from}&to={to}"));
            for point in answer["data"].as_array().unwrap() {
                compared += usize::from(self.same_pool(point));
            }
            from = to + 1;
        }
        for staker in &self.people {
            let mut after = String::new();
            loop {
                let page = server.get(&format!("/v1/stakers/{staker}/history?limit=500{after}"));
                for event in page["data"].as_array().unwrap() {
                    compared += usize::from(self.same_past_staker(event, *staker));
                }
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
            }
            self.compare_statement(server, *staker);
        }
        compared
    }

    /// What each shortfall took adds up to what stakers' statements say they lost, and to what the pool says it took. How many there were.
    fn compare_losses(&self, server: &Server) -> usize {
        server.reaches(&self.node.head().1);
        let shortfalls = server.get("/v1/shortfalls?limit=1000")["data"].as_array().unwrap().clone();
        let mut lost = BTreeMap::<String, U256>::new();
        for row in &shortfalls {
            let (mut sum, mut holders, mut after) = (U256::ZERO, 0, String::new());
            loop {
                let page = server.get(&format!("/v1/shortfalls/{}?limit=3{after}", row["number"]));
                assert!(!page["data"]["charged"].as_array().unwrap().is_empty(), "{page}");
                for loss in page["data"]["losses"].as_array().unwrap() {
                    sum += number(&loss["amount"]);
                    holders += 1;
                    *lost.entry(loss["staker"].as_str().unwrap().to_owned()).or_default() += number(&loss["amount"]);
                }
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
            }
            let difference = sum.abs_diff(number(&row["amount"]));
            assert!(difference <= U256::from(holders), "{holders} lost {sum}: {row}");
        }
        for staker in &self.people {
            let rows = server.get(&format!("/v1/stakers/{staker}/statement"))["data"].clone();
            let rows = rows.as_array().unwrap().iter().map(|row| number(&row["losses"]));
            let sum = rows.fold(U256::ZERO, |sum, loss| sum + loss);
            assert_eq!(sum, lost.get(&staker.to_string()).copied().unwrap_or_default(), "{staker}");
        }
        shortfalls.len()
    }

    fn same_pool(&self, point: &Value) -> bool {
        let Some(past) = self.past.get(&point["block"].as_u64().unwrap()) else { return false };
        let expected = [
            ("time", U256::from(past.time)),
            ("active", past.pool.active.now),
            ("active_next_epoch", past.pool.active.next),
            ("inactive", past.pool.inactive.now),
            ("inactive_next_epoch", past.pool.inactive.next),
            ("borrowed", past.pool.borrowed),
            ("borrower_debt", past.pool.borrower_debt),
            ("debt_available_to_withdraw", past.pool.repaid_debt),
            ("shortfalls", past.pool.shortfalls),
            ("rewards_per_second", past.pool.rate),
            ("rewards_index", past.pool.index),
        ];
        same(&format!("block {}", point["block"]), point, &expected);
        true
    }

    fn same_past_staker(&self, event: &Value, staker: Address) -> bool {
        let Some(past) = self.past.get(&event["block"].as_u64().unwrap()) else { return false };
        let view = &past.accounts[&staker];
        let expected = [
            ("active", view.active.now),
            ("active_next_epoch", view.active.next),
            ("inactive", view.inactive.now),
            ("inactive_next_epoch", view.inactive.next),
            ("owed", view.debt),
            ("claimable_rewards", view.claimable),
        ];
        same(&format!("{staker} after {event}"), &event["after"], &expected);
        true
    }

    /// All rows of a statement together are all that the account ever earned.
    fn compare_statement(&self, server: &Server, staker: Address) {
        let statement = server.get(&format!("/v1/stakers/{staker}/statement"));
        let rows = statement["data"].as_array().unwrap();
        let sum = |name: &str| rows.iter().map(|row| number(&row[name])).fold(U256::ZERO, |sum, value| sum + value);
        let last = rows.last().unwrap();
        let (head, ..) = self.node.head();
        let Some(past) = self.past.get(&head) else { return };
        let view = &past.accounts[&staker];
        assert_eq!(sum("rewards_earned") - sum("rewards_claimed"), view.claimable, "{statement}");
        assert_eq!(number(&last["stake_at_end"]), view.balance, "{statement}");
        assert_eq!(number(&last["owed_at_end"]), view.debt, "{statement}");
    }
}

fn number(value: &Value) -> U256 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => U256::from(other.as_u64().unwrap_or_else(|| panic!("{other} is no number"))),
    }
}

fn same(what: &str, row: &Value, expected: &[(&str, U256)]) {
    for (name, value) in expected {
        assert_eq!(number(&row[*name]), *value, "{what}: {name} in {row}");
    }
}

#[test]
fn every_figure_is_that_of_getters_and_ledger_also_when_blocks_are_taken_back() {
    let folder = TempDir::new().unwrap();
    let (mut depths, mut compared) = (Vec::new(), 0);
    for seed in [1, 4] {
        let mut play = Play::new(seed);
        let database = folder.path().join(format!("{seed}.sqlite")).display().to_string();
        let server = Server::start(settings(&play.node.url, &database, &play.contracts()));
        for round in 0..160 {
            if play.step() && round % 3 == 0 {
                play.compare_present(&server);
            }
            if round % 40 == 39 {
                compared += play.compare_past(&server);
                play.compare_losses(&server);
                let most = 1 + play.random.below(200);
                depths.push(play.go_back(most));
                // The other way has a head of its own before anybody looks.
                while !play.step() {}
                play.compare_present(&server);
            }
        }
        compared += play.compare_past(&server);
        depths.push(play.go_back_far(&server));
        compared += play.compare_past(&server);
        let health = server.get("/health");
        assert!(health["reorganisations"].as_u64().unwrap() > 0, "{health}");
    }
    assert!(compared > 200, "{compared} points of the past");
    assert!(depths.iter().max() > Some(&150), "{depths:?}");
}

#[test]
fn what_shortfalls_took_of_whom_adds_up() {
    let folder = TempDir::new().unwrap();
    let mut play = Play::new(1);
    let server = Server::start(settings(&play.node.url, &file(folder.path()), &play.contracts()));
    let u = |number: u64| U256::from(number);
    let borrowers = play.world.pool.all(&BORROWERS);
    let shares = [0, 4_000, 3_000, 3_000, 0].map(u).to_vec();
    let mark = Call::MarkDebt(borrowers[1..4].to_vec());
    let steps = [
        Step::Call("GOV", Call::SetBorrowerAllocations(borrowers, shares)),
        Step::At(10_000_000),
        Step::Call("S0", Call::Stake(u(1_000))),
        Step::Call("S1", Call::Stake(u(2_000))),
        Step::Call("S2", Call::Stake(u(3_007))),
        Step::Call("B0", Call::Borrow(u(2_000))),
        Step::Call("B1", Call::Borrow(u(1_500))),
        Step::Call("B2", Call::Borrow(u(1_501))),
        Step::Call("S0", Call::RequestWithdrawal(u(901))),
        Step::Call("S1", Call::RequestWithdrawal(u(1_899))),
        Step::At(11_000_000),
        Step::Call("X0", mark.clone()),
        Step::Call("S2", Call::RequestWithdrawal(u(1_003))),
        Step::At(12_000_000),
        Step::Call("X0", mark),
    ];
    for step in steps {
        assert!(play.make(&step), "{step}");
    }
    play.compare_present(&server);
    play.compare_past(&server);
    assert_eq!(play.compare_losses(&server), 2);
}

#[test]
fn a_node_that_answers_late_twice_out_of_order_and_not_at_all_changes_no_figure() {
    let folder = TempDir::new().unwrap();
    let mut play = Play::new(2);
    let double = play.node.double(9);
    double.be_honest(true);
    let server = Server::start(settings(&double.url, &file(folder.path()), &play.contracts()));
    double.be_honest(false);
    for round in 0..120 {
        play.step();
        if round % 30 == 29 {
            server.reaches(&play.node.head().1);
            double.be_honest(true); // The present is read through it as well, where an error is an error.
            play.compare_past(&server);
            play.go_back(100);
            while !play.step() {}
            double.be_honest(false);
        }
    }
    server.reaches(&play.node.head().1);
    double.be_honest(true);
    while !play.step() {}
    play.compare_present(&server);
    play.compare_past(&server);
    double.claim_chain(Some(1));
    while !play.step() {}
    std::thread::sleep(std::time::Duration::from_millis(300));
    let tip = server.answer("/health").json()["block"]["number"].as_u64().unwrap();
    assert!(tip < play.node.head().0, "nothing is taken from a node of another chain");
    double.claim_chain(None);
    server.reaches(&play.node.head().1);
}

/// Where the process of a server that is killed finds what it needs.
const CHILD: &str = "TIDEPOOL_TEST_CHILD";

/// No test: the process that others kill.
#[test]
#[ignore = "the process of another test"]
fn child() {
    let text = std::env::var(CHILD).expect("another test starts this");
    let given: Value = serde_json::from_str(&text).unwrap();
    let field = |name: &str| given[name].as_str().unwrap().to_owned();
    let contracts = Contracts {
        pool: field("pool").parse().unwrap(),
        distributor: None,
        oracle: None,
        proxies: BTreeMap::new(),
        start: 0,
    };
    let mut settings = settings(&field("node"), &field("database"), &contracts);
    settings.rewards = given["rewards"].as_str().map(Into::into);
    let server = Server::start(settings);
    let draft = format!("{}.draft", field("ready"));
    fs::write(&draft, &server.url).unwrap();
    fs::rename(draft, field("ready")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(600));
}

/// A server in a process of its own.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    pub(crate) fn start(folder: &TempDir, node: &str, database: &str, pool: Address, rewards: Option<&str>) -> Self {
        Self::start_in(Command::new(std::env::current_exe().unwrap()), folder, node, database, pool, rewards)
    }

    /// The same, begun by a command that takes arguments of the test binary.
    pub(crate) fn start_in(
        mut command: Command,
        folder: &TempDir,
        node: &str,
        database: &str,
        pool: Address,
        rewards: Option<&str>,
    ) -> Self {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let ready = folder.path().join(format!("ready-{count}"));
        let given = json!({
            "node": node, "database": database, "pool": pool, "ready": ready, "rewards": rewards,
        });
        command.args(["histories::child", "--exact", "--ignored", "--nocapture"]).env(CHILD, given.to_string());
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let mut process = Self { child, url: String::new() };
        for _ in 0..3_000 {
            if let Ok(url) = fs::read_to_string(&ready) {
                process.url = url;
                return process;
            }
            if process.child.try_wait().unwrap().is_some() {
                let mut text = String::new();
                let _ = process.child.stderr.take().map(|mut errors| errors.read_to_string(&mut text));
                panic!("the process ended: {text}");
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the process does not get ready");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory of its own, bytes.
    pub(crate) fn memory(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap(); // The signal that nobody can catch.
        self.child.wait().unwrap();
    }

    pub(crate) fn answer(&self, path: &str) -> Answer {
        ask(&format!("{}{path}", self.url), &[])
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_counts_nothing_twice() {
    let folder = TempDir::new().unwrap();
    let mut play = Play::new(6);
    let (database, pool) = (file(folder.path()), play.contracts().pool);
    for round in 0..6 {
        let mut process = Process::start(&folder, &play.node.url, &database, pool, None);
        for _ in 0..10 + play.random.below(10) {
            play.step();
        }
        if round % 3 == 2 {
            play.go_back(60);
            while !play.step() {}
        }
        std::thread::sleep(std::time::Duration::from_millis(play.random.below(120)));
        process.kill();
    }
    while !play.step() {}
    let server = Server::start(settings(&play.node.url, &database, &play.contracts()));
    play.compare_present(&server);
    let compared = play.compare_past(&server);
    assert!(compared > 20, "{compared} points of the past");
    // The same events as an index that was built at once.
    let fresh = folder.path().join("fresh.sqlite").display().to_string();
    let whole = Server::start(settings(&play.node.url, &fresh, &play.contracts()));
    whole.reaches(&play.node.head().1);
    let all = |server: &Server| {
        let (mut rows, mut after) = (Vec::new(), String::new());
        loop {
            let page = server.get(&format!("/v1/governance/events?limit=100{after}"));
            rows.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { return rows };
            after = format!("&after={next}");
        }
    };
    assert_eq!(all(&server), all(&whole));
    for staker in &play.people {
        let path = format!("/v1/stakers/{staker}/history?limit=1000");
        assert_eq!(server.get(&path)["data"], whole.get(&path)["data"]);
    }
}
