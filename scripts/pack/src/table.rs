//! The table that `scripts/build` prints.

use crate::{golden::Golden, limits, programs::Packed};

const HEADER: [&str; 9] =
    ["program", "wasm", "on chain", "of limit", "gas uncached", "gas cached", "pages", "from ArbOS", "change"];

/// Programs with their sizes and costs. `golden` is there if it can be compared.
pub(crate) fn print(programs: &[Packed], golden: Option<&Golden>) {
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(programs.iter().map(|program| row(program, golden)));

    let widths: Vec<_> =
        (0..HEADER.len()).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

fn row(program: &Packed, golden: Option<&Golden>) -> [String; HEADER.len()] {
    let figures = &program.figures;
    let share = figures.code as f64 * 100.0 / limits::CODE as f64;
    let change = match golden.map(|golden| golden.programs.get(&program.name)) {
        None => String::new(),
        Some(None) => "new".to_owned(),
        Some(Some(before)) if before == figures => "none".to_owned(),
        Some(Some(before)) => {
            let bytes = signed(before.code as u64, figures.code as u64);
            let gas = signed(before.init_gas, figures.init_gas);
            format!("{bytes} B, {gas} gas")
        }
    };
    [
        program.name.clone(),
        figures.wasm.to_string(),
        figures.code.to_string(),
        format!("{share:.1} %"),
        figures.init_gas.to_string(),
        figures.cached_gas.to_string(),
        program.pages.to_string(),
        program.since.to_string(),
        change,
    ]
}

fn signed(before: u64, after: u64) -> String {
    format!("{:+}", i128::from(after) - i128::from(before))
}
