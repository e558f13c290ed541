//! Where a feed's messages come from: files, standard input, a WebSocket; and the tape that keeps them as they came.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt, StreamExt};
use rewards_files::Error;
use tokio::{
    net::TcpStream,
    runtime::Runtime,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use crate::feed::MESSAGE_MAX;

/// A connection that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// So long one waits for a connection.
const CONNECTING: Duration = Duration::from_secs(10);

/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How often a file is looked at that may grow.
const LOOK: Duration = Duration::from_millis(100);

/// Milliseconds since 1970, by the machine's clock.
#[must_use]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis().try_into().unwrap_or(u64::MAX))
}

/// What comes from a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A message, and when it arrived if it came as it happened.
    Text(Vec<u8>, Option<u64>),
    /// What came before and what comes next do not belong together.
    Lost(String, Option<u64>),
    /// Nothing for a moment; the time, if the feed is followed as it happens.
    Idle(Option<u64>),
    /// That was all.
    End,
}

/// A source of messages.
#[derive(Debug)]
pub enum Source {
    /// Files, one after the other.
    Files(Files),
    /// Standard input, or whatever else can be read.
    Stream(Lines<Box<dyn ReadDebug>>),
    /// A WebSocket.
    Socket(Box<Socket>),
}

/// Something to read from.
pub trait ReadDebug: BufRead + std::fmt::Debug {}

impl<T: BufRead + std::fmt::Debug> ReadDebug for T {}

impl Source {
    /// Opens what names say: `-` for standard input, `ws://…` or `wss://…`, or files and folders of files. `follow` waits for more at their end.
    ///
    /// # Errors
    ///
    /// If a file is not there, or names of several kinds are mixed.
    pub fn open(names: &[String], follow: bool, hello: Option<String>) -> Result<Self, Error> {
        let is_socket = |name: &String| name.starts_with("ws://") || name.starts_with("wss://");
        match names {
            [name] if name == "-" => Ok(Self::Stream(Lines::new(Box::new(BufReader::new(io::stdin()))))),
            [url] if is_socket(url) => Ok(Self::Socket(Box::new(Socket::new(url.clone(), hello)?))),
            names if names.iter().any(|name| name == "-" || is_socket(name)) => {
                Err(Error::refused("standard input or a WebSocket is the only source there is"))
            }
            names => Ok(Self::Files(Files::open(names.iter().map(PathBuf::from).collect(), follow)?)),
        }
    }

    /// Whether what comes is new, so that its time can be held against the machine's.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn take(&mut self) -> Result<Input, Error> {
        match self {
            Self::Files(files) => files.next(),
            Self::Stream(lines) => lines.next(true).map_err(Error::at(Path::new("standard input"))),
            Self::Socket(socket) => Ok(socket.next()),
        }
    }

    /// Gives up a connection whose messages cannot be understood; the next one begins with a snapshot.
    pub fn renew(&mut self) {
        if let Self::Socket(socket) = self {
            socket.stream = None;
        }
    }
}

/// Reads lines of bounded length.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    /// Whether the rest of a line that is too long is still to be passed over.
    skips: bool,
}

impl<R: BufRead> Lines<R> {
    /// Lines of what can be read.
    pub const fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), skips: false }
    }

    /// The next line. At the end, what is there without a line's end is a line if `is_all`, or else waits for the rest.
    fn next(&mut self, is_all: bool) -> io::Result<Input> {
        loop {
            let room = (MESSAGE_MAX + 64).saturating_sub(self.line.len()) as u64;
            let count = (&mut self.reader).take(room).read_until(b'\n', &mut self.line)?;
            let is_whole = self.line.last() == Some(&b'\n');
            if is_whole && self.skips {
                self.line.clear();
                self.skips = false;
                continue;
            }
            if !is_whole && count as u64 == room {
                self.line.clear();
                if !std::mem::replace(&mut self.skips, true) {
                    return Ok(Input::Lost(format!("a line of more than {MESSAGE_MAX} bytes"), None));
                }
                continue;
            }
            if !is_whole && count > 0 {
                continue; // Interrupted, or the end comes next.
            }
            if !is_whole && (!is_all || self.line.is_empty()) {
                return Ok(Input::End);
            }
            return Ok(of_line(std::mem::take(&mut self.line)));
        }
    }
}

/// A line of a feed, or of a tape: there the time of arrival stands before it, and a `!` before why a connection was lost.
fn of_line(mut line: Vec<u8>) -> Input {
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || line.get(digits) != Some(&b'\t') {
        return Input::Text(line, None);
    }
    let arrived_ms = std::str::from_utf8(&line[..digits]).ok().and_then(|text| text.parse().ok());
    let text = line.split_off(digits + 1);
    match text.first() {
        None => Input::Idle(arrived_ms),
        Some(b'!') => Input::Lost(String::from_utf8_lossy(&text[1..]).into_owned(), arrived_ms),
        Some(_) => Input::Text(text, arrived_ms),
    }
}

/// Files one after the other; folders are their files, by name, where numbers count as numbers.
#[derive(Debug)]
pub struct Files {
    names: Vec<PathBuf>,
    follow: bool,
    ahead: VecDeque<PathBuf>,
    done: Vec<PathBuf>,
    current: Option<(PathBuf, Lines<BufReader<File>>)>,
}

impl Files {
    fn open(names: Vec<PathBuf>, follow: bool) -> Result<Self, Error> {
        let mut files = Self { names, follow, ahead: VecDeque::new(), done: Vec::new(), current: None };
        files.look()?;
        if files.ahead.is_empty() && !follow {
            return Err(Error::refused("no file to read the feed from"));
        }
        Ok(files)
    }

    /// Finds files that were not there before.
    fn look(&mut self) -> Result<(), Error> {
        let mut found = Vec::new();
        for name in &self.names {
            let mut below = Vec::new();
            walk(name, &mut below)?;
            below.sort_by_cached_key(|path| key(path));
            found.extend(below);
        }
        let current = self.current.as_ref().map(|(path, _)| path);
        self.ahead = found.into_iter().filter(|path| Some(path) != current && !self.done.contains(path)).collect();
        Ok(())
    }

    fn next(&mut self) -> Result<Input, Error> {
        loop {
            if self.current.is_none()
                && let Some(path) = self.ahead.pop_front()
            {
                let file = File::open(&path).map_err(Error::at(&path))?;
                self.current = Some((path, Lines::new(BufReader::with_capacity(1 << 18, file))));
            }
            let Some((path, lines)) = &mut self.current else {
                if !self.follow {
                    return Ok(Input::End);
                }
                std::thread::sleep(LOOK);
                self.look()?;
                return Ok(Input::Idle(None));
            };
            // A file that is followed is done when there is a later one.
            let is_done = !self.follow || !self.ahead.is_empty();
            match lines.next(is_done).map_err(Error::at(path))? {
                Input::End if is_done => self.done.extend(self.current.take().map(|(path, _)| path)),
                Input::End => {
                    self.look()?;
                    if self.ahead.is_empty() {
                        std::thread::sleep(LOOK);
                        return Ok(Input::Idle(None));
                    }
                }
                input => return Ok(input),
            }
        }
    }
}

fn walk(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !path.is_dir() {
        fs::metadata(path).map_err(Error::at(path))?;
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(Error::at(path))? {
        walk(&entry.map_err(Error::at(path))?.path(), found)?;
    }
    Ok(())
}

/// Names with their numbers padded, so that hour 10 comes after hour 9.
fn key(path: &Path) -> String {
    let (mut key, mut digits) = (String::new(), String::new());
    for letter in path.to_string_lossy().chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            key += &format!("{digits:0>20}");
            digits.clear();
        }
        key.push(letter);
    }
    key
}

/// A WebSocket that is opened again whenever it is lost.
#[derive(Debug)]
pub struct Socket {
    url: String,
    hello: Option<String>,
    runtime: Runtime,
    stream: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    pause: Duration,
}

impl Socket {
    fn new(url: String, hello: Option<String>) -> Result<Self, Error> {
        // That somebody has done so before is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::refused(format_args!("no runtime: {error}")))?;
        Ok(Self { url, hello, runtime, stream: None, pause: Duration::ZERO })
    }

    fn next(&mut self) -> Input {
        if self.stream.is_none() {
            if let Err(reason) = self.connect() {
                return Input::Lost(reason, Some(now_ms()));
            }
            return Input::Idle(Some(now_ms()));
        }
        let Self { runtime, stream, .. } = self;
        let Some(open) = stream else { return Input::Idle(Some(now_ms())) };
        let next = runtime.block_on(async { timeout(SILENCE, open.next()).await });
        let reason = match next {
            Ok(Some(Ok(Message::Text(text)))) => {
                self.pause = Duration::ZERO;
                return Input::Text(text.as_bytes().to_vec(), Some(now_ms()));
            }
            Ok(Some(Ok(Message::Binary(bytes)))) => {
                self.pause = Duration::ZERO;
                return Input::Text(bytes.to_vec(), Some(now_ms()));
            }
            Ok(Some(Ok(Message::Close(_))) | None) => "the connection was closed".to_owned(),
            Ok(Some(Ok(_))) => return Input::Idle(Some(now_ms())),
            Ok(Some(Err(error))) => format!("the connection is lost: {error}"),
            Err(_) => format!("no message for {} s", SILENCE.as_secs()),
        };
        self.stream = None;
        Input::Lost(reason, Some(now_ms()))
    }

    /// Connects, after a pause that grows with each failure.
    fn connect(&mut self) -> Result<(), String> {
        let Self { url, hello, runtime, pause, .. } = self;
        let paused = *pause;
        *pause = (paused * 2).clamp(Duration::from_millis(250), PAUSE_MAX);
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(MESSAGE_MAX);
        config.max_frame_size = Some(MESSAGE_MAX);
        let connecting = async {
            sleep(paused).await;
            let connecting = connect_async_with_config(url.as_str(), Some(config), true);
            let connected = timeout(CONNECTING, connecting).await.map_err(|_| "no answer in time".to_owned())?;
            let (mut stream, _) = connected.map_err(|error| format!("cannot connect: {error}"))?;
            if let Some(hello) = hello {
                stream.send(Message::text(hello.clone())).await.map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(stream)
        };
        self.stream = Some(runtime.block_on(connecting)?);
        Ok(())
    }
}

/// Keeps what comes, with the time of its arrival: read again, it gives the same samples.
#[derive(Debug)]
pub struct Tape {
    path: PathBuf,
    file: File,
}

impl Tape {
    /// Appends to a file.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn append(path: &Path) -> Result<Self, Error> {
        let file = File::options().create(true).append(true).open(path).map_err(Error::at(path))?;
        let mut tape = Self { path: path.to_owned(), file };
        // What was being written when a process died is no line; and what follows did not follow it.
        if tape.file.metadata().map_err(Error::at(path))?.len() > 0 {
            tape.write(b"\n")?;
            tape.keep(&Input::Lost("the recorder was started again".to_owned(), Some(now_ms())))?;
        }
        Ok(tape)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::at(&self.path))
    }

    /// Keeps one.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn keep(&mut self, input: &Input) -> Result<(), Error> {
        let at = |arrived_ms: &Option<u64>| arrived_ms.map_or_else(String::new, |at| format!("{at}\t")).into_bytes();
        let one_line =
            |text: &[u8]| text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect::<Vec<_>>();
        let line = match input {
            // Several messages in one stay apart.
            Input::Text(text, arrived_ms) => {
                let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
                lines.flat_map(|line| [at(arrived_ms).as_slice(), line, b"\n"].concat()).collect()
            }
            Input::Lost(reason, arrived_ms) => {
                [at(arrived_ms).as_slice(), b"!", &one_line(reason.as_bytes()), b"\n"].concat()
            }
            Input::Idle(arrived_ms) => [at(arrived_ms).as_slice(), b"\n"].concat(),
            Input::End => Vec::new(),
        };
        self.write(&line)
    }
}
