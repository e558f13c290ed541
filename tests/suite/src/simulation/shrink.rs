//! Makes a failing script short: leaves out what is not needed for a divergence.

use super::{Step, World, world::Care};

/// Where a replay diverges: the number of the step, and what differs.
pub fn replay(fixture: &World, steps: &[Step]) -> Option<(usize, String)> {
    let mut world = fixture.clone();
    for (number, step) in steps.iter().enumerate() {
        if let Err(divergence) = world.step(step, Care::Step) {
            return Some((number, world.readable(&divergence)));
        }
    }
    world.compare(Care::Full).err().map(|divergence| (steps.len(), world.readable(&divergence)))
}

/// A short script that still diverges: leaves out ever smaller pieces, as long as one can be left out.
pub fn shrink(fixture: &World, steps: &[Step]) -> Vec<Step> {
    let mut short = steps.to_vec();
    let mut piece = (short.len() / 2).max(1);
    loop {
        let before = short.len();
        let mut start = 0;
        while start < short.len() {
            let mut fewer = short.clone();
            fewer.drain(start..(start + piece).min(short.len()));
            match replay(fixture, &fewer) {
                Some((last, _)) => {
                    fewer.truncate(last + 1);
                    short = fewer;
                }
                None => start += piece,
            }
        }
        if piece == 1 && short.len() == before {
            return short;
        }
        piece = (piece / 2).max(1);
    }
}
