//! The first screen: which epoch, which root, how much, and that it was checked.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use maud::{Markup, html};
use rewards::eligibility::Standing;

use super::{provider_link, short};
use crate::{
    chart,
    number::{count, integer, parts_of, percent, tokens, utc},
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
            (gaps(report))
            (checks(report))
            (claiming(report))
            @if report.skipped > 0 {
                p.warning { strong { (integer(report.skipped)) " malformed samples" } " were left out; skipped.json lists them." }
            }
            div.columns { (programs(report)) (reward_split(report)) }
            (before(report))
        }
    }
}

fn figures(report: &Report) -> Markup {
    let paid = report.lp_amount_wei.saturating_sub(report.unpaid_wei);
    let eligible = report.providers.iter().filter(|provider| provider.standing == Some(Standing::Eligible)).count();
    let earning = report.providers.iter().filter(|provider| !provider.credit_wei.is_zero()).count();
    let samples: u64 = report.markets.iter().map(|market| u64::from(market.samples)).sum();
    let expected = report.health.iter().flat_map(|health| &health.markets).map(|market| u64::from(market.expected));
    let minutes: u64 = expected.sum();
    html! {
        div.figures {
            (figure("Paid for liquidity", &tokens(&report.token, paid), &format!("of {} {}", tokens(&report.token, report.lp_amount_wei), report.token.symbol)))
            (figure("Stays in the treasury", &tokens(&report.token, report.unpaid_wei), &format!("{}: {} units that rounding and empty pools leave", report.token.symbol, integer(report.unpaid_wei))))
            (figure("Providers", &integer(report.providers.len()), &match &report.sampled {
                Some(_) => format!("{} eligible, {} credited", integer(eligible), integer(earning)),
                None => format!("{} credited", integer(earning)),
            }))
            @if report.sampled.is_some() {
                (figure("Markets", &integer(report.markets.len()), &format!("{} valid samples, {} of those expected", integer(samples), percent(samples, minutes))))
            }
            (figure("Leaves", &integer(report.leaves), &format!("{} {} in all, cumulative", tokens(&report.token, report.total_wei), report.token.symbol)))
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

/// What is missing and was accepted: before anything else is believed.
fn gaps(report: &Report) -> Markup {
    let Some(health) = &report.health else { return html! {} };
    html! {
        @if !health.gaps.is_empty() {
            div.warning {
                p { strong { "Data is missing" } @if let Some(reason) = &report.accepted_gaps { ", accepted by the operator: “" (reason) "”" } }
                ul { @for gap in &health.gaps { li { (gap) } } }
            }
        }
        p.note {
            @if health.known_instants { "Every sample’s time was compared with its committed instant. " } @else { "The secret is not known: times of samples could not be checked. " }
            @if health.sealed { "The epoch’s folder is sealed: each file is as it was." } @else { "The epoch’s folder is not sealed." }
        }
    }
}

/// Where and from when on what is shown here can be claimed.
fn claiming(report: &Report) -> Markup {
    let wait = report.start + report.seconds + WAIT;
    html! {
        details.checks {
            summary { strong { "How and when to claim" } }
            @match &report.distributor {
                Some(distributor) => p { "The distributor is " code { (distributor.address) } " on chain " (distributor.chain_id) ". It pays " (report.token.symbol) " (" code { (report.token.address) } ")." },
                None => p { "These parameters do not name a distributor; ask the operator for its address and chain. It pays " (report.token.symbol) " (" code { (report.token.address) } ")." },
            }
            p { "The root must be proposed, wait seven days, and be made active: on " (utc(wait, "%Y-%m-%d %H:%M")) " UTC at the earliest. Whether it is active: " code { "tidepool rewards status --distributor ADDRESS --rpc URL" } "." }
            p { "Then anybody with a leaf claims the leaf’s amount less what was claimed before: " code { "tidepool rewards claim RESULTS --distributor ADDRESS --rpc URL" } ", or calls " code { "claimRewards(amount, proof)" } " with the numbers that stand below each statement." }
        }
    }
}

/// How long a proposed root waits, seconds.
const WAIT: u64 = 7 * 24 * 60 * 60;

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
                    @for (program, wei) in &report.programs { tr { th scope="row" { (name(program)) } td { (tokens(&report.token, *wei)) } } }
                }
            }
        }
    }
}

/// The epoch before beside this one: the whole, each market, and who is credited.
fn before(report: &Report) -> Markup {
    let Some(before) = &report.before else { return html! {} };
    let amount = |wei: U256| tokens(&report.token, wei);
    let paid = report.lp_amount_wei.saturating_sub(report.unpaid_wei);
    let now: BTreeMap<_, _> = report.providers.iter().map(|provider| (provider.account, provider.credit_wei)).collect();
    let accounts: BTreeSet<_> =
        now.iter().filter(|(_, wei)| !wei.is_zero()).map(|(account, _)| account).chain(before.credits.keys()).collect();
    let credit =
        |credits: &BTreeMap<Address, U256>, account: &Address| credits.get(account).copied().unwrap_or_default();
    let head = [format!("Epoch {}", before.epoch), format!("Epoch {}", report.epoch)];
    let columns = |first: &str| html! { thead { tr { th scope="col" { (first) } @for title in &head { th.number scope="col" { (title) } } } } };
    let row = |name: Markup, cells: [String; 2]| html! { tr { th scope="row" { (name) } @for cell in cells { td { (cell) } } } };
    html! {
        details.list #before {
            summary { h3 { "Beside the epoch before" } }
            div.columns {
                table {
                    (columns("In all"))
                    tbody {
                        (row(html! { "Paid for liquidity" }, [amount(before.paid_wei), amount(paid)]))
                        (row(html! { "Stays in the treasury" }, [amount(before.unpaid_wei), amount(report.unpaid_wei)]))
                        (row(html! { "Leaves" }, [integer(before.leaves), integer(report.leaves)]))
                        @for market in &report.markets {
                            @let name = &market.parameters.market;
                            @let (pool, valid) = before.markets.get(name).copied().unwrap_or_default();
                            (row(html! { "Pool of " (name) }, [amount(pool), amount(U256::from(market.pool_wei))]))
                            (row(html! { "Valid samples of " (name) }, [integer(valid), integer(market.samples)]))
                        }
                    }
                }
                table {
                    (columns("Credited"))
                    tbody {
                        @for account in accounts {
                            (row(html! { code title=(account) { (short(*account)) } }, [amount(credit(&before.credits, account)), amount(credit(&now, account))]))
                        }
                    }
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
                                td { (tokens(&report.token, *wei)) } td { (percent(*wei, paid)) }
                            }
                        }
                        @if !rest.is_empty() {
                            tr {
                                th scope="row" { span class={ "swatch s" (chart::SERIES) } {} a href="#providers" { (count(rest.len(), "other", "others")) } }
                                td { (tokens(&report.token, rest_wei)) } td { (percent(rest_wei, paid)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
