//! `tidepool keep` and `tidepool watch` as they are typed: what they print, how they end, whom they tell.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use keeper::{ALERTS, METRICS};
use serde_json::{Value, json};

use super::{EPOCH, Scene, ZERO, who};

/// What somebody who listens heard: path and body.
type Heard = (String, String);

/// A service of HTTP that takes everything, on a port.
pub(super) fn listen(port: u16) -> (u16, mpsc::Receiver<Heard>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let heard = take(&stream);
            if heard.is_some_and(|heard| sender.send(heard).is_err()) {
                break;
            }
        }
    });
    (port, receiver)
}

fn take(stream: &TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").ok()?;
    Some((path, String::from_utf8(body).ok()?))
}

/// A server of mail that takes one message.
fn mailbox() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        stream.write_all(b"220 here\r\n").unwrap();
        let mut message = String::new();
        let mut in_data = false;
        while let Some(Ok(line)) = lines.next() {
            let answer: &[u8] = match (in_data, line.as_str()) {
                (true, ".") => {
                    in_data = false;
                    b"250 taken\r\n"
                }
                (true, _) => {
                    message += &(line + "\n");
                    continue;
                }
                (false, "DATA") => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                (false, "QUIT") => break,
                _ => b"250 ok\r\n",
            };
            stream.write_all(answer).unwrap();
        }
        sender.send(message).unwrap();
    });
    (port, receiver)
}

pub(super) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn once_says_what_is_due_and_does_it() {
    let scene = Scene::new(61);
    scene.short();
    let (code, out, errors) = scene.place.run(&["watch", "--once", "--json", "--deployment", "book"]);
    assert_eq!(code, 4, "{errors}");
    let seen: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(seen["duties"][0]["duty"], "mark_debt");
    assert_eq!(seen["duties"][0]["since"], ZERO + EPOCH);
    let names: BTreeSet<_> =
        seen["notices"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.contains("shortfall") && names.contains("overdue"), "{names:?}");

    // Nobody signs by accident.
    let keeping = ["keep", "--once", "--deployment", "book", "--private-key-file", "keeper.key"];
    let (code, _, errors) = scene.place.run(&keeping);
    assert!(code == 2 && errors.contains("say --yes"), "{errors}");
    let unsigned =
        ["keep", "--once", "--deployment", "book", "--unsigned", "--from", &who("keeper").to_string(), "--yes"];
    let (code, _, errors) = scene.place.run(&unsigned);
    assert!(code == 2 && errors.contains("nobody signs here"), "{errors}");

    // Without a budget nothing is sent; without ether neither; then it is done, and needs not be done again.
    let keeping = [&keeping[..], &["--yes"]].concat();
    let (code, out, _) = scene.place.run(&[&keeping[..], &["--budget", "0"]].concat());
    assert!(code == 1 && out.contains("mark_debt not done: 0 ETH are left of the day's budget"), "{out}");
    scene.fund("keeper", 0);
    let (code, out, _) = scene.place.run(&keeping);
    assert!(code == 1 && out.contains("mark_debt FAILED"), "{out}");
    assert!(out.contains("[CRITICAL] keeper-low"), "{out}");
    scene.fund("keeper", 100_000_000_000_000_000);
    let (code, out, errors) = scene.place.run(&[&keeping[..], &["--json"]].concat());
    assert_eq!(code, 0, "{errors}");
    let kept: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&kept["duties"][0]["result"], &kept["duties"][0]["duty"]), (&json!("done"), &json!("mark_debt")));
    let (code, out, errors) = scene.place.run(&keeping);
    assert_eq!(code, 0, "{errors}");
    assert!(!out.contains("mark_debt"), "{out}");
    let (_, out, _) = scene.place.run(&["watch", "--once", "--deployment", "book"]);
    assert!(!out.contains("shortfall") && out.contains("[CRITICAL] overdue (maker)"), "{out}");
    assert!(out.contains("  tidepool pool guardian plan --proxy maker\n  docs/runbooks/silent-borrower.md"), "{out}");
}

#[test]
fn a_pool_that_is_short_and_cannot_mark_is_told_and_opened_again() {
    let scene = Scene::new(61);
    scene.short();
    scene.place.at(ZERO + 400 * super::DAY);
    scene.reactivate_doubles();
    let code = |address| scene.node().code(address).unwrap();
    for (name, address) in &scene.contracts.all {
        if name != "DebtAccounting" && code(*address).starts_with(&[0xef, 0xf0]) {
            scene.activate(*address);
        }
    }
    let (code, out, errors) = scene.place.run(&["watch", "--once", "--deployment", "book"]);
    assert_eq!(code, 4, "{errors}");
    assert!(
        out.contains("[CRITICAL] withdrawals-closed") && out.contains("programs do not run: DebtAccounting;"),
        "{out}"
    );
    let keeping = ["keep", "--once", "--yes", "--deployment", "book", "--private-key-file", "keeper.key"];
    let (code, out, errors) = scene.place.run(&keeping);
    assert!(code == 0 && out.contains("activate DebtAccounting done"), "{out}{errors}");
    let (code, out, errors) = scene.place.run(&keeping);
    assert!(code == 0 && out.contains("mark_debt done") && !out.contains("withdrawals-closed"), "{out}{errors}");
}

#[test]
fn people_are_told_by_every_channel_and_figures_are_served() {
    let scene = Scene::new(61);
    scene.short();
    let (port, heard) = listen(0);
    let (mail, mailbox) = mailbox();
    let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let channels = format!(
        r#"
heartbeat = "{}"
[[channel]]
kind = "webhook"
url = "{}"
[[channel]]
kind = "slack"
url = "{}"
least = "critical"
[[channel]]
kind = "discord"
url = "{}"
[[channel]]
kind = "telegram"
token = "1:x"
chat = "5"
url = "{}"
[[channel]]
kind = "pagerduty"
routing_key = "k"
url = "{}"
[[channel]]
kind = "smtp"
host = "127.0.0.1"
port = {mail}
security = "none"
from = "keeper@example.org"
to = ["you@example.org"]
[[channel]]
kind = "command"
command = ["sh", "-c", "cat > told.json"]
"#,
        url("beat"),
        url("hook"),
        url("slack"),
        url("discord"),
        url("telegram"),
        url("page"),
    );
    scene.place.write("channels.toml", &channels);
    let (code, out, errors) = scene.place.run(&["watch", "--channels", "channels.toml", "--test-channels"]);
    assert!(code == 0 && out.matches("ok    ").count() == 8, "{code}: {out}{errors}");
    let told: Vec<_> = (0..6).map(|_| heard.recv_timeout(Duration::from_secs(10)).unwrap()).collect();
    let paths: Vec<_> = told.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/hook", "/slack", "/discord", "/telegram/bot1:x/sendMessage", "/page", "/beat"]);
    assert!(told.iter().take(5).all(|(_, body)| body.contains("this is a trial")), "{told:?}");
    let letter = mailbox.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(letter.contains("Subject: [CRITICAL] trial") && letter.contains("this is a trial"), "{letter}");
    assert!(fs::read_to_string(scene.place.path("told.json")).unwrap().contains("this is a trial"));

    // A mistake in the file is named by its line, and nothing of the file is repeated.
    scene.place.write("wrong.toml", "[[channel]]\nkind = \"slack\"\nurl = \"https://secret\"\nlest = \"info\"\n");
    let (code, _, errors) = scene.place.run(&["watch", "--channels", "wrong.toml", "--test-channels"]);
    assert!(code == 1 && errors.contains("wrong.toml") && !errors.contains("secret"), "{errors}");

    // Beside a loop: figures and health, and a message for what is wrong.
    scene.place.write("channels.toml", &format!("[[channel]]\nkind = \"webhook\"\nurl = \"{}\"\n", url("live")));
    let arguments =
        ["watch", "--channels", "channels.toml", "--listen", "127.0.0.1:0", "--every", "1", "--deployment", "book"];
    use std::process::Stdio;
    let mut command = scene.place.command(&arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = said.next().unwrap().unwrap().strip_prefix("listening at http://").unwrap().to_owned();
    let notice = heard.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(notice.0, "/live");
    let (status, health) = until(|| get(&address, "/health"), |(status, _)| *status == 200);
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, &health["live"], &health["last_tick"]["time"]), (200, &json!(true), &json!(ZERO + EPOCH)));
    let (_, figures) = get(&address, "/metrics");
    assert!(figures.contains("tidepool_shortfall 150") && figures.contains("tidepool_program_cached{"), "{figures}");
    terminate(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0), "a signal ends it well");
}

/// Asks until an answer is right.
pub(super) fn until<T>(mut ask: impl FnMut() -> T, is_right: impl Fn(&T) -> bool) -> T {
    let start = Instant::now();
    loop {
        let answer = ask();
        if is_right(&answer) || start.elapsed() > Duration::from_secs(30) {
            return answer;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

pub(super) fn terminate(id: u32) {
    assert!(std::process::Command::new("kill").arg(id.to_string()).status().unwrap().success());
}

#[test]
fn other_monitors_are_given_the_same_events_and_names() {
    let scene = Scene::new(61);
    let emit = ["watch", "--emit", "openzeppelin-monitor", "--out", "config", "--deployment", "book"];
    let (code, out, errors) = scene.place.run(&emit);
    assert!(code == 0 && out.lines().count() == 5, "{out}{errors}");
    for path in out.lines() {
        let value: Value = serde_json::from_slice(&fs::read(scene.place.path(path)).unwrap()).unwrap();
        assert!(value.is_object(), "{path}");
    }
    let pool = fs::read_to_string(scene.place.path("config/monitors/tidepool_pool.json")).unwrap();
    let own = scene.contracts.pool.to_string().to_lowercase();
    assert!(pool.to_lowercase().contains(&own) && pool.contains("DiamondCut("), "{pool}");

    // Dashboard and rules name figures that there are, and each figure is on the dashboard.
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../keeper/files");
    let known: BTreeSet<_> = METRICS.iter().map(|(name, _)| *name).collect();
    let named = |file: &str| {
        let text = fs::read_to_string(format!("{files}/{file}")).unwrap();
        let is_part = |character: char| !(character.is_ascii_lowercase() || character == '_');
        let words: BTreeSet<_> =
            text.split(is_part).filter(|word| word.starts_with("tidepool_")).map(str::to_owned).collect();
        words
    };
    for file in ["grafana.json", "prometheus-rules.yml"] {
        for name in named(file) {
            assert!(known.contains(name.as_str()), "{file}: {name}");
        }
    }
    let shown = named("grafana.json");
    assert!(known.iter().all(|name| shown.contains(*name)), "{:?}", known.iter().find(|name| !shown.contains(**name)));
    let dashboard: Value = serde_json::from_slice(&fs::read(format!("{files}/grafana.json")).unwrap()).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
    let channels = fs::read_to_string(format!("{files}/channels.example.toml")).unwrap();
    let channels: keeper::channels::Channels = toml::from_str(&channels).unwrap();
    assert_eq!(channels.channel.len(), 7);

    // Each alert has a runbook that is there and names it.
    for (name, runbook) in ALERTS {
        let path = format!("{}/../docs/runbooks/{runbook}.md", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.contains(&format!("`{name}`")), "{path} does not name `{name}`");
    }
}
