//! Disks that are full, and files that are damaged.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Server, api::Scene, file, histories::Process, postgres::is_root, settings};

/// A server whose database lies on a disk of its own, so many bytes large.
struct Small {
    process: Process,
    disk: PathBuf,
}

impl Small {
    fn start(scene: &Scene, bytes: u64) -> Self {
        let disk = scene.folder.path().join(format!("disk-{bytes}"));
        fs::create_dir_all(&disk).unwrap();
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let mount = format!("mount -t tmpfs -o size={bytes} tmpfs \"$0\" && exec \"$@\"");
        command.args(["sh", "-c", &mount]).arg(&disk).arg(std::env::current_exe().unwrap()).stderr(Stdio::piped());
        let database = disk.join("index.sqlite").display().to_string();
        let pool = scene.contracts.pool;
        let process = Process::start_in(command, &scene.folder, &scene.node.url, &database, pool, None);
        Self { process, disk }
    }

    /// A file on that disk, which only the process has mounted.
    fn file(&self, name: &str) -> PathBuf {
        let disk = self.disk.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.process.id())).join(disk).join(name)
    }

    fn health(&self) -> Value {
        self.process.answer("/health").json()
    }

    fn waits(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let start = Instant::now();
        while !is_so(&self.health()) {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}: {}", self.health());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_full_disk_is_said_and_the_index_goes_on_when_there_is_room() {
    let mut scene = Scene::new();
    let small = Small::start(&scene, 16 << 20);
    small.waits("it indexes", |health| health["block"]["hash"] == scene.node.head().1);
    let mut filler = File::create(small.file("filler")).unwrap();
    while filler.write_all(&[1; 4_096]).is_ok() {}
    let is_full = |health: &Value| health["trouble"].as_str().is_some_and(|text| text.contains("full"));
    // The log that SQLite writes ahead is used again for a while.
    for round in 0.. {
        let health = small.health();
        if is_full(&health) {
            assert_eq!(health["ready"], false, "{health}");
            break;
        }
        assert!(round < 400, "it does not say that the disk is full: {health}");
        scene.pool.by("S0").stake(1).unwrap();
        scene.pool.by("S1").stake(1).unwrap();
        std::thread::sleep(Duration::from_millis(40));
    }
    // What it has is served on, whole.
    let standing = small.health()["block"]["hash"].clone();
    let pool = small.process.answer("/v1/pool").json();
    assert_eq!(pool["block"]["hash"], standing);
    assert_eq!(pool["data"]["equation"]["holds"], true, "{pool}");

    fs::remove_file(small.file("filler")).unwrap();
    drop(filler);
    small.waits("it goes on", |health| health["ready"] == true && health["block"]["hash"] == scene.node.head().1);
    let whole = Server::start(settings(&scene.node.url, &file(scene.folder.path()), &scene.contracts));
    whole.reaches(&scene.node.head().1);
    let path = format!("/v1/stakers/{}/history?limit=1000", scene.pool.who("S0"));
    assert_eq!(small.process.answer(&path).json()["data"], whole.get(&path)["data"], "nothing is lost or doubled");

    // At start there is no room at all.
    let refused = catch_unwind(AssertUnwindSafe(|| Small::start(&scene, 96 << 10))).err().expect("it does not start");
    let text = refused.downcast_ref::<String>().unwrap();
    assert!(text.contains("index.sqlite") && text.contains("full"), "{text}");
}

#[test]
fn a_damaged_file_is_said_at_start_and_left_as_it_is() {
    let mut scene = Scene::new();
    for amount in 1..=60 {
        scene.pool.by("S1").stake(amount).unwrap();
    }
    drop(scene.server());
    let path = file(scene.folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = server::store::Store::open(&path).await.unwrap();
        store.rows("PRAGMA wal_checkpoint(TRUNCATE)", []).await.unwrap();
        store.close().await;
    });
    let mut database = OpenOptions::new().write(true).open(&path).unwrap();
    let size = database.metadata().unwrap().len();
    assert!(size > 100_000, "{size} bytes");
    database.seek(SeekFrom::Start(8_192)).unwrap();
    database.write_all(&vec![0xa5; size as usize / 2]).unwrap();
    drop(database);
    let damaged = fs::read(&path).unwrap();
    let refused = Server::try_start(settings(&scene.node.url, &path, &scene.contracts));
    let text = format!("{:#}", refused.err().expect("it does not start"));
    assert!(text.contains("damaged") && text.contains("index.sqlite"), "{text}");
    assert!(fs::read(&path).unwrap() == damaged, "nothing was written");
}
