//! How people are told: webhooks in the shapes that services take, mail, a command. Each has a queue and a thread of its own, so nothing
//! waits for a service that is down, and what was to be told is told when it is back.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::Address;
use anyhow::{Context, bail, ensure};
use backon::{BlockingRetryable, ExponentialBuilder};
use client::web;
use lettre::{
    Message, SmtpTransport, Transport,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Alert, Notice, Severity, Stage};

/// How long a message is tried before it is given up.
const PATIENCE: Duration = Duration::from_secs(48 * 3_600);

/// The longest pause between two trials.
const PAUSE: Duration = Duration::from_secs(300);

/// The longest text of a message of Discord, and of Telegram, in characters.
const LIMITS: [usize; 2] = [2_000, 4_096];

/// The file that names channels. It holds secrets: keep it to yourself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// Asked for after each tick that came to its end, at most once a minute: a dead man's switch.
    pub heartbeat: Option<String>,
    /// Where people are told.
    #[serde(default)]
    pub channel: Vec<Channel>,
}

/// Somewhere that people are told. Fields that nobody knows are refused by the service.
#[derive(Clone, Debug, Deserialize)]
pub struct Channel {
    /// What does not matter as much is not told there; everything unless named.
    #[serde(default = "everything")]
    pub least: Severity,
    /// Which service.
    #[serde(flatten)]
    pub service: Service,
}

const fn everything() -> Severity {
    Severity::Info
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let all = [Self::Info, Self::Warning, Self::Critical];
        let known = all.into_iter().find(|severity| severity.name() == text);
        known.ok_or_else(|| serde::de::Error::custom(format!("{text:?}: info, warning or critical is expected")))
    }
}

/// A service, and what it needs.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "named as each service names them")]
pub enum Service {
    /// The notice as JSON.
    Webhook { url: String },
    /// An incoming webhook of Slack.
    Slack { url: String },
    /// A webhook of Discord.
    Discord { url: String },
    /// A bot of Telegram.
    Telegram {
        token: String,
        chat: String,
        #[serde(default = "telegram")]
        url: String,
    },
    /// Events of PagerDuty, version 2: what is over is resolved there.
    Pagerduty {
        routing_key: String,
        #[serde(default = "pagerduty")]
        url: String,
    },
    /// Mail.
    Smtp {
        host: String,
        port: u16,
        /// `tls` from the first byte (port 465), `starttls` (587), or `none` on this machine only.
        security: Security,
        user: Option<String>,
        password: Option<String>,
        from: String,
        to: Vec<String>,
    },
    /// A program: the notice as JSON is its input.
    Command { command: Vec<String> },
}

/// How a connection for mail is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// From the first byte.
    Tls,
    /// After a word in the open; refused where the server does not offer it.
    Starttls,
    /// Not at all: for a server on this machine.
    None,
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

fn pagerduty() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

/// Without secrets.
impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// Of which pool it is told.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Origin {
    /// Id of the chain.
    pub chain: u64,
    /// The pool.
    pub pool: Address,
}

impl Service {
    /// What it is called in logs: without what may be secret.
    pub fn name(&self) -> String {
        match self {
            Self::Webhook { url } => format!("webhook {}", web::shown(url)),
            Self::Slack { .. } => "slack".to_owned(),
            Self::Discord { .. } => "discord".to_owned(),
            Self::Telegram { .. } => "telegram".to_owned(),
            Self::Pagerduty { .. } => "pagerduty".to_owned(),
            Self::Smtp { host, .. } => format!("smtp {host}"),
            Self::Command { command } => format!("command {}", command.first().map_or("", String::as_str)),
        }
    }

    /// Tells a notice, once.
    ///
    /// # Errors
    ///
    /// If the service does not take it. No error repeats a secret.
    pub fn tell(&self, notice: &Notice, origin: Origin) -> anyhow::Result<()> {
        let post = |url: &str, value: &Value| web::post_json(url, value).map(drop);
        match self {
            Self::Webhook { url } => post(url, &generic(notice, origin)?),
            Self::Slack { url } => post(url, &slack(notice)),
            Self::Discord { url } => post(url, &discord(notice)),
            Self::Telegram { token, chat, url } => {
                post(&format!("{}/bot{token}/sendMessage", url.trim_end_matches('/')), &to_telegram(notice, chat))
            }
            Self::Pagerduty { routing_key, url } => post(url, &to_pagerduty(notice, origin, routing_key)),
            Self::Smtp { .. } => self.mail(notice),
            Self::Command { command } => run(command, &generic(notice, origin)?),
        }
    }

    fn mail(&self, notice: &Notice) -> anyhow::Result<()> {
        let Self::Smtp { host, port, security, user, password, from, to } = self else { return Ok(()) };
        let address = |text: &str| text.parse::<Mailbox>().with_context(|| format!("{text:?} is no address of mail"));
        let mut message = Message::builder().from(address(from)?).subject(title(notice));
        for one in to {
            message = message.to(address(one)?);
        }
        let message = message.body(text(notice))?;
        let parameters = || TlsParameters::new(host.clone()).context("TLS");
        let tls = match security {
            Security::Tls => Tls::Wrapper(parameters()?),
            Security::Starttls => Tls::Required(parameters()?),
            Security::None => Tls::None,
        };
        let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
        ensure!(*security != Security::None || is_here, "{host}: security = \"none\" is for this machine only");
        let mut transport =
            SmtpTransport::builder_dangerous(host).port(*port).tls(tls).timeout(Some(Duration::from_secs(30)));
        if let (Some(user), Some(password)) = (user, password) {
            transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
        }
        transport.build().send(&message).with_context(|| format!("mail by {host}"))?;
        Ok(())
    }
}

/// In one line.
fn title(notice: &Notice) -> String {
    let Notice { stage, alert, .. } = notice;
    let word = match stage {
        Stage::Raised => alert.severity.name().to_uppercase(),
        Stage::Reminder => format!("{}, STILL", alert.severity.name().to_uppercase()),
        Stage::Resolved => "RESOLVED".to_owned(),
    };
    match alert.subject.as_str() {
        "" => format!("[{word}] {}", alert.name),
        subject => format!("[{word}] {} ({subject})", alert.name),
    }
}

/// With everything that is known; of what is over, no more than what it was.
pub fn text(notice: &Notice) -> String {
    let mut lines = vec![title(notice)];
    match notice.stage {
        Stage::Resolved => lines.push(format!("It was: {}", notice.alert.text)),
        Stage::Raised | Stage::Reminder => {
            lines.extend(notice.alert.lines());
            lines.push(format!("docs/runbooks/{}.md", notice.alert.runbook));
        }
    }
    lines.join("\n")
}

fn generic(notice: &Notice, origin: Origin) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(notice)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("chain".to_owned(), json!(origin.chain));
        object.insert("pool".to_owned(), json!(origin.pool));
    }
    Ok(value)
}

fn slack(notice: &Notice) -> Value {
    let text = text(notice).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": text })
}

fn cut(text: &str, limit: usize) -> String {
    match text.chars().count() > limit {
        true => text.chars().take(limit - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn discord(notice: &Notice) -> Value {
    // Text of others may hold mentions: nobody is called by them.
    json!({ "content": cut(&text(notice), LIMITS[0]), "allowed_mentions": { "parse": [] } })
}

fn to_telegram(notice: &Notice, chat: &str) -> Value {
    json!({ "chat_id": chat, "text": cut(&text(notice), LIMITS[1]), "disable_web_page_preview": true })
}

fn to_pagerduty(notice: &Notice, origin: Origin, routing_key: &str) -> Value {
    let alert = &notice.alert;
    let action = if notice.stage == Stage::Resolved { "resolve" } else { "trigger" };
    json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": format!("tidepool/{}/{}/{}/{}", origin.chain, origin.pool, alert.name, alert.subject),
        "payload": {
            "summary": cut(&format!("{} {}", title(notice), alert.text), 1_024),
            "severity": alert.severity.name(),
            "source": format!("tidepool pool {} on chain {}", origin.pool, origin.chain),
            "custom_details": { "text": text(notice) },
        },
    })
}

fn run(command: &[String], value: &Value) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("a command has a program")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| program.clone())?;
    if let Some(mut input) = child.stdin.take() {
        // It need not read.
        drop(input.write_all(value.to_string().as_bytes()));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{program}: it ends with {status}");
    }
    Ok(())
}

/// A notice with which channels are tried.
pub fn trial(time: u64) -> Notice {
    let text = "this is a trial: nothing has happened".to_owned();
    let alert = Alert { happened: true, ..Alert::new("trial", "", Severity::Critical, text, "Nothing is to be done.") };
    Notice { stage: Stage::Raised, since: time, time, alert }
}

/// Carries notices to all channels.
#[derive(Debug)]
pub struct Courier {
    queues: Vec<(Severity, mpsc::Sender<Notice>)>,
    waiting: Arc<AtomicUsize>,
    heartbeat: Option<mpsc::SyncSender<()>>,
}

impl Courier {
    /// Starts a thread for each channel. `say` hears of messages that could not be told, and when they were.
    pub fn start(channels: &Channels, origin: Origin, say: fn(&str)) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let queue = |channel: &Channel| {
            let (sender, receiver) = mpsc::channel::<Notice>();
            let (service, waiting) = (channel.service.clone(), waiting.clone());
            thread::spawn(move || {
                for notice in receiver {
                    carry(&service, &notice, origin, say);
                    waiting.fetch_sub(1, Ordering::SeqCst);
                }
            });
            (channel.least, sender)
        };
        let queues = channels.channel.iter().map(queue).collect();
        let heartbeat = channels.heartbeat.clone().map(|url| {
            // One beat may wait; those that come meanwhile are that one.
            let (sender, receiver) = mpsc::sync_channel(1);
            thread::spawn(move || {
                for () in receiver {
                    if let Err(error) = web::get(&url, 1 << 16) {
                        say(&format!("heartbeat: {error:#}"));
                    }
                }
            });
            sender
        });
        Self { queues, waiting, heartbeat }
    }

    /// Puts a notice into the queue of each channel that it matters enough for.
    pub fn tell(&self, notice: &Notice) {
        for (_, queue) in self.queues.iter().filter(|(least, _)| notice.alert.severity >= *least) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            if queue.send(notice.clone()).is_err() {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    /// Says that all is well.
    pub fn beat(&self) {
        if let Some(heartbeat) = &self.heartbeat {
            let _ = heartbeat.try_send(());
        }
    }

    /// Messages that nobody took yet.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Waits until everything is told, at most so long. How many messages are left.
    pub fn finish(&self, patience: Duration) -> usize {
        let start = Instant::now();
        while self.waiting() > 0 && start.elapsed() < patience {
            thread::sleep(Duration::from_millis(20));
        }
        self.waiting()
    }
}

fn carry(service: &Service, notice: &Notice, origin: Origin, say: fn(&str)) {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(PAUSE)
        .with_jitter()
        .without_max_times()
        .with_total_delay(Some(PATIENCE));
    let name = service.name();
    let told = (|| service.tell(notice, origin))
        .retry(pauses)
        .notify(|error, pause| say(&format!("{name}: {error:#}; tried again in {} s", pause.as_secs())))
        .call();
    if let Err(error) = told {
        say(&format!("{name}: given up after two days: {error:#}: {}", title(notice)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(stage: Stage) -> Notice {
        let text = "5 USDC <@here> & more".to_owned();
        let alert = Alert::new("overdue", "maker", Severity::Critical, text, "Ask.");
        let alert = Alert { commands: vec!["tidepool pool borrowers".to_owned()], until: Some(86_400), ..alert };
        Notice { stage, since: 1, time: 2, alert }
    }

    fn origin() -> Origin {
        Origin { chain: 42_161, pool: Address::repeat_byte(0x11) }
    }

    #[test]
    fn each_service_gets_the_shape_that_it_takes() {
        let raised = notice(Stage::Raised);
        assert_eq!(
            text(&raised),
            "[CRITICAL] overdue (maker)\n5 USDC <@here> & more\nuntil 1970-01-02 00:00:00 UTC\nAsk.\ntidepool pool borrowers\n\
             docs/runbooks/silent-borrower.md"
        );
        assert_eq!(text(&notice(Stage::Resolved)), "[RESOLVED] overdue (maker)\nIt was: 5 USDC <@here> & more");
        assert!(slack(&raised)["text"].as_str().unwrap().contains("5 USDC &lt;@here&gt; &amp; more"));
        assert_eq!(discord(&raised)["allowed_mentions"]["parse"], json!([]));
        assert_eq!(to_telegram(&raised, "-100")["chat_id"], "-100");
        let generic = generic(&raised, origin()).unwrap();
        assert_eq!((&generic["stage"], &generic["severity"]), (&json!("raised"), &json!("critical")));
        assert_eq!((&generic["chain"], &generic["commands"][0]), (&json!(42_161), &json!("tidepool pool borrowers")));
        let page = to_pagerduty(&raised, origin(), "key");
        assert_eq!((&page["event_action"], &page["payload"]["severity"]), (&json!("trigger"), &json!("critical")));
        let over = to_pagerduty(&notice(Stage::Resolved), origin(), "key");
        assert_eq!((&over["event_action"], &over["dedup_key"]), (&json!("resolve"), &page["dedup_key"]));
    }

    #[test]
    fn long_text_is_cut_where_the_service_would_refuse_it() {
        let mut long = notice(Stage::Raised);
        long.alert.text = "ä".repeat(5_000);
        assert_eq!(discord(&long)["content"].as_str().unwrap().chars().count(), 2_000);
        assert_eq!(to_telegram(&long, "1")["text"].as_str().unwrap().chars().count(), 4_096);
        assert!(to_pagerduty(&long, origin(), "")["payload"]["summary"].as_str().unwrap().chars().count() <= 1_024);
    }

    #[test]
    fn nothing_shows_a_secret() {
        let service = Service::Slack { url: "https://hooks.example/secret".to_owned() };
        assert!(!format!("{service:?}").contains("secret"));
        let error = Service::Telegram { token: "secret".into(), chat: "1".into(), url: "http://127.0.0.1:9".into() }
            .tell(&notice(Stage::Raised), origin())
            .unwrap_err();
        assert!(!format!("{error:#}").contains("secret"), "{error:#}");
    }
}
