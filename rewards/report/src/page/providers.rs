//! Providers: a table to find one, and for each one its statement and why it is what it is.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use maud::{Markup, PreEscaped, html};
use rewards::{
    eligibility::Standing,
    parameters::Token,
    timeline::{MarketBucket, ProviderBucket},
};

use super::{
    bucket_start, columns_of, length, market_link, provider_id, provider_link, scrolling, short, sortable,
    sortable_table,
};
use crate::{
    chart::{self, LEVELS},
    number::{NONE, average, bps, count, dollars, exact_tokens, integer, parts_of, percent, tokens, utc},
    report::{Line, LineSource, Market, Provider, Report, Row, Sampled, Statement},
};

/// Leaves of addresses that provide no liquidity are listed up to this many; all are counted.
const OTHERS_LISTED: usize = 1000;

/// The most points of a small line, and columns of a table over time: a page with 40 markets and 50 providers stays below 5 MB.
const POINTS: usize = 28;
const COLUMNS: usize = 14;

type Rows<'a> = BTreeMap<Address, Vec<(&'a Market, &'a Row)>>;

pub(super) fn draw(report: &Report) -> Markup {
    let mut rows = Rows::new();
    for market in &report.markets {
        for row in &market.rows {
            rows.entry(row.account).or_default().push((market, row));
        }
    }
    let mut providers: Vec<_> = report.providers.iter().collect();
    providers.sort_by_key(|provider| std::cmp::Reverse(provider.credit_wei)); // Stable: equal ones stay by address.
    let of = |provider: &Provider| rows.get(&provider.account).map_or(&[][..], Vec::as_slice);
    html! {
        section #providers aria-labelledby="providers-title" {
            h2 #providers-title { "Providers" }
            p.filter {
                label for="filter" { "Filter by address" }
                input #filter type="search" placeholder="0x…" autocomplete="off" spellcheck="false" aria-describedby="found";
                span #found role="status" { (count(report.providers.len(), "provider", "providers")) }
            }
            (table(report, &providers, of))
            @if let Some(sampled) = &report.sampled { (levels(sampled)) }
            @for provider in &providers { (details(report, provider, of(provider))) }
            (idle(report))
            (others(report))
        }
    }
}

fn standing(provider: &Provider) -> Markup {
    match provider.standing {
        Some(Standing::Eligible) => html! { span.good { "eligible" } },
        Some(Standing::BelowThreshold) => html! { span.poor { "below threshold" } },
        Some(Standing::Excluded) => html! { span.poor { "excluded" } },
        None => html! { (NONE) },
    }
}

/// All its linked addresses, for the filter.
fn addresses(provider: &Provider) -> String {
    let all: Vec<_> = provider.group.iter().map(|member| format!("{member:#x}")).collect();
    all.join(" ")
}

fn table<'a>(
    report: &'a Report,
    providers: &[&Provider],
    of: impl Fn(&Provider) -> &'a [(&'a Market, &'a Row)],
) -> Markup {
    let paid = report.lp_amount_wei.saturating_sub(report.unpaid_wei);
    let row = |provider: &Provider| {
        let amount = provider.statement.as_ref().map(|statement| statement.amount_wei);
        html! {
            tr data-address=(addresses(provider)) {
                th scope="row" { (provider_link(provider.account)) }
                td data-v=(provider.credit_wei) { (tokens(&report.token, provider.credit_wei)) }
                td data-v=(provider.credit_wei) {
                    (percent(provider.credit_wei, paid)) (chart::bar(parts_of(provider.credit_wei, paid, 1000).unwrap_or_default()))
                }
                @if let Some(sampled) = &report.sampled {
                    (sampled_cells(report, sampled, provider, of(provider)))
                }
                td data-v=(amount.map_or_else(String::new, |amount| amount.to_string())) {
                    @match amount { Some(amount) => (tokens(&report.token, amount)), None => (NONE) }
                }
            }
        }
    };
    let of_samples: &[&str] =
        if report.sampled.is_some() { &["Standing", "Maker volume share", "Uptime"] } else { &[] };
    scrolling(
        "All providers",
        html! {
            table #provider-table .sortable {
                thead { tr {
                    (sortable("Provider"))
                    th scope="col" aria-sort="descending" { button type="button" { "Reward, tokens" } }
                    @for title in std::iter::once(&"Share of rewards").chain(of_samples).chain(&["Leaf, tokens"]) { (sortable(title)) }
                } }
                tbody { @for provider in providers { (row(provider)) } }
            }
        },
    )
}

fn sampled_cells(report: &Report, sampled: &Sampled, provider: &Provider, rows: &[(&Market, &Row)]) -> Markup {
    let (uptime, samples) = uptime(rows);
    html! {
        td.text {
            (standing(provider))
            @if provider.primary != provider.account { ", for " (provider_link(provider.primary)) }
        }
        td data-v=(provider.previous_volume) {
            (percent(provider.previous_volume, sampled.previous_volume)) (volume_bar(report, sampled, provider.previous_volume, sampled.previous_volume))
        }
        td data-v=(parts_of(uptime, samples, 1_000_000).unwrap_or_default()) {
            (percent(uptime, samples)) (chart::strip(&levels_of(rows, sampled)))
        }
    }
}

/// A share of the volume with the threshold as a mark. All bars end at the largest share of any provider, so that they can be compared, or at
/// four times the threshold if nobody has that much.
fn volume_bar(report: &Report, sampled: &Sampled, volume: u128, total: u128) -> Markup {
    const SCALE: u32 = 1_000_000;
    let (num, den) = sampled.threshold;
    let threshold = parts_of(num, den, SCALE).unwrap_or_default();
    let share = |volume: u128, total: u128| parts_of(volume, total, SCALE).unwrap_or_default();
    let of = |provider: &Provider| {
        share(provider.previous_volume, sampled.previous_volume).max(share(provider.volume, sampled.volume))
    };
    let end = report.providers.iter().map(of).max().unwrap_or_default().max(4 * threshold);
    let scaled = |part: u128| parts_of(part, end, 1000).unwrap_or_default();
    chart::bar_with_mark(scaled(threshold), scaled(share(volume, total)))
}

/// Uptime and samples, summed over the markets in which the provider had an order.
fn uptime(rows: &[(&Market, &Row)]) -> (u64, u64) {
    rows.iter().fold((0, 0), |(uptime, samples), (market, row)| {
        (uptime + u64::from(row.uptime), samples + u64::from(market.samples))
    })
}

fn levels_of(rows: &[(&Market, &Row)], sampled: &Sampled) -> Vec<Option<usize>> {
    let level = |bucket: usize| {
        let uptime = rows.iter().map(|(_, row)| u64::from(row.buckets[bucket].uptime)).sum();
        let samples = rows.iter().map(|(market, _)| u64::from(market.buckets[bucket].samples)).sum();
        chart::level(uptime, samples)
    };
    (0..sampled.buckets).map(level).collect()
}

/// What the colours of uptime mean.
fn levels(sampled: &Sampled) -> Markup {
    html! {
        p.levels {
            span { "Uptime in each " (length(sampled.bucket_minutes)) ":" }
            @for (level, name) in LEVELS.iter().enumerate() { span { span class={ "swatch u" (level) } {} (name) } }
            span { span.swatch {} "no samples" }
        }
    }
}

fn details(report: &Report, provider: &Provider, rows: &[(&Market, &Row)]) -> Markup {
    html! {
        details.provider id=(provider_id(provider.account)) data-address=(addresses(provider)) {
            summary {
                h3 { code { (provider.account) } }
                span { (tokens(&report.token, provider.credit_wei)) " " (report.token.symbol) }
                @if provider.standing.is_some() { (standing(provider)) }
            }
            @match &provider.statement {
                Some(statement) => (statement_table(&report.token, statement)),
                None => (no_statement(provider)),
            }
            @if let Some(sampled) = &report.sampled {
                (eligibility(report, sampled, provider))
                (linked(report, provider))
                @if !rows.is_empty() {
                    (by_market(report, sampled, provider.account, rows))
                    (verdicts(provider.account, rows))
                    (as_tables(report, sampled, provider.account, rows))
                }
            }
        }
    }
}

/// All units: the decimals that few look at are there, and step back.
fn exact(token: &Token, wei: U256) -> Markup {
    let (whole, fraction) = exact_tokens(token, wei);
    html! { (whole) @if !fraction.is_empty() { span.fraction { "." (fraction) } } }
}

fn statement_table(token: &Token, statement: &Statement) -> Markup {
    html! {
        h4 { "Statement" }
        (scrolling(&format!("Statement of {}", short(statement.account)), html! {
            table.statement data-leaf=(statement.amount_wei) {
                thead { tr { th scope="col" { "For" } th.number scope="col" { (token.symbol) } } }
                tbody { @for line in &statement.lines { (statement_line(token, line)) } }
                tfoot { tr { th scope="row" { "Leaf: all that was ever earned" } td.exact { (exact(token, statement.amount_wei)) } } }
            }
        }))
        p.note { "Leaf " code { (statement.leaf) } ", amount " code { (statement.amount_wei) } }
        details.data {
            summary { "Show the proof" }
            p.proof { code { (proof(statement)) } }
            p { button type="button" data-copy=(proof(statement)) { "Copy the proof" } " " button type="button" data-copy=(statement.amount_wei) { "Copy the amount" } }
        }
    }
}

/// As `claimRewards` and `cast` take it.
fn proof(statement: &Statement) -> String {
    let siblings: Vec<_> = statement.proof.iter().map(ToString::to_string).collect();
    format!("[{}]", siblings.join(","))
}

fn statement_line(token: &Token, line: &Line) -> Markup {
    html! {
        tr.line {
            th scope="row" {
                @match &line.source {
                    LineSource::Earlier => "Epochs before",
                    LineSource::Market(market) => { "Liquidity in " (market_link(market)) },
                    LineSource::Liquidity => "Liquidity",
                    LineSource::Program(program) => { "Program " (program) },
                }
            }
            td.exact { (exact(token, line.amount_wei)) }
        }
        @for (account, wei) in &line.earned_by {
            tr.part { th scope="row" { "of it by " (provider_link(*account)) } td.exact { (exact(token, U256::from(*wei))) } }
        }
    }
}

fn no_statement(provider: &Provider) -> Markup {
    html! {
        h4 { "Statement" }
        @if provider.primary == provider.account { p { "No leaf: nothing was ever earned." } }
        @else { p { "No leaf of its own: what it earns is in the statement of " (provider_link(provider.primary)) ", to which it is linked." } }
    }
}

fn eligibility(report: &Report, sampled: &Sampled, provider: &Provider) -> Markup {
    let (num, den) = sampled.threshold;
    let threshold = || percent(num, den);
    html! {
        h4 { "Eligibility" }
        dl.facts {
            div { dt { "This epoch" } dd {
                (standing(provider))
                @if let Some(reason) = &provider.exclusion { " (" (reason) ")" }
                @if sampled.is_listed && provider.exclusion.is_none() { ", by the list of this epoch" }
            } }
            div { dt { "Maker volume in the epoch before" } dd {
                (dollars(provider.previous_volume)) " USD, " (percent(provider.previous_volume, sampled.previous_volume))
                " of all; the threshold is " (threshold())
                (volume_bar(report, sampled, provider.previous_volume, sampled.previous_volume))
            } }
            div { dt { "Maker volume in this epoch, for the next one" } dd {
                (dollars(provider.volume)) " USD, " (percent(provider.volume, sampled.volume)) " of all"
                @match provider.missing_volume {
                    Some(U256::ZERO) => "",
                    Some(missing) => { "; " (dollars(missing)) " USD more would have reached it" },
                    None => "; nothing reaches it while others trade",
                }
                (volume_bar(report, sampled, provider.volume, sampled.volume))
            } }
        }
        p.note { "The mark is the threshold; bars end at the largest share of any provider." }
    }
}

fn linked(report: &Report, provider: &Provider) -> Markup {
    if provider.group.len() < 2 {
        return html! {};
    }
    let is_provider = |account: Address| report.providers.binary_search_by_key(&account, |other| other.account).is_ok();
    html! {
        h4 { "Linked addresses" }
        ul {
            @for member in &provider.group {
                li {
                    @if *member == provider.account || !is_provider(*member) { code { (member) } } @else { (provider_link(*member)) }
                    @if *member == provider.primary { " credited with what all of them earn" }
                }
            }
        }
        p.note { "Volume and stake of linked addresses count together; the greatest uptime of them counts for each." }
    }
}

/// Sums over neighbouring buckets.
struct Period {
    start: u64,
    samples: u32,
    uptime: u32,
    depth_micro: u128,
    spread_micro_bps: u128,
}

impl Period {
    fn of(start: u64, market: &[MarketBucket], row: &[ProviderBucket]) -> Self {
        let sum = |field: fn(&ProviderBucket) -> u128| row.iter().map(field).fold(0, u128::saturating_add);
        Self {
            start,
            samples: market.iter().map(|bucket| bucket.samples).sum(),
            uptime: row.iter().map(|bucket| bucket.uptime).sum(),
            depth_micro: sum(|bucket| bucket.depth_micro),
            spread_micro_bps: sum(|bucket| bucket.spread_micro_bps),
        }
    }

    /// Minutes in which it was not up count as none.
    fn depth(&self) -> Option<u128> {
        average(self.depth_micro, self.samples)
    }

    /// While it was up.
    fn spread(&self) -> Option<u128> {
        average(self.spread_micro_bps, self.uptime)
    }
}

/// At most so many periods of equal length, the last one aside.
fn periods(report: &Report, sampled: &Sampled, market: &Market, row: &Row, most: usize) -> Vec<Period> {
    let length = columns_of(sampled.buckets, most);
    let chunks = market.buckets.chunks(length).zip(row.buckets.chunks(length)).enumerate();
    chunks
        .map(|(place, (market, row))| Period::of(bucket_start(report, sampled, place * length), market, row))
        .collect()
}

fn by_market(report: &Report, sampled: &Sampled, account: Address, rows: &[(&Market, &Row)]) -> Markup {
    let line = |market: &Market, row: &Row| {
        let points = periods(report, sampled, market, row, POINTS);
        let depth: Vec<_> = points.iter().map(Period::depth).collect();
        let spread: Vec<_> = points.iter().map(Period::spread).collect();
        let levels: Vec<_> = market
            .buckets
            .iter()
            .zip(&row.buckets)
            .map(|(market, row)| chart::level(row.uptime.into(), market.samples.into()))
            .collect();
        let whole = Period::of(report.start, &market.buckets, &row.buckets);
        html! {
            tr {
                th scope="row" { (market_link(&market.parameters.market)) }
                td { (tokens(&report.token, U256::from(row.reward_wei))) }
                td {
                    @if row.is_eligible { (percent(row.score, market.total_score)) } @else { (NONE) }
                }
                td {
                    (percent(row.uptime, market.samples)) (chart::strip(&levels))
                }
                td {
                    (whole.depth().map_or_else(|| NONE.to_owned(), dollars)) (chart::spark(&depth))
                }
                td {
                    (whole.spread().map_or_else(|| NONE.to_owned(), bps)) (chart::spark(&spread))
                }
                td { (dollars(row.volume)) }
            }
        }
    };
    let titles = [
        "Market",
        "Reward, tokens",
        "Score share",
        "Uptime",
        "Two-sided depth, USD",
        "Spread, bps",
        "Maker volume, USD",
    ];
    html! {
        h4 { "By market" }
        (sortable_table(&format!("By market, {}", short(account)), &titles, html! { @for (market, row) in rows { (line(market, row)) } }))
    }
}

fn verdicts(account: Address, rows: &[(&Market, &Row)]) -> Markup {
    let titles = [
        "Market",
        "Orders in samples",
        "Counted",
        "Too small",
        "Too far from mid",
        "Book without mid",
        "Samples with one side only",
    ];
    let line = |market: &Market, row: &Row| {
        let verdicts = &row.verdicts;
        html! {
            tr {
                th scope="row" { (market.parameters.market) }
                td { (integer(verdicts.orders())) }
                td { (percent(verdicts.counts, verdicts.orders())) }
                @for number in [verdicts.too_small, verdicts.too_far, verdicts.no_mid, verdicts.one_side] {
                    td { (integer(number)) }
                }
            }
        }
    };
    html! {
        h4 { "Why orders did not count" }
        (sortable_table(&format!("Orders of {}", short(account)), &titles, html! { @for (market, row) in rows { (line(market, row)) } }))
    }
}

/// The numbers behind strips and small lines.
fn as_tables(report: &Report, sampled: &Sampled, account: Address, rows: &[(&Market, &Row)]) -> Markup {
    let uptime = |period: &Period| percent(period.uptime, period.samples).trim_end_matches('%').to_owned();
    let depth = |period: &Period| period.depth().map_or_else(|| NONE.to_owned(), dollars);
    let spread = |period: &Period| period.spread().map_or_else(|| NONE.to_owned(), bps);
    html! {
        details.data {
            summary { "Show as tables" }
            (over_time(("Uptime, percent", account), report, sampled, rows, uptime))
            (over_time(("Two-sided depth, USD", account), report, sampled, rows, depth))
            (over_time(("Spread, basis points", account), report, sampled, rows, spread))
        }
    }
}

fn over_time(
    (title, account): (&str, Address),
    report: &Report,
    sampled: &Sampled,
    rows: &[(&Market, &Row)],
    text: impl Fn(&Period) -> String,
) -> Markup {
    let minutes = columns_of(sampled.buckets, COLUMNS) as u32 * sampled.bucket_minutes;
    let format = if minutes.is_multiple_of(24 * 60) { "%d %b" } else { "%d %b %H:%M" };
    let rows: Vec<_> =
        rows.iter().map(|(market, row)| (market, periods(report, sampled, market, row, COLUMNS))).collect();
    let starts = rows.first().map_or(&[][..], |(_, periods)| periods.as_slice());
    scrolling(
        &format!("{title}, {}", short(account)),
        html! {
            table.dense {
                caption { (title) ", from each time on, UTC" }
                thead { tr { th scope="col" { "Market" } @for period in starts { th scope="col" { (utc(period.start, format)) } } } }
                tbody {
                    @for (market, periods) in &rows {
                        tr { th scope="row" { (market.parameters.market) } (cells(periods.iter().map(&text))) }
                    }
                }
            }
        },
    )
}

/// Cells of a row, without the end tags that HTML does not need: there are many.
fn cells(texts: impl Iterator<Item = String>) -> Markup {
    html! { @for text in texts { (PreEscaped("<td>")) (text) } }
}

fn idle(report: &Report) -> Markup {
    let Some(sampled) = report.sampled.as_ref().filter(|_| !report.idle.is_empty()) else { return html! {} };
    let rows = html! {
        @for (account, volume) in &report.idle {
            tr { th scope="row" { code { (account) } } td data-v=(volume) { (percent(*volume, sampled.previous_volume)) } }
        }
    };
    html! {
        details.list {
            summary { h3 { "Eligible without orders" } span { (count(report.idle.len(), "address", "addresses")) } }
            (sortable_table("Eligible without orders", &["Address", "Maker volume share, epoch before"], rows))
        }
    }
}

fn others(report: &Report) -> Markup {
    if report.others.is_empty() {
        return html! {};
    }
    let sum = |statement: &Statement, is_earlier: bool| {
        let lines = statement.lines.iter().filter(|line| (line.source == LineSource::Earlier) == is_earlier);
        lines.fold(U256::ZERO, |sum, line| sum.saturating_add(line.amount_wei))
    };
    let (listed, rest) = report.others.split_at(report.others.len().min(OTHERS_LISTED));
    let rows = html! {
        @for statement in listed {
            tr data-leaf=(statement.amount_wei) {
                th scope="row" { code { (statement.account) } }
                @for wei in [sum(statement, true), sum(statement, false), statement.amount_wei] {
                    td.exact data-v=(wei) { (exact(&report.token, wei)) }
                }
            }
        }
    };
    html! {
        details.list {
            summary { h3 { "Other leaves of the tree" } span { (count(report.others.len(), "address", "addresses")) } }
            (sortable_table("Other leaves", &["Address", "Epochs before, tokens", "This epoch, tokens", "Leaf, tokens"], rows))
            @if !rest.is_empty() {
                p.note {
                    "The largest " (integer(listed.len())) " are listed; " (integer(rest.len())) " more have "
                    (tokens(&report.token, rest.iter().fold(U256::ZERO, |sum, statement| sum.saturating_add(statement.amount_wei)))) " tokens together."
                }
            }
        }
    }
}
