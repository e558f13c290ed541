//! Keepers as processes: killed, two at once, beside nodes that lie, lag or are silent, and with a channel that is down.

use std::{
    net::TcpListener,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::U256;
use serde_json::{Value, json};

use super::{
    EPOCH, Scene, ZERO,
    life::{listen, terminate, until},
    who,
};
use crate::nodes::Served;

const KEEPING: [&str; 6] = ["keep", "--yes", "--deployment", "book", "--every", "1"];

impl Scene {
    fn keeping(&self, name: &str, more: &[&str]) -> Child {
        let key = format!("{name}.key");
        let arguments = [&KEEPING[..], &["--private-key-file", &key], more].concat();
        self.place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn transactions(&self, name: &str, block: &str) -> u64 {
        let nonce = self.place.ask("eth_getTransactionCount", json!([who(name), block]));
        nonce.as_str().unwrap().parse::<U256>().unwrap().to()
    }

    /// How often debt was marked.
    fn marks(&self) -> usize {
        use alloy_sol_types::SolEvent;
        let topic = client::bindings::IPoolEvents::ConvertedInactiveBalancesToDebt::SIGNATURE_HASH;
        let logs =
            self.place.ask("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "latest", "topics": [topic] }]));
        logs.as_array().unwrap().len()
    }
}

/// Ends a process at once.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_keeper_killed_between_trial_and_receipt_sends_nothing_twice() {
    let scene = Scene::new(61);
    scene.short();
    let before = scene.transactions("keeper", "latest");
    let mut kept = scene.place.snapshot();
    let mut in_flight = 0;
    for round in 0..8_u64 {
        scene.place.revert(kept);
        kept = scene.place.snapshot();
        // Transactions wait until a block is asked for: the keeper waits for its receipt when it is killed.
        scene.place.ask("evm_setAutomine", json!([false]));
        let child = scene.keeping("keeper", &[]);
        let start = Instant::now();
        let patience = Duration::from_millis(300 + round * 150);
        until(|| scene.transactions("keeper", "pending"), |count| *count > before || start.elapsed() > patience);
        kill(child);
        let sent = scene.transactions("keeper", "pending") - before;
        in_flight += usize::from(sent > 0);

        // Another one that starts now sends nothing beside what is on its way, and what is not sent yet once.
        let child = scene.keeping("keeper", &[]);
        thread::sleep(Duration::from_millis(1_500));
        assert!(scene.transactions("keeper", "pending") <= before + 1, "round {round}");
        until(|| scene.transactions("keeper", "pending"), |count| *count > before);
        scene.place.ask("evm_mine", json!([]));
        scene.place.ask("evm_setAutomine", json!([true]));
        thread::sleep(Duration::from_millis(1_500));
        kill(child);
        assert_eq!((scene.marks(), scene.transactions("keeper", "latest") - before), (1, 1), "round {round}");
    }
    assert!(in_flight > 0, "some were killed while their transaction was on its way");
}

#[test]
fn two_keepers_at_once_mark_once() {
    let scene = Scene::new(61);
    scene.short();
    let mut children = [scene.keeping("keeper", &[]), scene.keeping("other", &[])];
    until(|| scene.marks(), |count| *count > 0);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(scene.marks(), 1);
    for child in &mut children {
        assert_eq!(child.try_wait().unwrap(), None, "the one that came second goes on");
        terminate(child.id());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

/// Accepts connections, and hangs up or says nothing.
fn mute(hangs_up: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            if !hangs_up {
                kept.push(stream);
            }
        }
    });
    url
}

#[test]
fn nothing_is_done_while_nodes_lie_or_lag_and_everything_when_they_are_left_out() {
    let scene = Scene::new(61);
    scene.short();
    let once = |urls: &[&str]| {
        let key = ["--private-key-file", "keeper.key", "--yes", "--once", "--deployment", "book"];
        let output = scene.place.command(&["keep"]).args(key).env("TIDEPOOL_RPC", urls.join(" ")).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let settings = |time: u64| chain::node::NodeSettings {
        timestamp: Some(time),
        frozen: true,
        ..chain::node::NodeSettings::default()
    };
    // One is behind, one is ahead, one has another chain of the same length.
    for (time, words) in
        [(ZERO + EPOCH - 31, "nodes disagree"), (ZERO + 2 * EPOCH, "nodes disagree"), (ZERO + EPOCH, "nodes disagree")]
    {
        let liar = Served::new(settings(time));
        let (code, said) = once(&[scene.place.url(), &liar.url]);
        assert!(code == 1 && said.contains(words), "{said}");
        assert_eq!(scene.marks(), 0);
    }
    // One that hangs up, one that says nothing for half a minute and one that was never there are left out when the keeper connects.
    let (code, said) = once(&[&mute(true), &mute(false), "http://127.0.0.1:9", scene.place.url()]);
    assert!(code == 0 && said.contains("mark_debt done"), "{said}");
    assert_eq!(scene.marks(), 1);

    // A loop tells that its node is gone, and goes on when it is there again: nobody starts it anew.
    let (port, heard) = listen(0);
    scene.place.write(
        "channels.toml",
        &format!("[[channel]]\nkind = \"webhook\"\nleast = \"critical\"\nurl = \"http://127.0.0.1:{port}/\"\n"),
    );
    let child = scene.keeping("keeper", &["--channels", "channels.toml", "--stale", "6"]);
    let wait_for = |stage: &str, words: &str| loop {
        let (_, body) = heard.recv_timeout(Duration::from_secs(60)).unwrap();
        let notice: Value = serde_json::from_str(&body).unwrap();
        let is_told = notice["name"] == "nodes" && notice["stage"] == stage;
        if is_told && notice["text"].as_str().unwrap().contains(words) {
            break;
        }
    };
    // The chain of the test has no new block by itself: it stands still.
    wait_for("raised", "stands still");
    let before = scene.place.snapshot();
    scene.place.at(ZERO + EPOCH + 60);
    wait_for("resolved", "");
    // Another chain takes its place: everything is read anew.
    scene.place.revert(before);
    wait_for("raised", "everything is read anew");
    scene.place.at(ZERO + EPOCH + 90);
    wait_for("resolved", "");
    kill(child);
}

#[test]
fn what_could_not_be_told_is_told_when_the_channel_is_back() {
    let scene = Scene::new(61);
    scene.short();
    // A port where nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    scene
        .place
        .write("channels.toml", &format!("[[channel]]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\n"));
    let child = scene.keeping("keeper", &["--channels", "channels.toml"]);
    until(|| scene.marks(), |count| *count > 0);
    // It goes on while nobody takes its messages; a day passes on the chain.
    for hour in 1..=24 {
        scene.place.at(ZERO + EPOCH + hour * 3_600);
        thread::sleep(Duration::from_millis(60));
    }
    let (_, heard) = listen(port);
    let mut names = Vec::new();
    let mut patience = Duration::from_secs(30);
    while let Ok((_, body)) = heard.recv_timeout(patience) {
        patience = Duration::from_secs(3);
        let notice: Value = serde_json::from_str(&body).unwrap();
        names.push(format!("{} {}", notice["name"].as_str().unwrap(), notice["stage"].as_str().unwrap()));
    }
    kill(child);
    // In their order, each once.
    let place =
        |name: &str| names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name}: {names:?}"));
    assert!(place("shortfall raised") < place("shortfall resolved"), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "shortfall raised").count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "shortfall resolved").count(), 1, "{names:?}");
}
