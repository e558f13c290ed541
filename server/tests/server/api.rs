//! The API as its clients meet it: forms, caches, limits, bad input, events.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    num::NonZeroU32,
    time::Duration,
};

use chain::Chain;
use serde_json::Value;
use server::Contracts;
use suite::{Pool, Settings};
use tempfile::TempDir;

use crate::{Server, ask, file, node::Served, settings};

pub(crate) struct Scene {
    pub(crate) node: Served,
    pub(crate) pool: Pool,
    pub(crate) contracts: Contracts,
    pub(crate) folder: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let given = Settings::fixture();
        let node = Served::new(given.deployed_at - 100_000);
        let mut pool = Pool::on(Chain::connect(&node.url).unwrap(), "token", "token", &given).unwrap();
        pool.at(suite::epoch(1));
        for name in ["S0", "S1", "S2"] {
            pool.by(name).stake(1_000_000).unwrap();
        }
        let contracts =
            Contracts { pool: pool.address(), distributor: None, oracle: None, proxies: Default::default(), start: 0 };
        Self { node, pool, contracts, folder: TempDir::new().unwrap() }
    }

    pub(crate) fn server(&self) -> Server {
        let server = Server::start(settings(&self.node.url, &file(self.folder.path()), &self.contracts));
        server.reaches(&self.node.head().1);
        server
    }
}

#[test]
fn answers_have_forms_tags_and_lifetimes() {
    let scene = Scene::new();
    let server = scene.server();
    let list = server.answer("/v1/stakers");
    assert_eq!((list.status, list.kind.as_str()), (200, "application/json"));
    let tag = list.header("etag").to_owned();
    let url = format!("{}/v1/stakers", server.url);
    let known = ask(&url, &[("if-none-match", &tag)]);
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    for csv in [server.answer("/v1/stakers.csv"), ask(&url, &[("accept", "text/csv")])] {
        assert_eq!((csv.status, csv.kind.as_str()), (200, "text/csv; charset=utf-8"));
        assert_eq!(csv.body.lines().count(), 1 + 3, "{}", csv.body);
        assert!(csv.body.lines().next().unwrap().contains("active_next_epoch"), "{}", csv.body);
    }
    let calendar = server.answer("/v1/pool/calendar.ics");
    assert!(
        calendar.kind.starts_with("text/calendar") && calendar.body.contains("SUMMARY:Epoch 1\r\n"),
        "{calendar:?}"
    );
    let (first, second) = (server.get("/v1/stakers?limit=2"), "/v1/stakers?limit=2&after=");
    let rest = server.get(&format!("{second}{}", first["next"].as_str().unwrap()));
    assert_eq!((first["data"].as_array().unwrap().len(), rest["data"].as_array().unwrap().len()), (2, 1));

    // What the TypeScript client is generated from: BLESS=1 writes it.
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let description = server.answer("/openapi.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(committed, &description.body).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(committed).unwrap(),
        description.body,
        "stale: BLESS=1, then npm run api in typescript/"
    );
    let description = description.json();
    assert_eq!(description["openapi"], "3.1.0");
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path = path.replace("{address}", &scene.pool.who("S0").to_string());
        if path == "/v1/events" || path.contains('{') {
            continue;
        }
        let answer = server.answer(&path);
        assert!(matches!(answer.status, 200 | 401 | 404), "{path}: {answer:?}");
        assert!(methods["get"]["responses"]["200"].is_object(), "{path}");
    }
    let roles = server.get("/v1/roles");
    assert!(roles["data"].as_array().unwrap().iter().any(|row| row["role"] == "OWNER_ROLE"), "{roles}");
    assert_eq!(server.get("/v1/facets")["data"].as_array().unwrap().len(), 7);
    assert!(server.get("/v1/governance/events")["data"].as_array().unwrap().len() >= 5);
    assert!(server.answer("/metrics").body.contains("tidepool_indexed_block"));
}

#[test]
fn bad_input_is_a_problem_that_says_what_is_allowed() {
    let scene = Scene::new();
    let server = scene.server();
    let cases = [
        ("/v1/stakers/0x12", 400, "40 hexadecimal digits"),
        ("/v1/stakers/0xAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAaA", 400, "checksum"),
        ("/v1/stakers?limit=0", 400, "1 to 1000"),
        ("/v1/stakers?limit=-1", 400, "limit"),
        ("/v1/stakers?limit=99999999999999999999", 400, "limit"),
        ("/v1/stakers?limits=1", 400, "unknown field"),
        ("/v1/stakers?after=x", 400, "next"),
        ("/v1/pool/history?step=0", 400, "minute, hour, day"),
        ("/v1/pool/history?from=2&to=1", 400, "after"),
        ("/v1/pool/history?from=0&step=1", 400, "at most"),
        ("/v1/pool/history?from=yesterday", 400, "2026-01-31"),
        ("/v1/shortfalls/0", 404, "no shortfall 0"),
        ("/v1/shortfalls/18446744073709551615", 404, "no shortfall"),
        ("/v1/borrowers/0x1111111111111111111111111111111111111111", 404, "never"),
        ("/v1/rewards/live", 404, "--rewards"),
        ("/v1/nothing", 404, "openapi.json"),
        ("/v1/pool.csv", 406, "no list"),
        ("/v1/stakers/%00", 400, "address"),
    ];
    for (path, status, part) in cases {
        let answer = server.answer(path);
        assert_eq!((answer.status, answer.kind.as_str()), (status, "application/problem+json"), "{path}: {answer:?}");
        let problem = answer.json();
        assert!(problem["detail"].as_str().unwrap().contains(part), "{path}: {problem}");
        assert_eq!(problem["status"], status);
    }
    let url = format!("{}/v1/pool", server.url);
    assert_eq!(ask(&url, &[("accept", "image/png")]).status, 406);
    // Not HTTP, half of it, and a client that does not read.
    for text in
        ["\u{0}\u{1}\u{2}\r\n\r\n", "GET /v1/pool HTTP/1.1\r\nHost:", "BREW /v1/pool HTTP/1.1\r\nHost: x\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let _ = stream.read(&mut [0; 4096]);
    }
    assert_eq!(server.answer("/v1/pool").status, 200, "it goes on");
}

#[test]
fn one_client_does_not_take_it_all() {
    let scene = Scene::new();
    let mut given = settings(&scene.node.url, &file(scene.folder.path()), &scene.contracts);
    given.rate = NonZeroU32::new(5);
    let server = Server::start(given);
    let statuses: Vec<_> = (0..60).map(|_| server.answer("/health").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = server.answer("/health");
    if refused.status == 429 {
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1, "{refused:?}");
    }
}

/// The next event of a stream: its name, id and data.
pub(crate) fn next(lines: &mut impl BufRead) -> (String, String, Value) {
    let (mut name, mut id, mut data) = (String::new(), String::new(), Value::Null);
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the stream ended");
        match line.trim_end().split_once(": ") {
            Some(("event", text)) => name = text.to_owned(),
            Some(("id", text)) => id = text.to_owned(),
            Some(("data", text)) => data = serde_json::from_str(text).unwrap(),
            _ if !name.is_empty() => return (name, id, data),
            _ => {}
        }
    }
}

fn subscribe(server: &Server, last: Option<&str>) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
    stream.write_all(format!("GET /v1/events HTTP/1.1\r\nHost: x\r\n{last}\r\n").as_bytes()).unwrap();
    BufReader::new(stream)
}

#[test]
fn subscribers_go_on_where_they_were_also_across_a_reorganisation() {
    let mut scene = Scene::new();
    let server = scene.server();
    let mut stream = subscribe(&server, None);
    std::thread::sleep(Duration::from_millis(300));
    let before = scene.pool.fork();
    scene.pool.by("S0").stake(7).unwrap();
    let staked = |stream: &mut BufReader<TcpStream>| loop {
        let (name, id, data) = next(stream);
        if data["name"] == "Staked" || name == "reorganisation" {
            break (name, id, data);
        }
    };
    let (_, first, data) = staked(&mut stream);
    assert_eq!(data["args"]["amount"], "7");
    scene.pool.by("S1").stake(8).unwrap();
    assert_eq!(staked(&mut stream).2["args"]["amount"], "8");
    let mut again = subscribe(&server, Some(&first));
    assert_eq!(staked(&mut again).2["args"]["amount"], "8", "what came after the last event that it has");

    server.reaches(&scene.node.head().1);
    scene.pool = before;
    scene.pool.by("S2").stake(9).unwrap();
    for stream in [&mut stream, &mut again] {
        let (name, _, data) = staked(stream);
        assert_eq!(name, "reorganisation", "{data}");
        assert_eq!(staked(stream).2["args"]["amount"], "9");
    }
    let (name, ..) = staked(&mut subscribe(&server, Some(&first)));
    assert_eq!(name, "reorganisation", "its last event is not in the chain any more");
}

#[test]
fn a_node_that_announces_heads_need_not_be_polled() {
    let mut scene = Scene::new();
    let mut given = settings(&scene.node.url, &file(scene.folder.path()), &scene.contracts);
    given.heads = Some(scene.node.url.replacen("http", "ws", 1));
    given.poll = Duration::from_secs(600);
    let server = Server::start(given);
    server.reaches(&scene.node.head().1);
    std::thread::sleep(Duration::from_secs(1)); // It subscribes meanwhile.
    for amount in 1..=3 {
        scene.pool.by("S0").stake(amount).unwrap();
        server.reaches(&scene.node.head().1);
    }
}

#[test]
fn a_database_that_cannot_be_used_is_said_at_start() {
    let scene = Scene::new();
    drop(scene.server());
    let path = file(scene.folder.path());
    let refused = |database: &str| {
        let given = settings(&scene.node.url, database, &scene.contracts);
        format!("{:#}", Server::try_start(given).err().expect("it does not start"))
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = server::store::Store::open(&path).await.unwrap();
        store.rows("UPDATE meta SET value = '99' WHERE name = 'version'", []).await.unwrap();
        store.close().await;
    });
    assert!(refused(&path).contains("version 99"), "{}", refused(&path));
    let damaged = scene.folder.path().join("damaged.sqlite");
    std::fs::write(&damaged, "this is no database, and never was one").unwrap();
    let text = refused(damaged.to_str().unwrap());
    assert!(text.contains("damaged.sqlite"), "{text}");
    assert_eq!(std::fs::read_to_string(&damaged).unwrap(), "this is no database, and never was one");
    assert!(refused("/nowhere/at/all.sqlite").contains("/nowhere/at/all.sqlite"));

    // Of other contracts: it does not start to write, and says so.
    let other = Contracts { pool: scene.pool.token(), ..scene.contracts.clone() };
    let fresh = scene.folder.path().join("other.sqlite").display().to_string();
    drop({
        let server = Server::start(settings(&scene.node.url, &fresh, &scene.contracts));
        server.reaches(&scene.node.head().1);
        server
    });
    let server = Server::start(settings(&scene.node.url, &fresh, &other));
    std::thread::sleep(Duration::from_millis(500));
    let health = server.answer("/health");
    assert_eq!(health.status, 503);
    assert!(health.body.contains("another database"), "{health:?}");
}
