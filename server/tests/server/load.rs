//! Many clients, slow ones, and those that send anything.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use suite::simulation::Random;

use crate::{Answer, Server, agent, api::Scene, ask, histories::Process, read, settings};

/// Clients at once.
const CLIENTS: usize = 200;

fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap()
}

fn send(url: &str, request: &str) -> TcpStream {
    let mut stream = connect(url);
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Reads a byte a second, as long as it may.
fn read_slowly(url: &str, path: &str, stop: &AtomicBool) {
    let mut stream = send(url, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    while !stop.load(Ordering::Relaxed) {
        let _ = stream.read(&mut [0]);
        thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn two_hundred_clients_are_served_beside_slow_ones_and_memory_stays() {
    let mut scene = Scene::new();
    for amount in 1..=100 {
        scene.pool.by("S0").stake(amount).unwrap();
    }
    let database = crate::file(scene.folder.path());
    let process = Process::start(&scene.folder, &scene.node.url, &database, scene.contracts.pool, None);
    let start = Instant::now();
    while process.answer("/health").json()["block"]["hash"] != scene.node.head().1 {
        assert!(start.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(20));
    }
    let who = scene.pool.who("S0");
    let history = format!("/v1/stakers/{who}/history?limit=1000");
    let paths =
        ["/v1/pool".to_owned(), format!("/v1/stakers/{who}"), "/v1/stakers.csv".to_owned(), "/health".to_owned()];
    let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    // Subscribers that never read what they are sent.
    let events = "GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0-0-0\r\n\r\n";
    let deaf: Vec<_> = (0..16).map(|_| send(&process.url, events)).collect();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| read_slowly(&process.url, &history, &stop));
        }
        for client in 0..CLIENTS {
            let (paths, stop, answers, url) = (&paths, &stop, &answers, &process.url);
            scope.spawn(move || {
                let agent = agent();
                for path in paths.iter().cycle().skip(client) {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let answer = read(agent.get(format!("{url}{path}")).call().unwrap());
                    assert_eq!(answer.status, 200, "{path}: {answer:?}");
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let half = |scene: &mut Scene| {
            let until = Instant::now() + Duration::from_secs(4);
            while Instant::now() < until {
                scene.pool.by("S1").stake(1).unwrap(); // What subscribers hear of.
                thread::sleep(Duration::from_millis(100));
            }
            process.memory()
        };
        let (first, second) = (half(&mut scene), half(&mut scene));
        stop.store(true, Ordering::Relaxed);
        assert!(second < first + (24 << 20), "memory grew from {first} to {second} bytes");
        assert!(second < 400 << 20, "{second} bytes");
    });
    drop(deaf);
    let answers = answers.into_inner();
    assert!(answers > 2 * CLIENTS as u64, "{answers} answers");
    assert_eq!(process.answer("/v1/pool").status, 200);
}

#[test]
fn one_address_does_not_take_all_connections() {
    let scene = Scene::new();
    let server = scene.server();
    let mut held: Vec<_> = (0..300).map(|_| connect(&server.url)).collect();
    let is_closed = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        matches!(stream.read(&mut [0]), Ok(0)) || stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").is_err()
    };
    thread::sleep(Duration::from_millis(500));
    let closed = held.iter_mut().filter_map(|stream| is_closed(stream).then_some(())).count();
    assert!((40..=50).contains(&closed), "{closed} of 300 were closed");
    drop(held);
    let start = Instant::now();
    while agent().get(format!("{}/health", server.url)).call().is_err() {
        assert!(start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(50));
    }
}

/// Values that nobody should send.
const VALUES: [&str; 24] = [
    "",
    "0",
    "-1",
    "1",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "1e9",
    "0x",
    "0x0000000000000000000000000000000000000000",
    "0xffffffffffffffffffffffffffffffffffffffff",
    "%00",
    "%ff%fe",
    "%F0%9F%A6%80",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%27%20OR%201%3D1--",
    "%3Cscript%3E",
    "null",
    "9223372036854775807-9223372036854775807",
    "9223372036854775808-0",
    "1-2-3-4",
    "2026-01-31T00:00:00Z",
    "-9223372036854775808",
    "minute",
];

#[test]
fn whatever_is_asked_the_answer_is_an_answer_or_a_problem() {
    let scene = Scene::new();
    let given = settings(&scene.node.url, &crate::file(scene.folder.path()), &scene.contracts);
    let server = Server::start(server::Settings { rewards: Some(scene.folder.path().to_owned()), ..given });
    server.reaches(&scene.node.head().1);
    let description: Value = server.answer("/openapi.json").json();
    let paths: Vec<_> = description["paths"].as_object().unwrap().keys().filter(|path| *path != "/v1/events").collect();
    let queries =
        ["limit", "after", "from", "to", "step", "epoch", "account", "field", "chainId", "ethereumAddress", "x"];
    let mut random = Random::new(11);
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for _ in 0..600 {
        let path: String = random.one(&paths).clone();
        let mut filled = String::new();
        for part in path.split('/').skip(1) {
            filled += "/";
            filled += if part.starts_with('{') { random.one(&VALUES) } else { part };
        }
        filled += random.one(&["", "", ".csv", "/", "//"]);
        for number in 0..random.below(3) {
            let (name, value) = (random.one(&queries), random.one(&VALUES));
            filled += &format!("{}{name}={value}", if number == 0 { '?' } else { '&' });
        }
        let accept =
            random.one(&["*/*", "*/*", "*/*", "application/json", "text/html, */*;q=0.1", "text/csv", "image/png", ""]);
        let answer: Answer = ask(&format!("{}{filled}", server.url), &[("accept", accept), ("if-none-match", "*")]);
        *statuses.entry(answer.status).or_default() += 1;
        let known = [200, 304, 400, 401, 404, 405, 406];
        assert!(known.contains(&answer.status), "{filled} {accept}: {answer:?}");
        if answer.status >= 400 {
            let detail = match filled.starts_with("/v3/") {
                true => answer.json()["errors"][0]["msg"].clone(),
                false => {
                    assert_eq!(answer.kind, "application/problem+json", "{filled}: {answer:?}");
                    answer.json()["detail"].clone()
                }
            };
            assert!(detail.as_str().is_some_and(|detail| !detail.is_empty()), "{filled}: {answer:?}");
        }
    }
    for status in [200, 400, 404, 406] {
        assert!(statuses[&status] > 20, "{statuses:?}");
    }

    // Not even HTTP, or more of it than anybody needs.
    let long = "a".repeat(200_000);
    for text in [
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /v1/pool HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"),
        format!("GET /v1/pool HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500)),
        "POST /v1/pool HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{}".to_owned(),
        "GET /v1/pool HTTP/9.9\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}".to_owned(),
    ] {
        let mut stream = connect(&server.url);
        let _ = stream.write_all(text.as_bytes());
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut answer = [0; 12];
        let count = stream.read(&mut answer).unwrap_or_default();
        let first = String::from_utf8_lossy(&answer[..count]).into_owned();
        assert!(first.is_empty() || first.starts_with("HTTP/1.1 4"), "{:.60}: {first}", text);
    }
    assert_eq!(server.answer("/v1/pool").status, 200);
}
