//! Market makers' proxies, and the distributor with its oracle, as compiled: what the server says of them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use chain::Chain;
use rewards_files::{epoch::EpochFolder, manifest};
use serde_json::{Value, json};
use server::Contracts;
use suite::{
    Pool, Settings,
    abi::{IBorrowerAllocations, IMerkleDistributor, IRewardsOracle, IRoles, ITrustedBorrowerL2Proxy as P},
    distribution::{Distribution, Terms, WAIT},
    proxy::{Market, settings as market_settings},
    simulation::proxy::ProxyHistory,
};
use tempfile::TempDir;

use crate::{
    Server,
    api::next,
    file,
    live::{append, epoch, options},
    node::Served,
    settings,
};

/// Every log of some contracts as the node has them: block, position, contract.
fn logs(node: &Served, contracts: &[Address]) -> Vec<(u64, u64, String)> {
    let filter = json!([{ "fromBlock": "0x0", "toBlock": "latest", "address": contracts }]);
    let number = |value: &Value| u64::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap();
    let row = |log: &Value| {
        let contract: Address = log["address"].as_str().unwrap().parse().unwrap();
        (number(&log["blockNumber"]), number(&log["logIndex"]), contract.to_string())
    };
    node.ask("eth_getLogs", filter).as_array().unwrap().iter().map(row).collect()
}

/// The stream of events from the beginning has each of these logs, once, in order, in words.
fn expect_all(server: &Server, logs: &[(u64, u64, String)]) -> Vec<Value> {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0-0-0\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream);
    while {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        !line.trim_end().is_empty()
    } {}
    let mut events = Vec::new();
    for (block, position, contract) in logs {
        let (_, _, event) = next(&mut lines);
        let place = (event["block"].as_u64().unwrap(), event["position"].as_u64().unwrap());
        assert_eq!((place, event["address"].as_str().unwrap()), ((*block, *position), contract.as_str()), "{event}");
        assert!(!event["name"].as_str().unwrap().starts_with("0x"), "in words: {event}");
        events.push(event);
    }
    events
}

fn number(value: &Value) -> U256 {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

/// Every figure of every borrower is what pool and proxy answer.
fn compare(server: &Server, node: &Served, market: &Market) {
    server.reaches(&node.head().1);
    let rows = server.get("/v1/borrowers")["data"].as_array().unwrap().clone();
    assert_eq!(rows.len(), market.proxies.len());
    for row in &rows {
        let borrower: Address = row["address"].as_str().unwrap().parse().unwrap();
        assert!(market.proxies.contains(&borrower), "{row}");
        let state = market.view_of(market.pool.address(), IBorrowerAllocations::getBorrowerCall { borrower });
        let figures = [
            ("allocation", state.allocationCurrentEpoch),
            ("allocation_next_epoch", state.allocationNextEpoch),
            ("allocated", state.allocatedBalanceCurrentEpoch),
            ("allocated_next_epoch", state.allocatedBalanceNextEpoch),
            ("borrowed", state.borrowed),
            ("borrowable", state.borrowable),
            ("debt", state.debt),
            ("overdue_amount", state.overdueAmount),
        ];
        for (name, figure) in figures {
            assert_eq!(number(&row[name]), figure, "{name}: {row}");
        }
        let proxy = &row["proxy"];
        assert_eq!(number(&proxy["token_balance"]), market.view_of(borrower, P::getTokenBalanceCall {}), "{row}");
        let approved = market.view_of(borrower, P::getApprovedAmountForExternalWithdrawalCall {});
        assert_eq!(number(&proxy["approved_for_external_withdrawal"]), approved, "{row}");
        assert_eq!(proxy["restricted"], market.view_of(borrower, P::isBorrowingRestrictedCall {}), "{row}");
        assert_eq!(proxy["exchange"], market.parties.exchange.to_string());
        assert_eq!(&server.get(&format!("/v1/borrowers/{borrower}"))["data"], row);
        // The newest state of its history is the present one, as far as events say.
        let history = server.get(&format!("/v1/borrowers/{borrower}/history?limit=1000"));
        let last = history["data"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((number(&last["borrowed"]), number(&last["debt"])), (state.borrowed, state.debt), "{last}");
    }
}

#[test]
fn proxies_are_what_their_getters_say_and_each_of_their_logs_is_there_in_words() {
    let folder = TempDir::new().unwrap();
    let node = Served::new(market_settings().deployed_at - 100_000);
    let mut play = ProxyHistory::on(Chain::connect(&node.url).unwrap(), 5);
    let (pool, first) = (play.market().pool.address(), play.market().proxy());
    // The second one is followed because it gets a share.
    let proxies = BTreeMap::from([("first-maker".to_owned(), first)]);
    let contracts = Contracts { pool, distributor: None, oracle: None, proxies, start: 0 };
    let mut given = settings(&node.url, &file(folder.path()), &contracts);
    let said = server::serve::Listed { link: "https://maker.example".to_owned(), ..Default::default() };
    given.borrowers = BTreeMap::from([(first, said)]);
    let server = Server::start(given);
    for round in 0..160 {
        play.step().unwrap();
        if round >= 10 && round % 10 == 0 {
            compare(&server, &node, play.market());
        }
    }
    compare(&server, &node, play.market());
    let known = server.get(&format!("/v1/borrowers/{first}"))["data"].clone();
    assert_eq!((known["name"].as_str(), known["link"].as_str()), (Some("first-maker"), Some("https://maker.example")));
    let watched = [vec![pool], play.market().proxies.clone()].concat();
    let events = expect_all(&server, &logs(&node, &watched));
    let of_proxies: std::collections::BTreeSet<_> = events
        .iter()
        .filter(|event| event["contract"] == "borrower-proxy")
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert!(of_proxies.len() >= 8, "{of_proxies:?}");
    let roles = server.get("/v1/roles");
    let is_guardian = |row: &&Value| row["role"] == "GUARDIAN_ROLE" && row["address"] == first.to_string();
    assert_eq!(roles["data"].as_array().unwrap().iter().filter(is_guardian).count(), 1, "{roles}");
}

/// A distributor beside a pool, an oracle of three reporters, and an epoch of rewards that is closed.
struct Rewards {
    node: Served,
    distribution: Distribution,
    computed: manifest::Epoch,
    server: Server,
    _folder: TempDir,
}

impl Rewards {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let lines = epoch(folder.path(), 20);
        let epochs = folder.path().join("epochs");
        append(&epochs.join("18/samples/feed.jsonl"), &(lines.join("\n") + "\n"));
        let computed = manifest::compute(&EpochFolder::open(&epochs.join("18")).unwrap(), &options()).unwrap();
        manifest::write(&epochs.join("18.results"), &computed, &options()).unwrap();

        let given = Settings::fixture();
        let node = Served::new(given.deployed_at - 100_000);
        let mut pool = Pool::on(Chain::connect(&node.url).unwrap(), "token", "token", &given).unwrap();
        pool.at(suite::epoch(1));
        let (address, token) = (pool.address(), pool.rewards_token());
        let terms = Terms { schedule: (given.interval, given.offset), ..Terms::default() };
        let mut distribution = Distribution::on(pool.chain, token, &terms).unwrap();
        distribution.with_reporters(&["R1", "R2", "R3"], 2).unwrap();
        let contracts = Contracts {
            pool: address,
            distributor: Some(distribution.distributor),
            oracle: Some(distribution.oracle),
            proxies: BTreeMap::new(),
            start: 0,
        };
        let mut settings = settings(&node.url, &file(folder.path()), &contracts);
        settings.rewards = Some(epochs);
        let server = Server::start(settings);
        let this = Self { node, distribution, computed, server, _folder: folder };
        let start = std::time::Instant::now();
        while this.server.answer("/v1/rewards/epochs/18").status != 200 {
            assert!(start.elapsed() < Duration::from_secs(30), "the results verify");
            std::thread::sleep(Duration::from_millis(50));
        }
        this
    }

    /// Two reporters agree on a root, and it is proposed.
    fn propose(&mut self, root: B256, epoch: u64) {
        for reporter in ["R1", "R2"] {
            let (epoch, cid) = (U256::from(epoch), Bytes::from_static(b"bafy"));
            let call = IRewardsOracle::writeOracleDataCall { merkleRoot: root, epoch, ipfsCid: cid };
            self.distribution.tell_oracle(reporter, call).unwrap();
        }
        self.distribution.send("anyone", IMerkleDistributor::proposeRootCall {}).unwrap();
    }

    fn get(&self, path: &str) -> Value {
        self.server.reaches(&self.node.head().1);
        self.server.get(path)
    }

    fn user(&self, account: Address) -> Value {
        self.get(&format!("/v4/users/{account}/rewards?chainId={}", self.distribution.chain.chain_id()))[0].clone()
    }
}

#[test]
fn roots_proofs_and_claims_lead_from_the_report_to_the_payment() {
    let mut rewards = Rewards::new();
    let (root, account) = (rewards.computed.tree.root(), *rewards.computed.lp.keys().next().unwrap());
    let amount = rewards.computed.tree.amount(account).unwrap();
    assert_eq!(rewards.user(account)["rewards"], json!([]), "no root yet, so nothing is known to be his");

    rewards.propose(root, 0);
    let user = rewards.user(account)["rewards"][0].clone();
    let figures = |row: &Value| ["amount", "claimed", "pending"].map(|name| number(&row[name]));
    assert_eq!(figures(&user), [U256::ZERO, U256::ZERO, amount]);
    let claims = rewards.get(&format!("/v1/rewards/providers/{account}/claims"))["data"].clone();
    let end = rewards.distribution.view(IMerkleDistributor::getWaitingPeriodEndCall {});
    assert_eq!((number(&claims["pending"]), claims["pending_from"].as_u64()), (amount, Some(end.to())));
    let roots = rewards.get("/v1/rewards/roots")["data"].clone();
    assert_eq!((&roots[0]["state"], &roots[0]["verified"]), (&json!("proposed"), &json!(true)));
    assert_eq!((&roots[0]["cid"], &roots[0]["leaves"]), (&json!("bafy"), &json!(rewards.computed.tree.len())));

    let now = rewards.distribution.chain.timestamp();
    rewards.distribution.at(now + WAIT).update().unwrap();
    let user = rewards.user(account)["rewards"][0].clone();
    assert_eq!(figures(&user), [amount, U256::ZERO, U256::ZERO]);
    assert_eq!((&user["root"], &user["token"]["decimals"]), (&json!(root), &json!(18)));
    // What was answered is enough to be paid.
    let proof: Vec<B256> = serde_json::from_value(user["proofs"].clone()).unwrap();
    let cumulative = number(&user["amount"]);
    let call =
        IMerkleDistributor::claimRewardsForCall { user: account, cumulativeAmount: cumulative, merkleProof: proof };
    rewards.distribution.send("OP", call).unwrap();
    assert_eq!(rewards.distribution.balance(account), amount);
    assert_eq!(figures(&rewards.user(account)["rewards"][0]), [amount, amount, U256::ZERO]);
    let claims = rewards.get(&format!("/v1/rewards/providers/{account}/claims"))["data"].clone();
    assert_eq!((number(&claims["claimed"]), number(&claims["claimable"])), (amount, U256::ZERO));
    assert_eq!(claims["events"][0]["args"]["amount"], amount.to_string());
    let csv = rewards.server.answer(&format!("/v1/rewards/providers/{account}/claims.csv"));
    assert_eq!((csv.status, csv.body.lines().count()), (200, 2), "{csv:?}");

    // A root that nobody here knows the tree of: nothing is made up.
    let unknown = keccak256("another tree");
    rewards.propose(unknown, 1);
    let user = rewards.user(account)["rewards"][0].clone();
    assert_eq!((number(&user["amount"]), user.get("pending")), (amount, None), "{user}");
    assert!(user["pendingFrom"].is_string());
    let cancel = IMerkleDistributor::cancelProposedRootCall { expectedRoot: unknown };
    rewards.distribution.send("PAUSE", cancel).unwrap();
    let roots = rewards.get("/v1/rewards/roots")["data"].clone();
    let states: Vec<_> = roots.as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["cancelled", "proposed", "active", "proposed"]);
    assert_eq!(roots[1]["verified"], false);
    let page = rewards.get("/v1/rewards/roots?limit=3");
    let rest = rewards.get(&format!("/v1/rewards/roots?limit=3&after={}", page["next"].as_str().unwrap()));
    assert_eq!((&rest["data"], &page["data"][0]), (&json!([roots[3]]), &roots[0]));
    assert_eq!(rewards.get(&format!("/v4/users/{account}/rewards?chainId=1")), json!([]), "of another chain");
    assert_eq!(rewards.user(Address::repeat_byte(9))["rewards"], json!([]));

    let governance = rewards.get("/v1/governance/events?limit=1000")["data"].clone();
    for name in ["RootCancelled", "RewardsOracleChanged", "RoleGranted"] {
        assert!(governance.as_array().unwrap().iter().any(|event| event["name"] == name), "{name}");
    }
    let roles = rewards.get("/v1/roles")["data"].clone();
    let members = |role: &str, contract: &str| {
        let rows = roles.as_array().unwrap().iter();
        rows.filter(|row| row["role"] == role && row["contract"] == contract).count()
    };
    assert_eq!((members("REPORTER_ROLE", "rewards-oracle"), members("PAUSER_ROLE", "merkle-distributor")), (3, 1));
    // One that loses its role is gone, though the event that gave it is still there.
    let reporter = rewards.distribution.who("R3");
    let call = IRoles::revokeRoleCall { role: keccak256("REPORTER_ROLE"), account: reporter };
    rewards.distribution.tell_oracle("GOV", call).unwrap();
    let roles = rewards.get("/v1/roles");
    assert!(!roles["data"].as_array().unwrap().iter().any(|row| row["account"] == reporter.to_string()), "{roles}");
    let watched = [rewards.distribution.distributor, rewards.distribution.oracle];
    let all = logs(&rewards.node, &watched);
    let pool: Address = rewards.get("/v1/pool")["data"]["address"].as_str().unwrap().parse().unwrap();
    let events = expect_all(&rewards.server, &logs(&rewards.node, &[watched.to_vec(), vec![pool]].concat()));
    let of = |name: &str| events.iter().filter(|event| event["name"] == name).count();
    assert_eq!((of("RootReported"), of("RootProposed"), of("RewardsClaimed")), (4, 2, 1), "{} logs", all.len());
}
