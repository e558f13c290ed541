//! How large a program may be.

use crate::programs::Packed;

/// Largest code of a contract, prefix included.
pub(crate) const CODE: usize = 24_576;

/// Programs that every call passes through stay smaller.
const TIGHTER: &[(&str, usize)] = &[("liquidity-staking", 6 * 1024)];

/// What is too large, as sentences.
pub(crate) fn exceeded(programs: &[Packed]) -> Vec<String> {
    programs
        .iter()
        .filter_map(|program| {
            let own = TIGHTER.iter().find(|(name, _)| *name == program.name);
            let limit = own.map_or(CODE, |&(_, limit)| limit);
            (program.figures.code > limit)
                .then(|| format!("{}: {} bytes of code, limit {limit}", program.name, program.figures.code))
        })
        .collect()
}
