//! The same on Postgres: figures, and two processes of which the writing one is killed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use chain::Chain;
use serde_json::Value;
use server::Contracts;
use suite::{Pool, Settings};
use tempfile::TempDir;

use crate::{Server, histories::Process, node::Served, settings};

/// Debian's Postgres on a free port, as its own user where we are root, which it refuses.
pub(crate) struct Postgres {
    folder: TempDir,
    pub(crate) url: String,
}

fn program(name: &str) -> PathBuf {
    let versions =
        fs::read_dir("/usr/lib/postgresql").expect("Debian's package postgresql is installed (scripts/test server)");
    let mut programs: Vec<_> = versions.map(|entry| entry.unwrap().path().join("bin").join(name)).collect();
    programs.retain(|path| path.is_file());
    programs.sort();
    programs.pop().unwrap_or_else(|| panic!("{name} is installed with Debian's package postgresql"))
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let this = Self { url: format!("postgres://tidepool@127.0.0.1:{port}/postgres"), folder };
        if is_root() {
            let owner = Command::new("chown").arg("postgres").arg(this.folder.path()).status().unwrap();
            assert!(owner.success());
        }
        let data = this.data().display().to_string();
        this.run("initdb", &["-D", &data, "-U", "tidepool", "-A", "trust", "--no-sync", "-E", "UTF8"]);
        let options = format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off");
        this.run("pg_ctl", &["-D", &data, "-w", "-l", &format!("{data}.log"), "-o", &options, "start"]);
        this
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, name: &str, arguments: &[&str]) {
        let program = program(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let status = command.args(arguments).current_dir("/").stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{name} {arguments:?}");
    }
}

pub(crate) fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|text| text.lines().any(|line| line == "Uid:\t0\t0\t0\t0"))
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data().display().to_string();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    }
}

/// A pool with a few stakers on a node.
fn pool() -> (Served, Pool, Contracts) {
    let given = Settings::fixture();
    let node = Served::new(given.deployed_at - 100_000);
    let mut pool = Pool::on(Chain::connect(&node.url).unwrap(), "token", "token", &given).unwrap();
    pool.at(suite::epoch(1));
    stake(&mut pool, 5);
    let contracts =
        Contracts { pool: pool.address(), distributor: None, oracle: None, proxies: Default::default(), start: 0 };
    (node, pool, contracts)
}

fn stake(pool: &mut Pool, times: u64) {
    for amount in 1..=times {
        pool.by("S0").stake(amount * 1_000).unwrap();
        pool.by("S1").stake(amount).unwrap();
    }
}

fn waits(what: &str, most: Duration, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < most, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    start.elapsed()
}

#[test]
fn another_process_takes_over_when_the_one_that_writes_is_killed() {
    let postgres = Postgres::start();
    let folder = TempDir::new().unwrap();
    let (node, mut pool, contracts) = pool();
    let mut first = Process::start(&folder, &node.url, &postgres.url, contracts.pool, None);
    let block = |process: &Process| process.answer("/health").json()["block"]["hash"].clone();
    waits("the first process indexes", Duration::from_secs(30), || block(&first) == node.head().1);
    let second = Process::start(&folder, &node.url, &postgres.url, contracts.pool, None);
    stake(&mut pool, 5);
    waits("the second follows", Duration::from_secs(30), || block(&second) == node.head().1);
    stake(&mut pool, 3);
    first.kill();
    stake(&mut pool, 3);
    let took = waits("the second takes over", Duration::from_secs(10), || block(&second) == node.head().1);
    eprintln!("taken over after {took:?}");
    let staker = pool.who("S0");
    let events = |rows: &Value| -> Vec<String> {
        let rows = rows["data"].as_array().unwrap().iter().filter(|row| row["name"] == "Staked");
        rows.map(|row| row["args"]["amount"].as_str().unwrap().to_owned()).collect()
    };
    let path = format!("/v1/stakers/{staker}/history?limit=1000");
    let history = second.answer(&path).json();
    assert_eq!(events(&history).len(), 5 + 5 + 3 + 3, "no event is lost or doubled: {history}");

    // The same rows as an index in SQLite.
    let sqlite = Server::start(settings(&node.url, &crate::file(folder.path()), &contracts));
    sqlite.reaches(&node.head().1);
    assert_eq!(sqlite.get(&path)["data"], history["data"]);
    let pool_history = "/v1/pool/history?step=event&from=0";
    assert_eq!(sqlite.get(pool_history)["data"], second.answer(pool_history).json()["data"]);
}

#[test]
fn queries_find_their_rows_by_an_index_on_both_databases() {
    let postgres = Postgres::start();
    let folder = TempDir::new().unwrap();
    let (node, _pool, contracts) = pool();
    for database in [file_of(folder.path()), postgres.url.clone()] {
        let server = Server::start(settings(&node.url, &database, &contracts));
        server.reaches(&node.head().1);
        server.runtime.block_on(async {
            let store = server::store::Store::open(&database).await.unwrap();
            for sql in server::store::sql::ALL {
                for line in store.plan(sql).await.unwrap() {
                    let is_scan = line.contains("Seq Scan") || line.starts_with("SCAN") && !line.contains("USING");
                    // One page, found by an index, may be gone through and sorted.
                    let is_page = sql.contains(") page") && (line == "SCAN page" || !is_scan);
                    assert!(!is_scan || is_page, "{sql}\n{line}");
                    let sorts = line.contains("TEMP B-TREE") || line.contains("Sort Key");
                    assert!(!sorts || is_page, "sorts: {sql}\n{line}");
                }
            }
            store.close().await;
        });
    }
}

fn file_of(folder: &Path) -> String {
    folder.join("plans.sqlite").display().to_string()
}
