//! Figures for Prometheus, of the last tick.

use std::fmt::Write;

use alloy_primitives::U256;

use crate::{Kind, Life, Severity, Snapshot, Tick};

/// Every figure: its name, and what it is. Amounts are whole tokens, as floating point.
pub const METRICS: [(&str, &str); 23] = [
    ("tidepool_block", "Number of the block that was read last"),
    ("tidepool_block_time_seconds", "Its time"),
    ("tidepool_tick_failures_total", "Looks at the chain that failed since the start"),
    ("tidepool_epoch", "Number of the epoch"),
    ("tidepool_epoch_ends_seconds", "End of the epoch"),
    ("tidepool_in_blackout_window", "1 in the blackout window"),
    ("tidepool_active", "Stake that earns; next: in the next epoch"),
    ("tidepool_inactive", "Stake that can be withdrawn; next: in the next epoch"),
    ("tidepool_borrowed", "What is lent"),
    ("tidepool_borrower_debt", "What borrowers owe as debt"),
    ("tidepool_shortfall", "What the pool is short by"),
    ("tidepool_shortfall_ahead", "What the next edge would leave the pool short by"),
    ("tidepool_surplus", "Tokens that are nobody's"),
    ("tidepool_borrower_borrowed", "What a borrower was lent"),
    ("tidepool_borrower_due", "What a borrower must repay before the edge"),
    ("tidepool_treasury", "Rewards that the treasury holds; allowed: and lets the pool take"),
    ("tidepool_claimable", "Rewards that stakers may claim, within an hour"),
    ("tidepool_program_left_seconds", "How long a program runs; 0 if it does not"),
    ("tidepool_program_cached", "1 if a program has its place in the cache"),
    ("tidepool_root_waits_until_seconds", "Until when a proposed root waits; 0 if none does"),
    ("tidepool_keeper_ether", "Ether of the keeper"),
    ("tidepool_alerts", "Open alerts"),
    ("tidepool_duties_total", "Duties by what became of them since the start"),
];

/// What is counted over a process's life.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Looks at the chain that failed.
    pub failures: u64,
    /// Duties by kind and result.
    pub duties: std::collections::BTreeMap<(&'static str, &'static str), u64>,
}

impl Counts {
    /// Counts what a tick did.
    pub fn note(&mut self, tick: &Tick) {
        use crate::Deed;

        for done in &tick.duties {
            let result = match (&done.deed, &done.error) {
                (_, Some(_)) => "failed",
                (Some(Deed::Done { .. }), _) => "done",
                (Some(Deed::Overtaken), _) => "overtaken",
                (Some(Deed::Waits), _) => "waits",
                (Some(Deed::OverBudget { .. }), _) => "over_budget",
                (None, None) => "due",
            };
            *self.duties.entry((done.duty.name(), result)).or_default() += 1;
        }
    }
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str) {
        let help = METRICS.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| help);
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, value: f64) {
        self.head(name);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn many(&mut self, name: &str, labels: &[&str], rows: impl IntoIterator<Item = (Vec<String>, f64)>) {
        self.head(name);
        for (values, value) in rows {
            let pairs = labels.iter().zip(&values);
            let pairs: Vec<_> = pairs.map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let _ = writeln!(self.0, "{name}{{{}}} {value}", pairs.join(","));
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Whole tokens, as near as floating point comes.
fn tokens(amount: U256, decimals: u8) -> f64 {
    let exact = abi::exact(amount, decimals);
    exact.parse().unwrap_or(f64::MAX)
}

fn seconds(time: u64) -> f64 {
    time as f64
}

/// The figures as Prometheus reads them. What cannot be read now is left out.
pub fn metrics(last: Option<(&Snapshot, &Tick)>, counts: &Counts) -> String {
    let mut text = Text(String::new());
    text.one("tidepool_tick_failures_total", seconds(counts.failures));
    let rows = counts
        .duties
        .iter()
        .map(|((kind, result), count)| (vec![(*kind).to_owned(), (*result).to_owned()], seconds(*count)));
    let none = Kind::ALL.iter().filter(|kind| !counts.duties.keys().any(|(known, _)| known == &kind.name()));
    let none = none.map(|kind| (vec![kind.name().to_owned(), "done".to_owned()], 0.0));
    text.many("tidepool_duties_total", &["duty", "result"], rows.chain(none).collect::<Vec<_>>());
    let Some((snapshot, tick)) = last else { return text.0 };
    text.one("tidepool_block", seconds(snapshot.block));
    text.one("tidepool_block_time_seconds", seconds(snapshot.time));
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let open = severities
        .iter()
        .zip(tick.open)
        .map(|(severity, count)| (vec![severity.name().to_owned()], seconds(count as u64)));
    text.many("tidepool_alerts", &["severity"], open);
    of_pool(&mut text, snapshot);
    let left = snapshot.programs.iter().map(|program| {
        let left = if let Life::Active(left) = program.life { left } else { 0 };
        (vec![program.name.clone()], seconds(left))
    });
    text.many("tidepool_program_left_seconds", &["program"], left);
    let cached =
        snapshot.programs.iter().map(|program| (vec![program.name.clone()], f64::from(u8::from(program.cached))));
    text.many("tidepool_program_cached", &["program"], cached);
    if let Some(rewards) = &snapshot.rewards {
        let waits = rewards.waiting().map_or(0, |_| rewards.waits_until);
        text.one("tidepool_root_waits_until_seconds", seconds(waits));
    }
    if let Some(purse) = snapshot.purse {
        text.one("tidepool_keeper_ether", tokens(purse.wei, 18));
    }
    text.0
}

fn of_pool(text: &mut Text, snapshot: &Snapshot) {
    let Some(pool) = &snapshot.pool else { return };
    let staked = |amount| tokens(amount, pool.staked.decimals);
    let rewards = |amount| tokens(amount, pool.rewards.decimals);
    if let Some(epoch) = pool.epoch {
        text.one("tidepool_epoch", seconds(epoch));
    }
    text.one("tidepool_epoch_ends_seconds", seconds(pool.ends));
    text.one("tidepool_in_blackout_window", f64::from(u8::from(pool.in_blackout)));
    let both =
        |[now, next]: [U256; 2]| [(vec!["now".to_owned()], staked(now)), (vec!["next".to_owned()], staked(next))];
    text.many("tidepool_active", &["epoch"], both(pool.active));
    text.many("tidepool_inactive", &["epoch"], both(pool.inactive));
    text.one("tidepool_borrowed", staked(pool.borrowed));
    text.one("tidepool_borrower_debt", staked(pool.borrower_debt));
    text.one("tidepool_shortfall", staked(pool.shortfall));
    text.one("tidepool_shortfall_ahead", staked(pool.shortfall_ahead()));
    text.one("tidepool_surplus", staked(pool.surplus));
    let each = |figure: fn(&crate::Borrower) -> U256| {
        pool.borrowers.iter().map(move |one| (vec![one.name.clone()], staked(figure(one)))).collect::<Vec<_>>()
    };
    text.many("tidepool_borrower_borrowed", &["borrower"], each(|one| one.borrowed));
    text.many("tidepool_borrower_due", &["borrower"], each(crate::Borrower::due));
    let treasury = [("held", pool.treasury_holds), ("allowed", pool.treasury_allows)];
    text.many("tidepool_treasury", &["what"], treasury.map(|(what, amount)| (vec![what.to_owned()], rewards(amount))));
    text.one("tidepool_claimable", rewards(pool.claimable));
}
