//! What the words and numbers mean, and how to check them.

use maud::{Markup, html};

use super::length;
use crate::report::Report;

pub(super) fn draw(report: &Report) -> Markup {
    html! {
        section #method aria-labelledby="method-title" {
            h2 #method-title { "Method" }
            p {
                "Every book was sampled at most once a minute, at an instant that nobody could foresee. An order counts if it is larger than the market's least order "
                "and closer to mid than its widest spread. A sample counts for a provider if orders of it count on both sides: what counts is the lesser side."
            }
            dl.terms {
                (term("Two-sided depth", "size times price of the orders that count, the lesser side of each provider; averages over valid samples, in which a provider that is not up has none"))
                (term("Spread", "of a provider: between its own best bid and best ask that count, while it is up; of a market: between best bid and best ask of the whole book"))
                (term("Uptime", "samples in which both sides count, of the market's valid samples"))
                (term("Depth over spread", "what makes the liquidity part of a score, summed over the epoch"))
                (term("Score share", "the score beside all scores of eligible providers in the market; a market's pool is split by it"))
                (term("Reward coefficient", "a market's pool for its average liquidity, beside the same of all markets; 1 is the liquidity-weighted mean"))
                (term("Maker volume share", "of the volume of a group of linked addresses in everybody's; in the epoch before it decides who is eligible"))
                (term("Leaf", "an address and the sum of all that it was ever given, by all programs: what the distributor pays, less what was claimed"))
            }
            p {
                "All figures are computed in integers. Percentages, averages and shortened amounts are rounded down; coefficients are rounded to the nearest digit. "
                "Statements show every unit. "
                @if let Some(sampled) = &report.sampled { "Charts over time have buckets of " (length(sampled.bucket_minutes)) "." }
            }
            p { "To check it, take the epoch's folder and compute everything again: " code { "tidepool rewards verify RESULTS --input FOLDER --root " (report.root) } }
        }
    }
}

fn term(name: &str, meaning: &str) -> Markup {
    html! { div { dt { (name) } dd { (meaning) } } }
}
