//! The first screen: which epoch, which root, how much, and that it was checked.

use alloy_primitives::{Address, U256};
use maud::{Markup, html};
use rewards::eligibility::Standing;

use super::provider_link;
use crate::{
    chart,
    number::{count, integer, parts_of, percent, tokens},
    report::Report,
};

pub(super) fn draw(report: &Report) -> Markup {
    html! {
        section #overview aria-label="Overview" {
            (figures(report))
            dl.identity {
                dt { "Merkle root" } dd { code #root { (report.root) } }
                dt { "CID of the tree" } dd { code #cid { (report.cid) } }
                @if let Some(root) = report.previous_root { dt { "Root before" } dd { code { (root) } } }
            }
            (checks(report))
            @if report.skipped > 0 {
                p.warning { strong { (integer(report.skipped)) " malformed samples" } " were left out; skipped.json lists them." }
            }
            div.columns { (programs(report)) (reward_split(report)) }
        }
    }
}

fn figures(report: &Report) -> Markup {
    let paid = report.lp_amount_wei.saturating_sub(report.unpaid_wei);
    let eligible = report.providers.iter().filter(|provider| provider.standing == Some(Standing::Eligible)).count();
    let earning = report.providers.iter().filter(|provider| !provider.credit_wei.is_zero()).count();
    let samples: u64 = report.markets.iter().map(|market| u64::from(market.samples)).sum();
    let minutes = report.markets.len() as u64 * u64::from(rewards::epoch::MINUTES);
    html! {
        div.figures {
            (figure("Paid for liquidity", &tokens(paid), &format!("of {} tokens", tokens(report.lp_amount_wei))))
            (figure("Stays in the treasury", &tokens(report.unpaid_wei), &format!("tokens: {} wei that rounding and empty pools leave", integer(report.unpaid_wei))))
            (figure("Providers", &integer(report.providers.len()), &match &report.sampled {
                Some(_) => format!("{} eligible, {} credited", integer(eligible), integer(earning)),
                None => format!("{} credited", integer(earning)),
            }))
            @if report.sampled.is_some() {
                (figure("Markets", &integer(report.markets.len()), &format!("{} valid samples, {} of the epoch's minutes", integer(samples), percent(samples, minutes))))
            }
            (figure("Leaves", &integer(report.leaves), &format!("{} tokens in all, cumulative", tokens(report.total_wei))))
        }
    }
}

fn figure(name: &str, value: &str, note: &str) -> Markup {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    html! {
        div {
            h2 { (name) }
            p.value { (whole) @if !fraction.is_empty() { span.fraction { "." (fraction) } } }
            p.note { (note) }
        }
    }
}

fn checks(report: &Report) -> Markup {
    html! {
        details.checks open {
            summary { strong { "All " (report.checks.len()) " checks hold" } }
            ul { @for check in &report.checks { li { (check) } } }
        }
    }
}

/// What each program gives.
fn programs(report: &Report) -> Markup {
    let name = |program: &str| if program == "lp" { "liquidity".to_owned() } else { program.to_owned() };
    html! {
        div {
            h2 { "What this epoch adds to the tree" }
            table {
                thead { tr { th scope="col" { "Program" } th.number scope="col" { "Tokens" } } }
                tbody {
                    @for (program, wei) in &report.programs { tr { th scope="row" { (name(program)) } td { (tokens(*wei)) } } }
                }
            }
        }
    }
}

/// Who gets how much of what is paid: the largest by name.
fn reward_split(report: &Report) -> Markup {
    let mut credits: Vec<(Address, U256)> =
        report.providers.iter().map(|provider| (provider.account, provider.credit_wei)).collect();
    credits.retain(|(_, wei)| !wei.is_zero());
    credits.sort_by_key(|(account, wei)| (std::cmp::Reverse(*wei), *account));
    let paid = credits.iter().fold(U256::ZERO, |sum, (_, wei)| sum.saturating_add(*wei));
    let (largest, rest) = credits.split_at(credits.len().min(chart::SERIES));
    let rest_wei = rest.iter().fold(U256::ZERO, |sum, (_, wei)| sum.saturating_add(*wei));
    let thousandths = |wei: U256| parts_of(wei, paid, 1000).unwrap_or_default();
    let mut parts: Vec<_> = largest.iter().map(|(_, wei)| thousandths(*wei)).collect();
    parts.resize(chart::SERIES, 0);
    let left = 1000 - parts.iter().sum::<u128>();
    parts.push(if rest.is_empty() { 0 } else { left });
    if rest.is_empty() {
        parts[0] += left; // Only rounding.
    }
    html! {
        div {
            h2 { "Reward split" }
            @if credits.is_empty() { p { "Nobody is credited." } } @else {
                (chart::split(&parts, &format!("The largest {} of {} credited providers; the numbers follow", largest.len(), credits.len())))
                table.legend {
                    thead { tr { th scope="col" { "Provider" } th.number scope="col" { "Tokens" } th.number scope="col" { "Share" } } }
                    tbody {
                        @for (place, (account, wei)) in largest.iter().enumerate() {
                            tr {
                                th scope="row" { span class={ "swatch s" (place) } {} (provider_link(*account)) }
                                td { (tokens(*wei)) } td { (percent(*wei, paid)) }
                            }
                        }
                        @if !rest.is_empty() {
                            tr {
                                th scope="row" { span class={ "swatch s" (chart::SERIES) } {} a href="#providers" { (count(rest.len(), "other", "others")) } }
                                td { (tokens(rest_wei)) } td { (percent(rest_wei, paid)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
