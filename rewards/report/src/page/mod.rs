//! The page. Text from files reaches it through the templates alone, which escape it; the page's own style and script are the only ones that
//! its policy lets through, and nothing is loaded.

mod markets;
mod method;
mod overview;
mod providers;

use alloy_primitives::Address;
use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rewards_files::folder::market_file;
use sha2::{Digest, Sha256};

use crate::{
    number::utc,
    report::{Report, Sampled},
};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Draws a report: the same bytes for the same report.
#[must_use]
pub fn render(report: &Report) -> String {
    let title = format!("Liquidity rewards, epoch {}", report.epoch);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#overview" { "Skip to the content" }
                (header(&title, report))
                main {
                    (overview::draw(report))
                    @if report.sampled.is_some() { (markets::draw(report)) }
                    (providers::draw(report))
                    (method::draw(report))
                }
                footer {
                    p { "Written by " (report.software) ". This page loads nothing and sends nothing." }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Nothing but what is in the page: its style and its script, by their hashes, and an empty icon.
fn policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn header(title: &str, report: &Report) -> Markup {
    html! {
        header {
            div.head {
                h1 { (title) }
                p { (minute(report.start)) " to " (minute(report.start + report.seconds)) " UTC" }
            }
            nav aria-label="Sections" {
                a href="#overview" { "Overview" }
                @if report.sampled.is_some() { a href="#markets" { "Markets" } }
                a href="#providers" { "Providers" }
                a href="#method" { "Method" }
            }
        }
    }
}

fn minute(seconds: u64) -> String {
    utc(seconds, "%Y-%m-%d %H:%M")
}

/// An address that fits a table, and leads to its provider; the whole of it where the pointer rests.
fn provider_link(account: Address) -> Markup {
    html! { a href={ "#" (provider_id(account)) } title=(account) { (short(account)) } }
}

fn provider_id(account: Address) -> String {
    format!("provider={account:#x}")
}

fn market_link(market: &str) -> Markup {
    html! { a href={ "#" (market_id(market)) } { (market) } }
}

fn market_id(market: &str) -> String {
    // An id has no spaces, and a link no percent signs that would be decoded.
    format!("market={}", market_file(market).replace('%', "~"))
}

/// The first and the last digits.
fn short(account: Address) -> String {
    let text = account.to_string();
    format!("{}…{}", &text[..6], &text[text.len() - 4..])
}

/// A column by which a table can be sorted.
fn sortable(title: &str) -> Markup {
    html! { th scope="col" { button type="button" { (title) } } }
}

/// A table in a box of its own, which every column can sort.
fn sortable_table(label: &str, titles: &[&str], rows: Markup) -> Markup {
    let table = html! {
        table.sortable {
            thead { tr { @for title in titles { (sortable(title)) } } }
            tbody { (rows) }
        }
    };
    scrolling(label, table)
}

/// A wide table in a box of its own.
fn scrolling(label: &str, table: Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// How many buckets make a column, if there may be so many columns.
fn columns_of(buckets: usize, most: usize) -> usize {
    buckets.div_ceil(most).max(1)
}

/// When a bucket starts, for the head of a column.
fn bucket_start(report: &Report, sampled: &Sampled, bucket: usize) -> u64 {
    report.start + bucket as u64 * u64::from(sampled.bucket_minutes) * 60
}

/// A length of time: hours, or minutes.
fn length(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (1, 0) => "1 hour".to_owned(),
        (hours, 0) => format!("{hours} hours"),
        _ => format!("{minutes} minutes"),
    }
}
