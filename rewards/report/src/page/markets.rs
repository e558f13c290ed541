//! Markets: a table, where liquidity is paid best, and each one over time.

use alloy_primitives::{U256, aliases::U512};
use maud::{Markup, html};
use rewards::{coefficient::Ratio, parameters::Share, timeline::ProviderBucket};

use super::{bucket_start, length, market_id, market_link, provider_link, scrolling, short, sortable_table};
use crate::{
    chart::{self, Drawing, OverTime, SERIES},
    number::{NONE, average, bps, count, dollars, integer, parts_of, percent, tokens, utc},
    report::{Market, Report, Row, Sampled},
};

pub(super) fn draw(report: &Report) -> Markup {
    let Some(sampled) = &report.sampled else { return html! {} };
    html! {
        section #markets aria-labelledby="markets-title" {
            h2 #markets-title { "Markets" }
            (table(report))
            (coefficients(report))
            @for market in &report.markets { (details(report, sampled, market)) }
        }
    }
}

/// A coefficient in thousandths; what is beyond any chart is the end of the chart.
fn thousandths(ratio: &Ratio) -> u128 {
    ratio.decimal(3).replace('.', "").parse().unwrap_or(u128::MAX)
}

fn coefficient_text(market: &Market) -> String {
    market.coefficient.as_ref().map_or_else(|| "no competition".to_owned(), |ratio| ratio.decimal(4))
}

fn part(market: &Market) -> String {
    match market.parameters.share {
        Share::Fixed(bps) => format!("{}.{:02}% fixed", bps / 100, bps % 100),
        Share::Group(_) => "by samples".to_owned(),
    }
}

fn table(report: &Report) -> Markup {
    let pools = report.markets.iter().fold(U256::ZERO, |sum, market| sum.saturating_add(U256::from(market.pool_wei)));
    let row = |market: &Market| {
        let pool = U256::from(market.pool_wei);
        let earning = market.rows.iter().filter(|row| row.reward_wei > 0).count();
        html! {
            tr {
                th scope="row" { (market_link(&market.parameters.market)) }
                td data-v=(market.pool_wei) { (tokens(&report.token, pool)) }
                td data-v=(market.pool_wei) { (percent(pool, pools)) (chart::bar(parts_of(pool, pools, 1000).unwrap_or_default())) }
                td data-v=(market.coefficient.as_ref().map(thousandths).map_or_else(String::new, |number| number.to_string())) {
                    (coefficient_text(market))
                }
                td data-v=(market.samples) { (integer(market.samples)) }
                td data-v=(earning) { (earning) }
                td data-v=(market.parameters.min_depth_usd) { (integer(market.parameters.min_depth_usd)) }
                td data-v=(market.parameters.max_spread_bps) { (market.parameters.max_spread_bps) }
            }
        }
    };
    let titles = [
        "Market",
        "Pool, tokens",
        "Share of pools",
        "Coefficient",
        "Valid samples",
        "Earning",
        "Least order, USD",
        "Widest spread, bps",
    ];
    sortable_table("All markets", &titles, html! { @for market in &report.markets { (row(market)) } })
}

/// Bars around 1, the best paid market first.
fn coefficients(report: &Report) -> Markup {
    let mut markets: Vec<_> =
        report.markets.iter().filter_map(|market| Some((market, thousandths(market.coefficient.as_ref()?)))).collect();
    markets.sort_by_key(|(market, value)| (std::cmp::Reverse(*value), &market.parameters.market));
    let most = markets.first().map_or(0, |(_, value)| *value).max(2000);
    let scaled = |value: u128| parts_of(U512::from(value), U512::from(most), 1000).unwrap_or_default();
    html! {
        figure.coefficients {
            figcaption {
                h3 { "Reward coefficient" }
                p { "Tokens paid for liquidity in a market, beside the average of all markets, which is 1. Above 1, liquidity is scarce for what is paid." }
            }
            table {
                thead { tr { th scope="col" { "Market" } th scope="col" { div.sides { span { "◂ below 1" } span { "above 1 ▸" } } } th.number scope="col" { "Coefficient" } } }
                tbody {
                    @for (market, value) in &markets {
                        tr {
                            th scope="row" { (market_link(&market.parameters.market)) }
                            td.wide aria-hidden="true" { (chart::bar_around(scaled(1000), scaled(*value))) }
                            td { (coefficient_text(market)) }
                        }
                    }
                }
            }
            @if markets.len() < report.markets.len() {
                p.note { "Without competition: " (count(report.markets.len() - markets.len(), "market", "markets")) "." }
            }
        }
    }
}

fn details(report: &Report, sampled: &Sampled, market: &Market) -> Markup {
    let parameters = &market.parameters;
    html! {
        details.market id=(market_id(&parameters.market)) {
            summary {
                h3 { (parameters.market) }
                span { (tokens(&report.token, U256::from(market.pool_wei))) " " (report.token.symbol) }
                span { "coefficient " (coefficient_text(market)) }
            }
            dl.facts {
                (fact("Formula", parameters.formula.name()))
                (fact("Part of the tokens", &part(market)))
                (fact("Pool", &tokens(&report.token, U256::from(market.pool_wei))))
                (fact("Paid of it", &tokens(&report.token, U256::from(market.paid_wei))))
                (fact("An order counts above", &format!("{} USD", integer(parameters.min_depth_usd))))
                (fact("and closer to mid than", &format!("{} bps", parameters.max_spread_bps)))
                (fact("Valid samples", &integer(market.samples)))
                @if let Some(health) = report.health_of(&parameters.market) {
                    (fact("Minutes expected, with a sample, on their instant", &format!("{}, {}, {}", integer(health.expected), integer(health.seen), integer(health.on_instant))))
                }
                (fact("Crossed, off their instant, missing", &format!("{}, {}, {}", integer(market.crossed), integer(market.off_instant), integer(market.missing))))
                (fact("Average liquidity of those eligible", &market.liquidity.as_ref().map_or_else(|| NONE.to_owned(), |liquidity| format!("{} USD per unit of spread", integer(liquidity.decimal(0))))))
            }
            h4 { "Shares" }
            (shares(report, market))
            (over_time(report, sampled, market))
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// Who has which part of the scores.
fn shares(report: &Report, market: &Market) -> Markup {
    let whole = market.total_score;
    let row = |row: &Row| {
        html! {
            tr {
                th scope="row" { (provider_link(row.account)) }
                td {
                    @if row.is_eligible {
                        (percent(row.score, whole)) (chart::bar(parts_of(row.score, whole, 1000).unwrap_or_default()))
                    } @else { "not eligible" }
                }
                td { (tokens(&report.token, U256::from(row.reward_wei))) }
                td { (percent(row.effective_uptime, market.samples)) }
                td { (dollars(row.volume)) }
                td { (dollars(row.liquidity)) }
                td { (exponent(row.score)) }
            }
        }
    };
    let name = format!("Shares in {}", market.parameters.market);
    let titles = [
        "Provider",
        "Score share",
        "Reward, tokens",
        "Uptime that scores",
        "Maker volume, USD",
        "Depth over spread, USD",
        "Score",
    ];
    sortable_table(&name, &titles, html! { @for provider in &market.rows { (row(provider)) } })
}

/// A score has up to 120 digits: four of them, and how many follow.
fn exponent(score: U512) -> String {
    let digits = score.to_string();
    match digits.split_at_checked(4) {
        Some((head, rest)) if rest.len() > 8 => format!("{}.{}e{}", &head[..1], &head[1..], digits.len() - 1),
        _ => integer(digits),
    }
}

/// A market's buckets summed over providers.
struct Buckets {
    /// Largest providers one by one, all others in the last: two-sided depth, micro-USD.
    areas: Vec<Vec<u128>>,
    total: Vec<u128>,
    spread: Vec<Option<u128>>,
    providers: Vec<usize>,
    is_sampled: Vec<bool>,
}

fn buckets(market: &Market, largest: &[&Row], others: &[&Row]) -> Buckets {
    let samples = |bucket: usize| market.buckets[bucket].samples;
    let depth = |rows: &[&Row], bucket: usize| {
        let sum = rows.iter().map(|row| row.buckets[bucket].depth_micro).fold(0, u128::saturating_add);
        average(sum, samples(bucket)).unwrap_or_default()
    };
    let all = 0..market.buckets.len();
    let series = |rows: &[&Row]| -> Vec<_> { all.clone().map(|bucket| depth(rows, bucket)).collect() };
    let mut areas: Vec<_> = largest.iter().map(|row| series(&[*row])).collect();
    areas.push(series(others));
    let is_up = |bucket: &ProviderBucket| bucket.uptime > 0;
    Buckets {
        total: series(&[largest, others].concat()),
        areas,
        spread: market.buckets.iter().map(|bucket| average(bucket.spread_micro_bps, bucket.two_sided)).collect(),
        providers: all
            .clone()
            .map(|bucket| market.rows.iter().filter(|row| is_up(&row.buckets[bucket])).count())
            .collect(),
        is_sampled: all.map(|bucket| samples(bucket) > 0).collect(),
    }
}

fn over_time(report: &Report, sampled: &Sampled, market: &Market) -> Markup {
    let depth = |row: &&Row| row.buckets.iter().map(|bucket| bucket.depth_micro).fold(0, u128::saturating_add);
    let mut rows: Vec<_> = market.rows.iter().filter(|row| row.uptime > 0).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(depth(row)), row.account));
    let (largest, others) = rows.split_at(rows.len().min(SERIES));
    let buckets = buckets(market, largest, others);
    let name = &market.parameters.market;
    let table = format!("table-{}", market_id(name));
    let every = length(sampled.bucket_minutes);
    let chart = |title: String, label: String, drawing, text| OverTime {
        title,
        label,
        drawing,
        text,
        times: times(report, sampled),
        is_sampled: &buckets.is_sampled,
        table: table.clone(),
    };
    let depth_chart = chart(
        format!("Two-sided depth, USD, averages of {every}"),
        format!("Two-sided depth in {name} over time, by provider; the table below has the numbers"),
        Drawing::Areas(&buckets.areas),
        dollars,
    );
    let spread_chart = chart(
        format!("Spread between best bid and best ask, basis points of mid, averages of {every}"),
        format!("Spread of the book of {name} over time; the table below has the numbers"),
        Drawing::Line(&buckets.spread),
        bps,
    );
    html! {
        h4 { "Depth and spread over time" }
        (depth_chart.draw())
        ul.legend {
            @for (place, row) in largest.iter().enumerate() {
                li { span class={ "swatch s" (place) } {} a href={ "#" (super::provider_id(row.account)) } title=(row.account) { (short(row.account)) } }
            }
            @if !others.is_empty() { li { span class={ "swatch s" (SERIES) } {} (count(others.len(), "other", "others")) } }
        }
        (spread_chart.draw())
        details.data {
            summary { "Show as table" }
            (scrolling(&format!("{name} over time"), numbers(report, sampled, market, &buckets, &table)))
        }
    }
}

fn numbers(report: &Report, sampled: &Sampled, market: &Market, buckets: &Buckets, id: &str) -> Markup {
    html! {
        table id=(id) {
            thead { tr {
                @for title in ["From, UTC", "Depth, USD", "Spread, bps", "Providers up", "Valid samples"] { th scope="col" { (title) } }
            } }
            tbody {
                @for (place, bucket) in market.buckets.iter().enumerate() {
                    tr {
                        th scope="row" { (utc(bucket_start(report, sampled, place), "%d %b %H:%M")) }
                        td { (dollars(buckets.total[place])) }
                        td { (buckets.spread[place].map_or_else(|| NONE.to_owned(), bps)) }
                        td { (buckets.providers[place]) }
                        td { (bucket.samples) }
                    }
                }
            }
        }
    }
}

/// Start, quarters and end of the time shown.
fn times(report: &Report, sampled: &Sampled) -> [String; 5] {
    let seconds = sampled.buckets as u64 * u64::from(sampled.bucket_minutes) * 60;
    let format = if seconds > 3 * 24 * 3600 { "%d %b" } else { "%d %b %H:%M" };
    [0, 1, 2, 3, 4].map(|quarter| utc(report.start + seconds * quarter / 4, format))
}
