//! Charts as inline SVG: integers in a box that the page stretches, colours by class. Beside each chart stand its numbers as text or as a table.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

/// Height of the box of a chart over time.
const HEIGHT: u128 = 1000;

/// Height of the box of a small line.
const SPARK_HEIGHT: u128 = 20;

/// How many series have a colour of their own.
pub(crate) const SERIES: usize = 5;

/// A horizontal bar, in thousandths of its box.
pub(crate) fn bar(thousandths: u128) -> Markup {
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect width=(thousandths.min(1000)) height="10" {}
        }
    }
}

/// A bar from a mark to either side, in thousandths of its box.
pub(crate) fn bar_around(mark: u128, thousandths: u128) -> Markup {
    let (value, class) = (thousandths.min(1000), if thousandths < mark { "below" } else { "above" });
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect class=(class) x=(value.min(mark)) width=(value.abs_diff(mark)) height="10" {}
            path.mark d={ "M" (mark) " 0v10" } {}
        }
    }
}

/// A bar with a mark that it should reach, in thousandths of its box.
pub(crate) fn bar_with_mark(mark: u128, thousandths: u128) -> Markup {
    let class = if thousandths < mark { "below" } else { "above" };
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect class=(class) width=(thousandths.min(1000)) height="10" {}
            path.mark d={ "M" (mark) " 0v10" } {}
        }
    }
}

/// One bar cut into parts, in thousandths; the last one has the colour of the rest.
pub(crate) fn split(parts: &[u128], label: &str) -> Markup {
    let starts = parts.iter().scan(0, |end, part| {
        let start = *end;
        *end += part;
        Some(start)
    });
    html! {
        svg.split viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (place, (part, start)) in parts.iter().zip(starts).enumerate() {
                rect class={ "s" (place.min(SERIES)) } x=(start) width=(part) height="10" {}
            }
        }
    }
}

/// How many levels of uptime are told apart.
pub(crate) const LEVELS: [&str; 6] = ["0%", "below 50%", "below 80%", "below 95%", "below 99%", "99% and more"];

/// The level of an uptime; nothing without samples.
pub(crate) fn level(uptime: u64, samples: u64) -> Option<usize> {
    let thousandths = (uptime * 1000).checked_div(samples)?;
    Some(match (uptime, thousandths) {
        (0, _) => 0,
        (_, ..500) => 1,
        (_, ..800) => 2,
        (_, ..950) => 3,
        (_, ..990) => 4,
        _ => 5,
    })
}

/// A strip of levels, one step for each bucket; neighbours of one level are drawn as one.
pub(crate) fn strip(levels: &[Option<usize>]) -> Markup {
    let mut paths = vec![String::new(); LEVELS.len()];
    let mut start = 0;
    for run in levels.chunk_by(|a, b| a == b) {
        if let Some(level) = run.first().copied().flatten() {
            let _ = write!(paths[level], "M{start} 1h{}", run.len()); // Writing to a string does not fail.
        }
        start += run.len();
    }
    html! {
        svg.strip viewBox={ "0 0 " (levels.len()) " 2" } preserveAspectRatio="none" aria-hidden="true" {
            @for (level, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                path class={ "u" (level) } d=(path) {}
            }
        }
    }
}

/// A small line, from 0 to its greatest value; it breaks where there is none.
pub(crate) fn spark(values: &[Option<u128>]) -> Markup {
    let most = values.iter().flatten().copied().max().unwrap_or_default().max(1);
    let height = |value: u128| SPARK_HEIGHT - scaled(value, most, SPARK_HEIGHT);
    let path = line(values, height);
    html! {
        svg.spark viewBox={ "0 0 " (values.len().max(2) - 1) " " (SPARK_HEIGHT) } preserveAspectRatio="none" aria-hidden="true" {
            path d=(path) {}
        }
    }
}

/// A path from value to value, in relative steps: they are short.
fn line(values: &[Option<u128>], height: impl Fn(u128) -> u128) -> String {
    let mut path = String::new();
    let mut last = None;
    for (place, run) in runs(values, &height) {
        if let Some(here) = run.height {
            let _ = match last {
                Some(last) if here >= last => write!(path, "l1 {}", here - last), // Writing to a string does not fail.
                Some(last) => write!(path, "l1-{}", last - here),
                None => write!(path, "M{place} {here}"),
            };
            let _ = if run.length > 1 { write!(path, "h{}", run.length - 1) } else { Ok(()) };
        }
        last = run.height;
    }
    path
}

/// Neighbours of one height.
struct Run {
    height: Option<u128>,
    length: usize,
}

/// Runs of one height, and where they start.
fn runs(values: &[Option<u128>], height: impl Fn(u128) -> u128) -> Vec<(usize, Run)> {
    let heights: Vec<_> = values.iter().map(|value| value.map(&height)).collect();
    let runs = heights.chunk_by(|a, b| a == b).scan(0, |end, run| {
        let start = *end;
        *end += run.len();
        Some((start, Run { height: run[0], length: run.len() }))
    });
    runs.collect()
}

/// `value / most` of a height, rounded down.
const fn scaled(value: u128, most: u128, height: u128) -> u128 {
    // Depths and spreads are far below 2^118, so that the product fits; what is not would be drawn at the top.
    match value.checked_mul(height) {
        Some(product) => product / most,
        None => height,
    }
}

/// The least round number that is not below a value: a digit and zeros.
fn round_up(value: u128) -> u128 {
    let mut power = 1_u128;
    loop {
        for digit in [1, 2, 3, 4, 5, 6, 8] {
            match power.checked_mul(digit) {
                Some(round) if round >= value => return round,
                Some(_) => {}
                None => return value,
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Values over time, one for each bucket.
pub(crate) struct OverTime<'a> {
    /// What is shown, and in which unit.
    pub(crate) title: String,
    /// In one sentence, for those who do not see it.
    pub(crate) label: String,
    /// The values: areas on top of each other, or a single line.
    pub(crate) drawing: Drawing<'a>,
    /// Text of a value at the axis.
    pub(crate) text: fn(u128) -> String,
    /// Text below: start, quarters, end.
    pub(crate) times: [String; 5],
    /// Whether a bucket has samples.
    pub(crate) is_sampled: &'a [bool],
    /// Id of the table with the numbers.
    pub(crate) table: String,
}

/// How values are drawn.
pub(crate) enum Drawing<'a> {
    /// Areas on top of each other; the last one has the colour of the rest.
    Areas(&'a [Vec<u128>]),
    /// A line; it breaks where there is no value.
    Line(&'a [Option<u128>]),
}

impl OverTime<'_> {
    pub(crate) fn draw(&self) -> Markup {
        let buckets = self.is_sampled.len();
        let most = round_up(self.greatest());
        html! {
            figure.chart {
                figcaption { (self.title) }
                div.plot {
                    div.values aria-hidden="true" {
                        span { ((self.text)(most)) } span { ((self.text)(most / 2)) } span { "0" }
                    }
                    svg viewBox={ "0 0 " (buckets.max(1)) " " (HEIGHT) } preserveAspectRatio="none" role="img" tabindex="0"
                        aria-label=(self.label) data-table=(self.table) data-buckets=(buckets) {
                        path.grid d={ "M0 0H" (buckets) "M0 " (HEIGHT / 2) "H" (buckets) "M0 " (HEIGHT) "H" (buckets) } {}
                        (self.gaps())
                        @match self.drawing {
                            Drawing::Areas(areas) => (draw_areas(areas, most)),
                            Drawing::Line(values) => path.line d=(step_line(values, most)) {},
                        }
                        path.cursor d="" {}
                    }
                    div.times aria-hidden="true" { @for time in &self.times { span { (time) } } }
                }
                p.readout aria-live="polite" { "Point at the chart, or focus it and use the arrow keys." }
            }
        }
    }

    fn greatest(&self) -> u128 {
        match self.drawing {
            Drawing::Areas(areas) => {
                let sum = |place: usize| areas.iter().map(|area| area[place]).fold(0, u128::saturating_add);
                (0..self.is_sampled.len()).map(sum).max()
            }
            Drawing::Line(values) => values.iter().flatten().copied().max(),
        }
        .unwrap_or_default()
    }

    fn gaps(&self) -> Markup {
        let mut path = String::new();
        let mut start = 0;
        for run in self.is_sampled.chunk_by(|a, b| a == b) {
            if run.first() == Some(&false) {
                let _ = write!(path, "M{start} 0h{0}v{HEIGHT}h-{0}z", run.len());
            }
            start += run.len();
        }
        html! { @if !path.is_empty() { path.gap d=(path) {} } }
    }
}

/// Sums from the bottom up, drawn from the top down: what is below covers what is above.
fn draw_areas(areas: &[Vec<u128>], most: u128) -> Markup {
    let mut sums = vec![0_u128; areas.first().map_or(0, Vec::len)];
    let mut paths = Vec::new();
    for (place, area) in areas.iter().enumerate() {
        for (sum, value) in sums.iter_mut().zip(area) {
            *sum = sum.saturating_add(*value);
        }
        let class = if place + 1 == areas.len() { SERIES } else { place };
        paths.push((class, step_area(&sums, most)));
    }
    let path = |(class, path): &(usize, String)| format!("<path class=\"s{class}\" d=\"{path}\"/>");
    PreEscaped(paths.iter().rev().map(path).collect()) // Digits and letters of paths alone.
}

fn step_area(sums: &[u128], most: u128) -> String {
    let mut path = format!("M0 {HEIGHT}");
    let mut start = 0;
    for run in sums.chunk_by(|a, b| a == b) {
        start += run.len();
        let _ = write!(path, "V{}H{start}", HEIGHT - scaled(run[0], most, HEIGHT).min(HEIGHT));
    }
    let _ = write!(path, "V{HEIGHT}z");
    path
}

fn step_line(values: &[Option<u128>], most: u128) -> String {
    let mut path = String::new();
    let (mut start, mut is_down) = (0, false);
    for run in values.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        if let Some(value) = run[0] {
            let height = HEIGHT - scaled(value, most, HEIGHT).min(HEIGHT);
            let _ = if is_down { write!(path, "V{height}H{end}") } else { write!(path, "M{start} {height}H{end}") };
        }
        (start, is_down) = (end, run[0].is_some());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_level_are_one_step() {
        let strip = strip(&[Some(5), Some(5), None, Some(0), Some(5)]).into_string();
        assert!(strip.contains(r#"<path class="u5" d="M0 1h2M4 1h1">"#), "{strip}");
        assert!(strip.contains(r#"<path class="u0" d="M3 1h1">"#), "{strip}");
        assert!(!strip.contains("u1"), "{strip}");
    }

    #[test]
    fn a_line_breaks_where_there_is_no_value() {
        assert_eq!(
            line(&[Some(1), Some(3), None, Some(4), Some(4), Some(4), Some(2)], |value| value),
            "M0 1l1 2M3 4h2l1-2"
        );
        assert_eq!(step_line(&[Some(5), Some(10), None, Some(0)], 10), "M0 500H1V0H2M3 1000H4");
    }

    #[test]
    fn areas_stand_on_each_other() {
        let drawn = draw_areas(&[vec![1, 1], vec![1, 3]], 4).into_string();
        assert_eq!(
            drawn,
            r#"<path class="s5" d="M0 1000V500H1V0H2V1000z"/><path class="s0" d="M0 1000V750H2V1000z"/>"#
        );
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!([0, 1, 3, 7, 9, 20, 1234].map(round_up), [1, 1, 3, 8, 10, 20, 2000]);
        assert_eq!(round_up(u128::MAX), u128::MAX);
    }

    #[test]
    fn levels_of_uptime() {
        let levels =
            [(0, 10), (1, 10_000), (5, 10), (8, 10), (95, 100), (99, 100), (1, 1)].map(|(up, of)| level(up, of));
        assert_eq!(levels, [0, 1, 2, 3, 4, 5, 5].map(Some));
        assert_eq!(level(0, 0), None);
    }
}
