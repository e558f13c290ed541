//! What a person must know: the numbers, what to do, and the command that does it.

use abi::{date, exact, span};
use alloy_primitives::U256;
use serde::Serialize;

use crate::{Life, Pool, Rewards, Settings, Snapshot, contracts::DAY};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody must look within a day or two.
    Warning,
    /// Somebody must look now.
    Critical,
}

impl Severity {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Something that a person must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Its name, the same in texts, figures and runbooks.
    pub name: &'static str,
    /// What it is about: one cause is a name and a subject. Empty for the pool.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is so, with the numbers.
    pub text: String,
    /// What to do.
    pub advice: String,
    /// The commands that do it, in their order.
    pub commands: Vec<String>,
    /// Until when something can be done, seconds; nothing if there is no such time.
    pub until: Option<u64>,
    /// File of `docs/runbooks/` that says more, without its ending.
    pub runbook: &'static str,
    /// Whether it happened, rather than lasts: it is told once, and never over.
    pub happened: bool,
}

/// Every alert, with its runbook.
pub const ALERTS: [(&str, &str); 36] = [
    ("shortfall", "short-epoch"),
    ("debt-unmarked", "short-epoch"),
    ("shortfall-uncovered", "short-epoch"),
    ("shortfall-ahead", "blackout-window"),
    ("overdue", "silent-borrower"),
    ("withdrawals-closed", "expired-program"),
    ("treasury-low", "first-epoch"),
    ("surplus", "first-epoch"),
    ("bad-root", "bad-root"),
    ("reporters-disagree", "bad-root"),
    ("root-unverified", "bad-root"),
    ("root-cancelled", "bad-root"),
    ("updates-paused", "paused-distributor"),
    ("program-expiry", "expired-program"),
    ("program-expired", "expired-program"),
    ("stylus-version", "stylus-version"),
    ("program-inactive", "expired-program"),
    ("not-cached", "expired-program"),
    ("diamond-cut", "upgrade"),
    ("role-changed", "lost-key"),
    ("ownership-offered", "hand-over"),
    ("oracle-changed", "bad-root"),
    ("quorum-changed", "bad-root"),
    ("share-changed", "first-loan"),
    ("cap-changed", "first-loan"),
    ("restriction-changed", "silent-borrower"),
    ("rate-changed", "first-epoch"),
    ("schedule-changed", "first-epoch"),
    ("debt-written-off", "short-epoch"),
    ("key-changed", "lost-key"),
    ("recipient-changed", "lost-key"),
    ("vault-added", "first-loan"),
    ("forced-trade", "silent-borrower"),
    ("keeper-low", "keeper"),
    ("nodes", "keeper"),
    ("duty-failed", "keeper"),
];

/// The runbook of an alert.
pub(crate) fn runbook(name: &str) -> &'static str {
    ALERTS.iter().find(|(known, _)| *known == name).map_or("keeper", |(_, runbook)| runbook)
}

impl Alert {
    pub(crate) fn new(name: &'static str, subject: &str, severity: Severity, text: String, advice: &str) -> Self {
        Self {
            name,
            subject: subject.to_owned(),
            severity,
            text,
            advice: advice.to_owned(),
            commands: Vec::new(),
            until: None,
            runbook: runbook(name),
            happened: false,
        }
    }

    fn by(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    fn until(self, time: u64) -> Self {
        Self { until: Some(time), ..self }
    }

    /// The alert in lines: what is so, until when, what to do, by which command.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.text.clone()];
        lines.extend(self.until.map(|until| format!("until {}", date(until))));
        lines.extend(Some(&self.advice).filter(|advice| !advice.is_empty()).cloned());
        lines.extend(self.commands.iter().cloned());
        lines
    }
}

use Severity::{Critical, Info, Warning};

/// What a person must know now. Pure: the same snapshot gives the same alerts.
pub fn alerts(snapshot: &Snapshot, settings: &Settings) -> Vec<Alert> {
    let mut alerts = of_programs(snapshot);
    if let Some(pool) = &snapshot.pool {
        alerts.extend(of_pool(snapshot, pool, settings));
        alerts.extend(of_treasury(snapshot, pool, settings));
    }
    if let Some(rewards) = &snapshot.rewards {
        alerts.extend(of_rewards(snapshot, rewards, settings));
    }
    alerts.extend(of_vaults(snapshot));
    alerts.extend(of_news(snapshot));
    if let Some(purse) = snapshot.purse.filter(|purse| purse.wei < settings.least_wei) {
        let [has, needs] = [purse.wei, settings.least_wei].map(|wei| exact(wei, 18));
        let text = format!("the keeper {} has {has} ETH, less than {needs}", purse.address);
        let severity = if purse.wei < settings.least_wei / U256::from(10) { Critical } else { Warning };
        alerts.push(Alert::new(
            "keeper-low",
            "",
            severity,
            text,
            "Send it ether: without it nothing of what must be done is done.",
        ));
    }
    alerts
}

fn of_pool(snapshot: &Snapshot, pool: &Pool, settings: &Settings) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let amount = |amount| pool.staked.exact(amount);
    let since = snapshot.time.saturating_sub(pool.begins);
    if !pool.shortfall.is_zero() {
        let text = format!(
            "the pool is short by {}: nobody can withdraw or stake until the debt is marked",
            amount(pool.shortfall)
        );
        let advice = "Mark the debt; anybody may. A keeper does it by itself.";
        alerts.push(Alert::new("shortfall", "", Critical, text, advice).by("tidepool pool mark-debt"));
        if since > settings.unmarked_after {
            let text = format!("the debt of the short epoch is unmarked {} after its first second", span(since));
            let advice = "See why no keeper marked it, and mark it.";
            alerts.push(Alert::new("debt-unmarked", "", Critical, text, advice).by("tidepool pool mark-debt"));
        }
        if let Some(marking) = pool.marking.as_ref().filter(|marking| !marking.uncovered.is_zero()) {
            let text =
                format!("{} of the shortfall are covered by no borrower that is known here", amount(marking.uncovered));
            let advice = "A borrower is missing: see who ever had a share, and name all of them.";
            alerts.push(Alert::new("shortfall-uncovered", "", Critical, text, advice).by("tidepool pool borrowers"));
        }
        if !pool.can_mark {
            let text = "the pool is short, and markDebt is not answered: withdrawals are closed".to_owned();
            let advice = "Activate debt-accounting; anybody may.";
            alerts.push(Alert::new("withdrawals-closed", "", Critical, text, advice).by("tidepool pool keepalive"));
        }
    }
    alerts.extend(ahead(snapshot, pool));
    for borrower in pool.borrowers.iter().filter(|one| one.overdue && !one.overdue_amount.is_zero()) {
        let text = format!(
            "{} owes {}, {} more than its share, and {} as debt",
            borrower.name,
            amount(borrower.borrowed),
            amount(borrower.overdue_amount),
            amount(borrower.debt)
        );
        let advice = "Ask the market maker to repay; the guardian's forced actions are open.";
        alerts.push(
            Alert::new("overdue", &borrower.name, Critical, text, advice)
                .by(format!("tidepool pool guardian plan --proxy {}", borrower.name)),
        );
    }
    if !pool.surplus.is_zero() {
        let text = format!("{} in the pool are nobody's", amount(pool.surplus));
        let advice = "An owner may send them to the rewards treasury.";
        alerts.push(Alert::new("surplus", "", Info, text, advice).by("tidepool pool sweep"));
    }
    alerts
}

/// In the blackout window everything about the next edge is known.
fn ahead(snapshot: &Snapshot, pool: &Pool) -> Option<Alert> {
    let ahead = pool.shortfall_ahead();
    if !pool.in_blackout || ahead.is_zero() || !pool.shortfall.is_zero() {
        return None;
    }
    let left = pool.ends.saturating_sub(snapshot.time);
    let severity = if left <= DAY { Critical } else { Warning };
    let mut text = format!("the next epoch begins short by {} unless it is repaid", pool.staked.exact(ahead));
    let due: Vec<_> = pool.borrowers.iter().filter(|one| !one.due().is_zero()).collect();
    for borrower in &due {
        text += &format!("; {} must repay {}", borrower.name, pool.staked.exact(borrower.due()));
    }
    let advice = "Ask these market makers to repay in time; a guardian can restrict them and repay what they hold.";
    let plans = due.iter().map(|borrower| format!("tidepool pool guardian plan --proxy {}", borrower.name)).collect();
    Some(Alert { commands: plans, ..Alert::new("shortfall-ahead", "", severity, text, advice).until(pool.ends) })
}

fn of_treasury(snapshot: &Snapshot, pool: &Pool, settings: &Settings) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let emission = pool.rate.saturating_mul(U256::from(settings.treasury_days * DAY));
    let needed = pool.claimable.saturating_add(emission);
    let days = settings.treasury_days;
    let amount = |amount| pool.rewards.exact(amount);
    for (subject, has, verb) in
        [("balance", pool.treasury_holds, "holds"), ("allowance", pool.treasury_allows, "lets the pool take")]
    {
        if has < needed {
            let text = format!(
                "the treasury {} {verb} {}; stakers may claim {}, and {days} days of rewards are {}",
                pool.treasury,
                amount(has),
                amount(pool.claimable),
                amount(emission)
            );
            let severity = if has < pool.claimable { Critical } else { Warning };
            let advice = "Fill the treasury, or raise its allowance: else claims are refused, and nothing is lost.";
            alerts.push(Alert::new("treasury-low", subject, severity, text, advice).by("tidepool pool status"));
        }
    }
    if snapshot.rewards.as_ref().is_some_and(|rewards| rewards.active.is_some() && rewards.treasury_allows.is_zero()) {
        let text = format!("the treasury {} lets the distributor take nothing", pool.treasury);
        let advice = "Approve the distributor: else claims of the active root are refused.";
        alerts.push(Alert::new("treasury-low", "distributor", Critical, text, advice));
    }
    alerts
}

fn of_rewards(snapshot: &Snapshot, rewards: &Rewards, settings: &Settings) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let distributor = snapshot.contracts.distributor.unwrap_or_default();
    let computed = settings.computed.get(&rewards.next_epoch);
    if rewards.paused {
        let text = "root updates are paused: no root becomes active, claims go on".to_owned();
        let advice = "Find out why. Never unpause while a wrong root waits: it may have waited already.";
        let status = format!("tidepool rewards status --distributor {distributor}");
        alerts.push(Alert::new("updates-paused", "", Warning, text, advice).by(status));
    }
    if let Some(root) = rewards.waiting() {
        let left = rewards.waits_until.saturating_sub(snapshot.time);
        match computed {
            Some(own) if *own != root.root => {
                let text = format!(
                    "the root {} of epoch {} is proposed, and the one computed here is {own}; it can become active in {}",
                    root.root,
                    root.epoch,
                    span(left)
                );
                let advice =
                    "Pause updates, then cancel it (a pauser's key), and find out why the reporters agreed on it.";
                let pause = "tidepool call MerkleDistributor pauseRootUpdates".to_owned();
                let cancel = format!("tidepool call MerkleDistributor cancelProposedRoot {}", root.root);
                let alert =
                    Alert::new("bad-root", &root.root.to_string(), Critical, text, advice).until(rewards.waits_until);
                alerts.push(if rewards.paused { alert.by(cancel) } else { alert.by(pause).by(cancel) });
            }
            None if left < settings.unverified_within => {
                let text = format!(
                    "nobody here has computed the root {} of epoch {}, and it can become active in {}",
                    root.root,
                    root.epoch,
                    span(left)
                );
                let advice =
                    "Compute it from the published inputs, and put inputs and results where the keeper finds them.";
                let verify = format!("tidepool rewards verify RESULTS --input EPOCH --distributor {distributor}");
                let alert = Alert::new("root-unverified", &root.root.to_string(), Warning, text, advice);
                alerts.push(alert.until(rewards.waits_until).by(verify));
            }
            _ => {}
        }
    }
    let published = rewards.published.as_ref().filter(|root| root.epoch == rewards.next_epoch);
    let is_known = |root: &_| Some(root) == rewards.proposed.as_ref() || Some(root) == rewards.cancelled.as_ref();
    if let (Some(root), Some(own)) = (published.filter(|root| !is_known(root)), computed)
        && *own != root.root
    {
        let text = format!(
            "the oracle names the root {} of epoch {}, and the one computed here is {own}; anybody may propose it",
            root.root, root.epoch
        );
        let advice =
            "Ask the reporters, and have a pauser's key at hand: seven days pass between proposal and activation.";
        let status = format!("tidepool rewards status --distributor {distributor}");
        alerts.push(Alert::new("bad-root", "published", Critical, text, advice).by(status));
    }
    alerts
}

fn of_programs(snapshot: &Snapshot) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let named = |life| {
        let names =
            snapshot.programs.iter().filter(|program| program.life == life).map(|program| program.name.as_str());
        names.collect::<Vec<_>>()
    };
    let version = format!("the chain runs version {} of Stylus now", snapshot.stylus_version);
    let stopped = [
        ("program-expired", Life::Expired, "their year is over"),
        ("stylus-version", Life::Outdated, version.as_str()),
        ("program-inactive", Life::Inactive, "they were never activated"),
    ];
    for (name, life, why) in stopped {
        let names = named(life);
        if !names.is_empty() {
            let text = format!("programs do not run: {}; {why}", names.join(", "));
            let advice = "Activate them; anybody may. Until then every call that needs them is refused.";
            alerts.push(Alert::new(name, "", Critical, text, advice).by("tidepool pool keepalive"));
        }
    }
    for program in &snapshot.programs {
        let Life::Active(left) = program.life else { continue };
        let name = program.name.as_str();
        let severity = match left / DAY {
            0..7 => Critical,
            7..30 => Warning,
            30..60 => Info,
            _ => continue,
        };
        let text = format!("{name} stops in {}", span(left));
        let advice = "Keep it alive; anybody may. A keeper does it by itself.";
        let alert =
            Alert::new("program-expiry", name, severity, text, advice).until(snapshot.time.saturating_add(left));
        alerts.push(alert.by("tidepool pool keepalive --within 60"));
    }
    let bare: Vec<_> =
        snapshot.programs.iter().filter(|program| program.bid.is_some()).map(|one| one.name.as_str()).collect();
    if !bare.is_empty() {
        let text = format!("no place in the cache: {}; each call costs more than it need", bare.join(", "));
        let advice = "Bid for places. A keeper does it by itself, up to its --max-bid.";
        alerts.push(Alert::new("not-cached", "", Info, text, advice).by("tidepool pool cache"));
    }
    alerts
}

fn of_vaults(snapshot: &Snapshot) -> Vec<Alert> {
    let alert = |vault: &crate::Vault| {
        let (name, severity, wait) = match vault.is_trade {
            true => ("forced-trade", Critical, "can be requested"),
            false => ("vault-added", Warning, "counts"),
        };
        let left = span(vault.until.saturating_sub(snapshot.time));
        let text = format!("{}: {} was queued and {wait} in {left}", vault.proxy, vault.what);
        let advice = "Ask the market maker what it is for; a guardian or veto guardian can stop it until then.";
        let command = format!("tidepool call Borrower-{} {}", vault.proxy, vault.veto);
        let subject = format!("{} {}", vault.proxy, vault.veto);
        Alert::new(name, &subject, severity, text, advice).until(vault.until).by(command)
    };
    snapshot.vaults.iter().map(alert).collect()
}

fn of_news(snapshot: &Snapshot) -> Vec<Alert> {
    let alert = |news: &crate::News| {
        let contract = snapshot.contracts.name(news.contract);
        let (severity, advice, command) = match news.name {
            "diamond-cut" => (
                Critical,
                "See whether governance decided this, and what the pool consists of now.",
                "tidepool verify-deployment",
            ),
            "role-changed" | "ownership-offered" => {
                (Warning, "See whether governance decided this.", "tidepool pool roles")
            }
            "reporters-disagree" => (Warning, "Find out why before the wait ends.", ""),
            "oracle-changed" | "quorum-changed" => {
                (Warning, "See whether governance decided this.", "tidepool verify-deployment")
            }
            "key-changed" | "recipient-changed" => (Warning, "Ask the market maker whether it did this.", ""),
            "restriction-changed" | "share-changed" | "cap-changed" => (Info, "", "tidepool pool borrowers"),
            _ => (Info, "", "tidepool pool status"),
        };
        let text = format!("{contract} at block {}: {}", news.block, news.text);
        let subject = format!("{}:{}", news.block, news.index);
        let alert = Alert::new(news.name, &subject, severity, text, advice);
        let alert = if command.is_empty() { alert } else { alert.by(command) };
        Alert { happened: true, ..alert }
    };
    snapshot.news.iter().map(alert).collect()
}
