//! Followed as it happens: an exchange that goes on, servers that do everything wrong, and files that grow.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use rewards::tally::Rules;
use rewards_record::{
    drive::Drive,
    event::Markets,
    exchange::{Exchange, serve},
    feed::generic::Generic,
    owner::Owners,
    plan::Plan,
    recorder::{Recorder, Settings},
    source::{Input, Source, Tape},
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use crate::fixture::{Epoch, Memory, START_MS, makers};

/// Runs a server on a thread of its own.
fn serving<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpListener, watch::Receiver<bool>) -> F + Send + 'static,
) -> (String, watch::Sender<bool>) {
    let (stop, stopped) = watch::channel(false);
    let (tell, told) = oneshot::channel::<SocketAddr>();
    std::thread::spawn(move || {
        Runtime::new().unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            serve(listener, stopped).await;
        });
    });
    (format!("ws://{}", told.blocking_recv().unwrap()), stop)
}

/// The exchange's time: a hundred times as fast as the machine's, so that minutes pass in a test.
fn fast(begin: Instant) -> u64 {
    START_MS + begin.elapsed().as_millis() as u64 * 100
}

/// Records from an address until something holds, 30 seconds at most.
fn follow(epoch: &Epoch, url: &str, until: impl Fn(&Memory) -> bool, tape: Option<Tape>) -> Memory {
    let (names, owners) = (Markets::of(&epoch.parameters), Owners::default());
    let rules = Rules::new(&epoch.parameters, &epoch.sampling).unwrap();
    let plan = Plan::open(&epoch.parameters, &epoch.sampling, &epoch.secret()).unwrap();
    let mut memory = Memory::default();
    // The exchange's clock is another one here.
    let settings = Settings { drift_ms: u64::MAX, stale_ms: u64::MAX, ..Settings::default() };
    let mut recorder = Recorder::new(&rules, &names, plan, settings, &memory);
    let mut drive = Drive::new(Box::new(Generic::new(&names, &owners)), tape);
    let mut source = Source::open(&[url.to_owned()], false, None).unwrap();
    let begin = Instant::now();
    drive
        .run(&mut source, &mut recorder, &mut memory, |_, memory| {
            assert!(begin.elapsed() < Duration::from_secs(30), "nothing comes of it: {:?}", memory.notes);
            Ok(until(memory))
        })
        .unwrap();
    memory.counts = *recorder.counts();
    memory
}

#[test]
fn an_exchange_that_goes_on_is_followed_and_the_tape_gives_the_same_samples() {
    let epoch = Epoch::new(60);
    let (parameters, begin) = (epoch.parameters.clone(), Instant::now());
    let (url, stop) = serving(move |listener, stopped| async move {
        let exchange = Exchange::new(31, &parameters, makers(), 3);
        serve(listener, exchange, Duration::from_millis(5), move || fast(begin), stopped).await.unwrap();
    });
    let path = epoch.root.path().join("tape");
    let tape = Tape::append(&path).unwrap();
    let live = follow(&epoch, &url, |memory| memory.samples.len() >= 9, Some(tape));
    drop(stop);
    // A minute may have passed before there was a connection.
    let is_before = |why: &String| why == "no snapshot yet";
    assert!(live.counts.ok >= 6 && live.reasons.values().all(is_before), "{:?} {:?}", live.counts, live.reasons);
    // What was kept gives the same bytes.
    let mut source = Source::open(&[path.display().to_string()], false, None).unwrap();
    let mut inputs = Vec::new();
    loop {
        match source.take().unwrap() {
            Input::End => break,
            input => inputs.push(input),
        }
    }
    let settings = Settings { drift_ms: u64::MAX, stale_ms: u64::MAX, ..Settings::default() };
    assert_eq!(epoch.record(inputs, settings).samples, live.samples);
}

#[test]
fn servers_that_do_everything_wrong_are_left_and_come_back_to() {
    let epoch = Epoch::new(60);
    let (parameters, begin) = (epoch.parameters.clone(), Instant::now());
    let (url, stop) = serving(move |listener, _| async move {
        let mut exchange = Exchange::new(32, &parameters, makers(), 3);
        exchange.open();
        for turn in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            match turn {
                // Nothing, and gone.
                0 => continue,
                // No WebSocket.
                1 => {
                    stream.try_write(b"HTTP/1.1 500 No\r\n\r\n").unwrap();
                    continue;
                }
                _ => {}
            }
            let Ok(mut socket) = accept_async(stream).await else { continue };
            for line in exchange.snapshots(fast(begin)) {
                drop(socket.send(Message::text(line)).await);
            }
            let mut lines = std::collections::VecDeque::new();
            for step in 0..400 {
                let time_ms = fast(begin);
                exchange.step(step % 3, time_ms, &mut lines);
                lines.push_back(exchange.heartbeat(step % 3, time_ms));
                // A few at first; then garbage, binary garbage, a message that is lost, a connection that breaks off.
                match (turn, step) {
                    (2, 40) => lines.push_back("{\"type\":".to_owned()),
                    (3, 40) => drop(socket.send(Message::binary(vec![0xff; 100])).await),
                    (4, 40) => drop(lines.pop_front()),
                    (5, 40) => break,
                    _ => {}
                }
                let mut is_gone = false;
                for line in lines.drain(..) {
                    is_gone |= socket.send(Message::text(line)).await.is_err();
                }
                if is_gone {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(tokio::time::timeout(Duration::from_millis(10), socket.next()).await);
        }
    });
    let recorded = follow(&epoch, &url, |memory| memory.samples.len() >= 18 && memory.counts.ok == 0, None);
    drop(stop);
    assert!(recorded.counts.ok > 3, "{:?} {:?}", recorded.counts, recorded.notes);
    assert!(recorded.counts.lost >= 3, "{:?} {:?}", recorded.counts, recorded.notes);
}

#[test]
fn files_that_grow_are_followed_line_by_line_into_the_next_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let hour = |hour: u32| folder.path().join(format!("20231114/{hour}"));
    fs::create_dir_all(folder.path().join("20231114")).unwrap();
    fs::write(hour(9), "a\nb").unwrap();
    let mut source = Source::open(&[folder.path().display().to_string()], true, None).unwrap();
    let mut next = || match source.take().unwrap() {
        Input::Idle(None) => None,
        Input::Text(text, None) => Some(String::from_utf8(text).unwrap()),
        other => panic!("{other:?}"),
    };
    assert_eq!((next(), next()), (Some("a".to_owned()), None), "a line without its end waits");
    let append =
        |path, text: &str| fs::File::options().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    append(hour(9), "c\n");
    assert_eq!((next(), next()), (Some("bc".to_owned()), None));
    // Hour 10 comes after hour 9, whatever the letters say.
    fs::write(hour(10), "e\n").unwrap();
    append(hour(9), "d\n");
    assert_eq!((next(), next(), next()), (Some("d".to_owned()), Some("e".to_owned()), None));
}

#[test]
fn names_of_sources_that_cannot_be() {
    let open = |names: &[&str]| {
        Source::open(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), false, None).map(drop)
    };
    assert!(open(&["ws://127.0.0.1:1", "-"]).is_err());
    assert!(open(&["nowhere"]).is_err());
    assert!(
        open(&[tempfile::TempDir::new().unwrap().path().to_str().unwrap()])
            .unwrap_err()
            .to_string()
            .contains("no file")
    );
}
