//! Prints the program's interface as Solidity.

fn main() {
    liquidity_staking::print_from_args();
}
