//! How large a program may be.

use crate::programs::Packed;

/// Largest code of a contract, prefix included.
pub(crate) const CODE: usize = 24_576;

/// What a program leaves of it, so that a correction always fits.
const SPARE: usize = 500;

/// Programs with limits of their own: every call passes through the router; the proxy does most.
const OWN: &[(&str, usize)] = &[("liquidity-staking", 6 * 1024), ("trusted-borrower-l2-proxy", CODE - 300)];

/// What is too large, as sentences.
pub(crate) fn exceeded(programs: &[Packed]) -> Vec<String> {
    programs
        .iter()
        .filter_map(|program| {
            let own = OWN.iter().find(|(name, _)| *name == program.name);
            let limit = own.map_or(CODE - SPARE, |&(_, limit)| limit);
            (program.figures.code > limit)
                .then(|| format!("{}: {} bytes of code, limit {limit}", program.name, program.figures.code))
        })
        .collect()
}
