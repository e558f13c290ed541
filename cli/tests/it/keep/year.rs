//! A pool's first year with nobody watching but a keeper, in a chain's time; its log is a file that people read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolCall;
use chain::Account;
use client::{
    Sender, amount,
    bindings::{
        IBorrowerAllocations as B, IDebtAccounting as A, IEpochSchedule as E, IMerkleDistributor as D, IStaking as S,
        ITrustedBorrowerL2Proxy as T,
    },
    date,
};
use keeper::{Alert, Counts, Deed, Keeper, Kind, Life, METRICS, Purse, Settings, Snapshot, Stage, Tick, metrics};
use suite::abi::IToken;

use super::{DAY, EPOCH, Scene, ZERO, usdc, who};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../keeper/year.txt");

/// Noon of each day, from the start of epoch zero: half a day after it.
const NOON: u64 = DAY / 2;

struct Year {
    scene: Scene,
    sender: Sender,
    keeper: Keeper,
    log: Vec<String>,
    /// Looks that come beside those of each noon and each edge.
    extra: BTreeSet<u64>,
    now: u64,
    last: Option<(Snapshot, Tick)>,
    counts: Counts,
    /// By kind: how many, gas, wei, the longest delay.
    deeds: BTreeMap<Kind, (u64, u64, U256, u64)>,
    /// By alert: how often raised, reminded, resolved.
    told: BTreeMap<&'static str, [u32; 3]>,
    names: Vec<(String, String)>,
}

impl Year {
    fn new() -> Self {
        let scene = Scene::new(51);
        let sender = scene.sender("keeper");
        let head = sender.node.head().unwrap();
        let budget = amount("0.05", 18).unwrap();
        let keeper = Keeper::new(scene.contracts.clone(), Settings::default(), head.block + 1, 28 * DAY, budget);
        let mut names: Vec<_> =
            scene.contracts.all.iter().map(|(name, address)| (address.to_string(), name.clone())).collect();
        let people = ["alice", "bob", "maker", "second", "third", "guard", "safe", "treasury", "keeper", "stranger"];
        names.extend(people.map(|name| (who(name).to_string(), name.to_owned())));
        Self {
            scene,
            sender,
            keeper,
            log: Vec::new(),
            extra: BTreeSet::new(),
            now: head.time,
            last: None,
            counts: Counts::default(),
            deeds: BTreeMap::new(),
            told: BTreeMap::new(),
            names,
        }
    }

    fn say(&mut self, text: &str) {
        let mut text = text.to_owned();
        for (address, name) in &self.names {
            text = text.replace(address, name);
        }
        let day = self.now.saturating_sub(ZERO) / DAY;
        self.log.push(format!("day {day:3}  {}  {text}", &date(self.now)[..19]));
    }

    /// What somebody else does.
    fn does(&mut self, what: &str, act: impl FnOnce(&Scene)) {
        self.now += 1;
        self.scene.place.at(self.now);
        act(&self.scene);
        self.say(&format!("  people: {what}"));
    }

    /// One tick of the keeper, at a time.
    fn tick(&mut self, time: u64) -> Tick {
        self.now = time;
        self.scene.place.at(time);
        let at = self.sender.node.at_latest().unwrap();
        assert_eq!(at.time, time);
        let purse =
            Purse { address: self.sender.address(), wei: self.sender.node.balance(self.sender.address()).unwrap() };
        let snapshot = self.keeper.look(&at, (at.hash, at.time), Some(purse)).unwrap();
        let done = self.keeper.act(&mut self.sender, &snapshot);
        let tick = self.keeper.tell(&snapshot, done);
        self.counts.note(&tick);
        for done in &tick.duties {
            let subject = if done.subject.is_empty() { String::new() } else { format!(" {}", done.subject) };
            let name = done.duty.name();
            match &done.deed {
                Some(Deed::Done { gas, cost, .. }) => {
                    let delay = done.since.map_or(0, |since| time - since);
                    let after =
                        done.since.map_or_else(String::new, |since| format!(", {} s after it was due", time - since));
                    self.say(&format!("  keeper: {name}{subject}{after}: {}", done.why));
                    let sum = self.deeds.entry(done.duty).or_default();
                    *sum = (sum.0 + 1, sum.1 + gas, sum.2 + cost, sum.3.max(delay));
                }
                Some(other) => self.say(&format!("  keeper: {name}{subject} is not done: {other:?}")),
                None => self.say(&format!("  keeper: {name}{subject} fails")),
            }
        }
        for notice in &tick.notices {
            let stage = match notice.stage {
                Stage::Raised => 0,
                Stage::Reminder => 1,
                Stage::Resolved => 2,
            };
            self.told.entry(notice.alert.name).or_default()[stage] += 1;
            let text = if notice.stage == Stage::Resolved { String::new() } else { format!(": {}", notice.alert.text) };
            let text = without_figures(&text);
            let severity = notice.alert.severity.name();
            self.say(&format!("{:8} {} {}{text}", severity, notice.alert.name, notice.stage.name()));
        }
        if let Some(rewards) = snapshot.rewards.as_ref().filter(|rewards| rewards.waits_until > time) {
            self.extra.insert(rewards.waits_until);
        }
        self.last = Some((snapshot, tick.clone()));
        tick
    }

    /// Ticks at each noon, each edge and at what was noted, until a time.
    fn until(&mut self, end: u64) {
        loop {
            let noon = ZERO + ((self.now.saturating_sub(ZERO) + NOON) / DAY) * DAY + NOON;
            let edge = ZERO + (self.now.saturating_sub(ZERO) / EPOCH + 1) * EPOCH;
            let noted = self.extra.range(self.now + 1..).next().copied().unwrap_or(u64::MAX);
            let next = noon.min(edge).min(noted);
            if next > end {
                break;
            }
            if (next - ZERO).is_multiple_of(EPOCH) {
                self.now = next;
                self.say(&format!("-- epoch {}", (next - ZERO) / EPOCH));
            }
            self.tick(next);
        }
    }

    fn day(&mut self, day: u64) {
        self.until(ZERO + day * DAY);
        self.now = ZERO + day * DAY + 100;
        self.scene.place.at(self.now);
    }

    /// The next tick, two seconds later: as soon as a keeper looks.
    fn soon(&mut self) -> Tick {
        self.tick(self.now + 2)
    }

    fn open(&self, name: &str) -> Option<Alert> {
        self.keeper.open().find(|alert| alert.name == name).cloned()
    }

    #[track_caller]
    fn is_open(&self, name: &str) -> Alert {
        self.open(name).unwrap_or_else(|| panic!("{name} is not open; the log ends with\n{}", self.log.join("\n")))
    }

    #[track_caller]
    fn is_over(&self, name: &str) {
        assert_eq!(self.open(name), None);
    }

    /// What an alert says is done as it says it.
    fn obey(&mut self, alert: &Alert, by: &str) {
        for command in &alert.commands {
            self.now += 1;
            self.scene.place.at(self.now);
            self.scene.command(by, command);
            self.say(&format!("  {by}: {command}"));
        }
    }
}

/// Numbers of blocks depend on how many transactions a deployment takes, and what one costs on who compiled the programs.
fn without_figures(text: &str) -> String {
    if let Some((before, _)) = text.split_once(", and fails: ") {
        return format!("{before}, and fails");
    }
    let Some((before, after)) = text.split_once(" at block ") else { return text.to_owned() };
    format!("{before}{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

fn root(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

#[test]
fn a_year_with_nobody_watching() {
    let mut year = Year::new();
    let pool = year.scene.contracts.pool;
    let proxy = year.scene.proxy();
    year.tick(ZERO - 3_600);

    // Epoch zero: stake, a loan, and a request that leaves the loan above its share.
    year.day(0);
    year.does("alice stakes 1,000, bob 600, and the maker borrows its 400", |scene| {
        scene.stake("alice", 1_000);
        scene.stake("bob", 600);
        scene.borrow(400);
    });
    year.day(10);
    year.does("bob requests 300; the maker must repay 75, and does not", |scene| scene.request("bob", 300));
    year.until(ZERO + EPOCH);
    assert!(year.is_open("overdue").text.contains("75 USDC more than its share"));
    year.day(29);
    year.does("the maker repays 75, governance lifts its restriction", |scene| {
        scene.repay(75);
        scene.lift();
    });
    year.soon();
    year.is_over("overdue");

    // The chain changes its version of Stylus: every program stops, and runs again within a tick.
    year.day(32);
    year.does("the chain is upgraded to ArbOS 61", Scene::upgrade_chain);
    let tick = year.soon();
    let activated = tick.duties.iter().filter(|done| done.duty == Kind::Activate && done.error.is_none()).count();
    let programs = year.last.as_ref().unwrap().0.programs.len();
    assert_eq!(activated, programs, "{:?}", tick.duties);
    assert!(year.is_open("stylus-version").text.contains("Staking"));
    year.soon();
    year.is_over("stylus-version");
    let (snapshot, _) = year.last.as_ref().unwrap();
    assert!(snapshot.programs.iter().all(|program| matches!(program.life, Life::Active(_))));

    // What the next edge would bring is told in the blackout window, and is over when it is repaid.
    year.day(38);
    year.does("alice requests 1,000: the next epoch would be short by 25", |scene| scene.request("alice", 1_000));
    year.day(43);
    year.is_open("shortfall-ahead");
    year.day(52);
    year.is_open("treasury-low");
    year.does("the treasury is filled, the maker repays 250", |scene| {
        scene.mint(1, "treasury", U256::from(10_000_000) * U256::from(10).pow(U256::from(18)));
        scene.repay(250);
    });
    year.soon();
    year.is_over("shortfall-ahead");
    year.is_over("treasury-low");
    year.until(ZERO + 2 * EPOCH);
    year.is_over("overdue");

    // A market maker that stays silent: the debt is marked in the first block of the short epoch.
    year.day(57);
    year.does("alice restakes 1,000, the maker borrows 225", |scene| {
        scene.by("alice", pool, &S::restakeCall { amount: usdc(1_000) });
        scene.borrow(225);
    });
    year.day(60);
    year.does("alice requests 1,000, bob 100: the maker must repay, and does not", |scene| {
        scene.request("alice", 1_000);
        scene.request("bob", 100);
    });
    year.until(ZERO + 3 * EPOCH);
    assert!(year.is_open("shortfall").text.contains("100 USDC"));
    assert_eq!(year.last.as_ref().unwrap().1.duties[0].duty, Kind::MarkDebt);
    year.soon();
    year.is_over("shortfall");
    assert!(year.open("debt-unmarked").is_none());
    year.day(86);
    year.does(
        "the maker pays its debt of 100 and 150 of its loan; alice withdraws; governance lifts the restriction",
        |scene| {
            scene.by("maker", proxy, &T::repayDebtCall { amount: usdc(100) });
            scene.repay(150);
            scene.by("alice", pool, &S::withdrawMaxStakeCall { recipient: who("alice") });
            scene.by("alice", pool, &A::withdrawMaxDebtCall { recipient: who("alice") });
            scene.lift();
        },
    );
    year.soon();
    year.is_over("overdue");
    roots(&mut year);
    proxies(&mut year);
    rest(&mut year);

    // The year is over: nothing is due, nothing is open, and everything is in the log.
    let open: Vec<_> = year.keeper.open().map(|alert| alert.name).collect();
    assert_eq!(open, Vec::<&str>::new());
    figures(&year);
    compare(&year.log);
}

/// Roots: a right one, a wrong one by two bought reporters, one that nobody has computed.
fn roots(year: &mut Year) {
    let distributor = year.scene.contracts.distributor.unwrap();
    year.day(100);
    year.keeper.settings.computed.insert(0, root(0xa0));
    year.does("two reporters report the root of epoch 0, which was computed here too", |scene| {
        scene.report(0, root(0xa0), ["maker", "second"]);
    });
    let tick = year.soon();
    assert!(tick.duties.iter().any(|done| done.duty == Kind::ProposeRoot && done.error.is_none()));
    year.day(110);
    let rewards = year.last.as_ref().unwrap().0.rewards.clone().unwrap();
    assert_eq!(rewards.active.unwrap().root, root(0xa0));

    year.day(130);
    year.keeper.settings.computed.insert(1, root(0xa1));
    year.does("two bought reporters report another root for epoch 1 than the one computed here", |scene| {
        scene.report(1, root(0xbb), ["second", "third"]);
    });
    let tick = year.soon();
    assert!(tick.duties.is_empty(), "no keeper proposes it: {:?}", tick.duties);
    year.is_open("bad-root");
    year.does("a stranger proposes it", |scene| scene.by("stranger", distributor, &D::proposeRootCall {}));
    let tick = year.soon();
    let raised = tick.notices.iter().find(|notice| notice.alert.name == "bad-root" && notice.stage == Stage::Raised);
    let alert = raised.expect("within a tick").alert.clone();
    assert!(alert.text.contains(&root(0xbb).to_string()) && alert.commands.len() == 2, "{alert:?}");
    year.obey(&alert, "guard");
    year.soon();
    year.is_over("bad-root");
    year.is_open("updates-paused");
    year.day(131);
    year.does("the reporters report the root that was computed here", |scene| {
        scene.report(1, root(0xa1), ["maker", "second"])
    });
    year.soon();
    year.day(132);
    year.does("the owner lets itself unpause, and unpauses", |scene| {
        let (role, account) = (keccak256("UNPAUSER_ROLE"), who("safe"));
        scene.by("safe", distributor, &client::bindings::IRoles::grantRoleCall { role, account });
        scene.by("safe", distributor, &D::unpauseRootUpdatesCall {});
    });
    year.soon();
    year.is_over("updates-paused");
    year.day(142);
    assert_eq!(year.last.as_ref().unwrap().0.rewards.as_ref().unwrap().active.as_ref().unwrap().root, root(0xa1));

    year.day(150);
    year.does("the root of epoch 2 is reported, and proposed by a stranger; nobody here has computed it", |scene| {
        scene.report(2, root(0xa2), ["maker", "third"]);
        scene.by("stranger", distributor, &D::proposeRootCall {});
    });
    year.day(155);
    year.is_over("root-unverified");
    year.day(156);
    year.is_open("root-unverified");
    year.keeper.settings.computed.insert(2, root(0xa2));
    year.soon();
    year.is_over("root-unverified");
    year.day(160);
    assert_eq!(year.last.as_ref().unwrap().0.rewards.as_ref().unwrap().active.as_ref().unwrap().root, root(0xa2));
}

/// What a market maker announces: a vault that is stopped, one that is not, a forced trade that is stopped.
fn proxies(year: &mut Year) {
    let proxy = year.scene.proxy();
    let vault = |vault: u64| T::allowDepositVaultCall {
        starkKey: U256::from(7),
        assetType: U256::from(8),
        vaultId: U256::from(vault),
    };
    year.day(170);
    year.does("the maker announces a vault", |scene| scene.by("maker", proxy, &vault(9)));
    year.soon();
    let alert = year.is_open("vault-added");
    assert_eq!(alert.until, Some(year.now - 2 + 3 * DAY), "three days");
    year.obey(&alert, "guard");
    year.soon();
    year.is_over("vault-added");
    year.day(175);
    year.does("the maker announces another one", |scene| scene.by("maker", proxy, &vault(10)));
    year.soon();
    year.day(179);
    year.is_over("vault-added");
    year.day(180);
    year.does("the maker queues a forced trade", |scene| {
        let mut args = [U256::ZERO; 12];
        (args[0], args[2]) = (U256::from(7), U256::from(9));
        scene.by("maker", proxy, &T::queueForcedTradeRequestCall { args });
    });
    year.soon();
    let alert = year.is_open("forced-trade");
    year.obey(&alert, "guard");
    year.soon();
    year.is_over("forced-trade");
}

/// Tokens that are nobody's, a lost place in the cache, a keeper without ether, governance's changes, and the end of the programs' year.
fn rest(year: &mut Year) {
    let pool = year.scene.contracts.pool;
    year.day(185);
    year.does("bob sends 5 tokens to the pool by mistake", |scene| {
        let transfer = IToken::transferCall { to: pool, value: usdc(5) };
        scene.by("bob", scene.place.tokens[0], &transfer);
    });
    year.soon();
    let alert = year.is_open("surplus");
    year.day(187);
    year.obey(&alert, "safe");
    year.soon();
    year.is_over("surplus");

    year.day(190);
    year.does("the chain's owner throws staking out of the cache", |scene| {
        let code = scene.node().code(scene.contracts.all["Staking"]).unwrap();
        let evict = chain::abi::ArbWasmCache::evictCodehashCall { codehash: keccak256(code) }.abi_encode();
        scene.place.impersonate(Account::owner().address(), chain::addresses::ARB_WASM_CACHE, &evict);
    });
    let tick = year.soon();
    assert_eq!(tick.duties.iter().map(|done| done.duty).collect::<Vec<_>>(), [Kind::Cache]);
    year.soon();
    year.is_over("not-cached");

    year.day(200);
    year.does("the keeper's ether runs out, and staking is thrown out again", |scene| {
        scene.fund("keeper", 0);
        let code = scene.node().code(scene.contracts.all["Staking"]).unwrap();
        let evict = chain::abi::ArbWasmCache::evictCodehashCall { codehash: keccak256(code) }.abi_encode();
        scene.place.impersonate(Account::owner().address(), chain::addresses::ARB_WASM_CACHE, &evict);
    });
    year.soon();
    year.is_open("keeper-low");
    year.soon();
    year.soon();
    year.is_open("duty-failed");
    year.does("it gets ether", |scene| scene.fund("keeper", 100_000_000_000_000_000));
    year.soon();
    year.is_over("keeper-low");
    year.soon();
    year.is_over("duty-failed");
    year.is_over("not-cached");

    year.day(215);
    year.does("governance lowers the maker's cap, and halves the rate", |scene| {
        let cap = B::setBorrowerCapsCall { borrowers: vec![scene.proxy()], caps: vec![usdc(500)] };
        scene.by("guard", pool, &cap);
        scene.by(
            "safe",
            pool,
            &E::setRewardsPerSecondCall { emissionPerSecond: U256::from(75_000_000_000_000_000_u64) },
        );
    });
    year.soon();
    year.day(220);
    year.does("an owner makes a stranger a claim operator, and takes it back", |scene| {
        let (role, account) = (keccak256("CLAIM_OPERATOR_ROLE"), who("stranger"));
        scene.by("safe", pool, &E::grantRoleCall { role, account });
        scene.by("safe", pool, &E::revokeRoleCall { role, account });
    });
    year.soon();

    // A look when the first program has sixty days left.
    year.day(330);
    let least = |year: &Year| {
        let left = year.last.as_ref().unwrap().0.programs.iter().filter_map(|program| match program.life {
            Life::Active(left) => Some(left),
            _ => None,
        });
        left.min().unwrap()
    };
    let (time, left) = (year.last.as_ref().unwrap().0.time, least(year));
    year.extra.insert(time + left - 60 * DAY);
    year.until(time + left - 60 * DAY);
    let kept = year.last.as_ref().unwrap().1.duties.iter().filter(|done| done.duty == Kind::Keepalive).count();
    assert_eq!(kept, year.last.as_ref().unwrap().0.programs.len());
    year.soon();
    assert!(least(year) > 364 * DAY, "each got a year");
    assert!(year.open("program-expiry").is_none());
    year.day(366);
}

/// What the year cost, what was told, and whether every figure was there.
fn figures(year: &Year) {
    let (snapshot, tick) = year.last.as_ref().unwrap();
    let text = metrics(Some((snapshot, tick)), &year.counts);
    for (name, _) in METRICS {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not among\n{text}");
    }
    for (kind, (count, gas, cost, delay)) in &year.deeds {
        println!(
            "{:12} {count:3} transactions {gas:10} gas {} ETH, at most {delay} s late",
            kind.name(),
            client::exact(*cost, 18)
        );
        assert!(*delay <= 2, "{kind:?}");
    }
    for (name, [raised, reminded, resolved]) in &year.told {
        println!("{name:20} raised {raised:2} reminded {reminded:2} resolved {resolved:2}");
    }
    let raised: BTreeMap<_, _> = year.told.iter().map(|(name, [raised, ..])| (*name, *raised)).collect();
    let expected = [
        ("bad-root", 2),
        ("cap-changed", 1),
        ("duty-failed", 1),
        ("forced-trade", 1),
        ("keeper-low", 1),
        ("not-cached", 2),
        ("rate-changed", 1),
        ("role-changed", 3),
        ("root-cancelled", 1),
        ("root-unverified", 1),
        ("shortfall", 1),
        ("stylus-version", 1),
        ("surplus", 1),
        ("updates-paused", 1),
        ("vault-added", 2),
    ];
    for (name, count) in expected {
        assert_eq!(raised.get(name), Some(&count), "{name}");
    }
    for name in ["debt-unmarked", "program-expired", "program-expiry", "withdrawals-closed", "nodes"] {
        assert!(!raised.contains_key(name), "{name}");
    }
}

/// The log is the committed one. `BLESS=1` writes it.
fn compare(log: &[String]) {
    let text = log.join("\n") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(GOLDEN, &text).unwrap();
    }
    let golden = fs::read_to_string(Path::new(GOLDEN)).unwrap_or_default();
    for (number, (found, expected)) in (1..).zip(text.lines().zip(golden.lines())) {
        assert_eq!(found, expected, "keeper/year.txt:{number}: if that is right, BLESS=1 writes it");
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "keeper/year.txt: if that is right, BLESS=1 writes it");
}
