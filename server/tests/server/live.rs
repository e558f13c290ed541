//! The running epoch's rewards: at each moment those of the engine over the same samples.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use alloy_primitives::Address;
use chain::Chain;
use rewards::{allocation::allocate, simulation};
use rewards_files::{
    epoch::{EpochFolder, Malformed},
    manifest::{self, Options},
    results,
    samples::Format,
    synthetic,
};
use serde_json::{Value, json};
use server::Contracts;
use tempfile::TempDir;

use crate::{Server, ask, file, histories::Process, node::Served, post, settings};

const TOKEN: &str = "a token of sixteen or more";

/// A node that nobody needs, and a pool that is not there: rewards stand for themselves.
fn nothing() -> (Served, Contracts) {
    let node = Served::new(1_000);
    let mut chain = Chain::connect(&node.url).unwrap();
    chain.set_time(2_000);
    let contracts = Contracts {
        pool: Address::repeat_byte(0x11),
        distributor: None,
        oracle: None,
        proxies: Default::default(),
        start: 0,
    };
    (node, contracts)
}

/// Epoch 18 with its samples held back: lines in the order of time.
pub(crate) fn epoch(folder: &Path, minutes: u32) -> Vec<String> {
    let inputs = folder.join("epochs/18");
    let what = simulation::Settings { seed: 3, epoch: 18, markets: 3, makers: 5, minutes, orders: 12 };
    fs::create_dir_all(&inputs).unwrap();
    synthetic::write(&inputs, &simulation::Simulation::new(what), Format::JsonLines, &()).unwrap();
    fs::remove_file(inputs.join("SHA256SUMS")).unwrap();
    let mut lines = Vec::new();
    for entry in fs::read_dir(inputs.join("samples")).unwrap() {
        let path = entry.unwrap().path();
        lines.extend(fs::read_to_string(&path).unwrap().lines().map(ToOwned::to_owned));
        fs::remove_file(path).unwrap();
    }
    lines.sort_by_key(|line| serde_json::from_str::<Value>(line).unwrap()["time_ms"].as_u64());
    lines
}

pub(crate) fn options<'a>() -> Options<'a> {
    Options {
        format: Format::Csv,
        malformed: Malformed::Refuse,
        threads: 2,
        progress: &(),
        proofs: false,
        replace: false,
        accept_gaps: Some("the epoch runs".to_owned()),
    }
}

/// What the engine makes of the samples in the folder.
fn engine(inputs: &Path) -> Vec<Vec<String>> {
    let folder = EpochFolder::open(inputs).unwrap();
    let source = folder.samples().unwrap();
    let scored = manifest::score(source, &options()).unwrap();
    let allocation = allocate(&source.parameters, &scored.scores);
    results::reward_table(18, &scored.scores, &allocation).rows
}

/// The same columns of the server's answer.
fn rows(live: &Value) -> Vec<Vec<String>> {
    let columns = [
        "market",
        "account",
        "primary",
        "formula",
        "liquidity",
        "uptime",
        "effective_uptime",
        "samples",
        "volume",
        "stake",
        "eligible",
        "score",
        "total_score",
        "pool_wei",
        "reward_wei",
    ];
    let row = |row: &Value| {
        let fields = columns.iter().map(|column| row[*column].as_str().unwrap().to_owned());
        std::iter::once("18".to_owned()).chain(fields).collect()
    };
    live["data"]["providers"].as_array().unwrap().iter().map(row).collect()
}

/// Waits until an answer has so many samples; how long that took.
fn reaches(ask: &dyn Fn(&str) -> crate::Answer, samples: usize) -> (Value, Duration) {
    let start = Instant::now();
    loop {
        let answer = ask("/v1/rewards/live");
        if answer.status == 200 && answer.json()["samples"] == samples {
            return (answer.json(), start.elapsed());
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{samples} samples are not reached: {}", answer.body);
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn at_each_moment_the_answer_is_the_engines_also_after_a_kill() {
    let folder = TempDir::new().unwrap();
    let lines = epoch(folder.path(), 60);
    let inputs = folder.path().join("epochs/18");
    let samples = inputs.join("samples/feed.jsonl");
    let (node, contracts) = nothing();
    append(&samples, "");
    let epochs = folder.path().join("epochs").display().to_string();
    let mut process = Process::start(&folder, &node.url, &file(folder.path()), contracts.pool, Some(&epochs));
    let (mut given, mut slowest) = (0, Duration::ZERO);
    for (round, part) in lines.chunks(lines.len() / 12).enumerate() {
        // A crash may leave a part of a line, which the recorder completes.
        let text = part.join("\n") + "\n";
        let (first, rest) = text.split_at(text.len() / 2);
        append(&samples, first);
        if round % 4 == 3 {
            process.kill();
            process = Process::start(&folder, &node.url, &file(folder.path()), contracts.pool, Some(&epochs));
        }
        append(&samples, rest);
        given += part.len();
        let (live, took) = reaches(&|path| process.answer(path), given);
        slowest = slowest.max(took);
        assert_eq!(rows(&live), engine(&inputs), "{given} samples");
        assert_eq!(live["malformed_samples"], 0);
    }
    assert!(slowest < Duration::from_secs(2), "a sample is in the answers after {slowest:?}");
}

/// Trading and retroactive rewards are those of the operator's tables, to the last digit, or nobody's.
fn tables_of_other_programs(server: &Server, epochs: &Path, account: &str) {
    let folder = epochs.join("18.programs");
    fs::create_dir_all(&folder).unwrap();
    let other = Address::repeat_byte(0x22).to_string();
    let columns = "account,fees_paid,average_open_interest,weight,average_staked,average_staked_with_floor,total_rewards,estimated_rewards";
    let rows =
        [format!("{account},0.1,7,0.3,0,10,1582192,1.000000000000000001"), format!("{other},0.2,8,0.7,5,10,1582192,2")];
    fs::write(folder.join("weight.csv"), format!("{columns}\n{}\n", rows.join("\n"))).unwrap();
    let weight = server.get(&format!("/v3/rewards/weight?epoch=18&ethereumAddress={account}"));
    assert_eq!(weight["fees"], json!({ "feesPaid": "0.1", "totalFeesPaid": "0.3" }));
    assert_eq!(weight["openInterest"], json!({ "averageOpenInterest": "7", "totalAverageOpenInterest": "15" }));
    assert_eq!(weight["weight"], json!({ "weight": "0.3", "totalWeight": "1" }));
    assert_eq!(weight["estimatedRewards"], "1.000000000000000001");
    // Whose key it is, without an address.
    let mine = ask(&format!("{}/v3/rewards/weight?epoch=18", server.url), &[("DYDX-API-KEY", "a-key")]);
    assert_eq!(mine.json()["estimatedRewards"], "2", "{mine:?}");
    let nobodys = ask(&format!("{}/v3/rewards/weight?epoch=18", server.url), &[("DYDX-API-KEY", "another")]);
    assert_eq!(nobodys.status, 401, "{nobodys:?}");
    let retroactive = |row: &str| {
        let text = format!("account,allocation,target_volume,volume,estimated_rewards\n{row}\n");
        fs::write(folder.join("retroactive.csv"), text).unwrap();
        server.answer(&format!("/v3/rewards/public-retroactive-mining?epoch=18&ethereumAddress={account}"))
    };
    assert_eq!(
        retroactive(&format!("{account},9530,5000,10,1")).json(),
        json!({ "allocation": "9530", "targetVolume": "5000" })
    );
    assert_eq!(retroactive(&format!("{other},9530,5000,10,1")).status, 404, "not of this account");
    let broken = retroactive(&format!("{account},9530"));
    assert_eq!(broken.status, 503, "{broken:?}");
    assert!(broken.json()["errors"][0]["msg"].as_str().unwrap().contains("retroactive.csv"), "{broken:?}");
}

/// The last point of each line of scores, shares, rewards and coefficients is what the epoch's sums give.
fn lead_to_the_present(server: &Server, live: &Value) {
    for market in live["data"]["markets"].as_array().unwrap() {
        let name = market["market"].as_str().unwrap();
        for step in ["minute", "hour", "day"] {
            let path = format!("/v1/rewards/epochs/18/markets/{name}/series?step={step}");
            let series = server.get(&path)["data"].as_array().unwrap().clone();
            let last = |account: &Value| series.iter().rfind(|point| point["account"] == *account).unwrap();
            let whole = last(&Value::Null);
            assert_eq!(whole["coefficient"], market["coefficient"], "{whole}");
            assert_eq!((&whole["score"], &whole["reward"]), (&market["total_score"], &market["pool_wei"]), "{whole}");
            let mut shares = 0.0;
            let rows = live["data"]["providers"].as_array().unwrap().iter();
            for row in rows.filter(|row| row["market"] == name) {
                let point = last(&row["account"]);
                assert_eq!((&point["score"], &point["reward"]), (&row["score"], &row["reward_wei"]), "{point}");
                assert_eq!(point["share"].is_string(), row["eligible"] == "true", "{point}");
                shares += point["share"].as_str().unwrap_or("0").parse::<f64>().unwrap();
            }
            assert!((shares - 1.0).abs() < 1e-9, "{name}: {shares}");
            let account = live["data"]["providers"][0]["account"].as_str().unwrap();
            let one = server.get(&format!("{path}&field=score&account={account}"))["data"].clone();
            let accounts = one.as_array().unwrap().iter().filter_map(|point| point["account"].as_str());
            assert!(accounts.eq(vec![account; one.as_array().unwrap().len() / 2]), "{one}");
            assert!(one[0].get("uptime").is_none() && one[0]["score"].is_string(), "{one}");
        }
    }
}

#[test]
fn samples_over_http_are_taken_once_and_closed_epochs_after_they_verified() {
    let folder = TempDir::new().unwrap();
    let lines = epoch(folder.path(), 40);
    let epochs = folder.path().join("epochs");
    let inputs = epochs.join("18");
    let (node, contracts) = nothing();
    let mut settings = settings(&node.url, &file(folder.path()), &contracts);
    settings.rewards = Some(epochs.clone());
    settings.ingest = Some(("127.0.0.1:0".parse().unwrap(), TOKEN.to_owned()));
    settings.keys = [("a-key".to_owned(), Address::repeat_byte(0x22))].into();
    let server = Server::start(settings);
    let ingest = server.running.as_ref().unwrap().ingest.unwrap();
    let url = format!("http://{ingest}/v1/rewards/samples");
    assert_eq!(post(&url, "another token", &lines[0]).status, 401);
    assert_eq!(post(&url, TOKEN, "{\"epoch\":18}").status, 422);
    let all = lines.join("\n");
    assert_eq!(post(&url, TOKEN, &lines[..7].join("\n")).json(), json!({ "taken": 7 }));
    assert_eq!(post(&url, TOKEN, &lines[3..9].join("\n")).json(), json!({ "taken": 2 }), "each minute once");
    assert_eq!(post(&url, TOKEN, &all).json(), json!({ "taken": lines.len() - 9 }));
    assert_eq!(ask(&format!("http://{ingest}/v1/pool"), &[]).status, 404);
    let live = server.get("/v1/rewards/live");
    assert_eq!((rows(&live), live["samples"].as_u64()), (engine(&inputs), Some(lines.len() as u64)));

    let provider = live["data"]["providers"][0].clone();
    let (market, account) = (provider["market"].as_str().unwrap(), provider["account"].as_str().unwrap());
    let series = server.get(&format!("/v1/rewards/epochs/18/markets/{market}/series?step=minute"));
    let of = |row: &&Value| row["account"] == account;
    let uptime = series["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of)
        .map(|row| row["uptime"].as_str().unwrap().parse::<u64>().unwrap());
    assert_eq!(uptime.sum::<u64>().to_string(), provider["uptime"].as_str().unwrap());
    lead_to_the_present(&server, &live);
    let minute = serde_json::from_str::<Value>(&lines[0]).unwrap();
    let sample =
        format!("/v1/rewards/samples/18/{}/{}?account={account}", minute["market"].as_str().unwrap(), minute["minute"]);
    assert_eq!(server.get(&sample)["data"]["minute"], minute["minute"]);
    let own = server.get(&format!("/v1/rewards/providers/{account}/epochs/18"))["data"].clone();
    assert_eq!(own["markets"].as_array().unwrap().len(), 3);
    let legacy = server.get(&format!("/v3/rewards/liquidity-provider?epoch=18&ethereumAddress={account}"));
    assert_eq!(legacy["markets"][market]["uptime"], provider["uptime"]);
    let absent =
        server.answer("/v3/rewards/weight?epoch=18&ethereumAddress=0x1111111111111111111111111111111111111111");
    assert_eq!(absent.status, 404);
    assert!(absent.json()["errors"][0]["msg"].is_string(), "{absent:?}");

    tables_of_other_programs(&server, &epochs, account);

    // The epoch is closed: what `tidepool rewards run` writes is served once it verifies.
    let results = epochs.join("18.results");
    let computed = manifest::compute(&EpochFolder::open(&inputs).unwrap(), &options()).unwrap();
    manifest::write(&results, &computed, &options()).unwrap();
    let start = Instant::now();
    let row = loop {
        let answer = server.get("/v1/rewards/epochs/18");
        if answer["finalized"] == true {
            break answer;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(row["data"]["root"], computed.tree.root().to_string());
    assert_eq!(row["samples"], live["samples"]);
    let leaves = server.answer("/v1/rewards/roots/18/tree.csv");
    assert_eq!(leaves.body.lines().next(), Some("account,cumulative_wei"), "{leaves:?}");
    assert_eq!(leaves.body.lines().count(), 1 + computed.tree.len());
    let tree = server.answer("/v1/rewards/roots/18/tree");
    assert_eq!(tree.body, computed.tree_json, "the bytes that the CID names");
    assert!(tree.header("cache-control").contains("immutable"));
    let credited = computed.lp.keys().next().unwrap();
    let proof = server.get(&format!("/v1/rewards/roots/18/proof/{credited}"))["data"].clone();
    assert_eq!(proof["root"], row["data"]["root"]);
    assert_eq!(server.answer("/v1/rewards/live").status, 404, "no epoch runs any more");
    drop(server);

    // One that does not verify is not served, and says why.
    let table =
        fs::read_dir(&results).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.ends_with("rewards.csv"));
    let table = table.expect("results have a table of rewards");
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, text.replacen(market, "OTHER-USD", 1)).unwrap();
    let mut settings = crate::settings(&node.url, &file(folder.path()), &contracts);
    settings.rewards = Some(epochs);
    let server = Server::start(settings);
    let start = Instant::now();
    loop {
        let answer = server.answer("/v1/rewards/epochs/18");
        if answer.status == 503 && answer.body.contains("verify") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{answer:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
