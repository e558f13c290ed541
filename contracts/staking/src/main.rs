//! Prints the program's interface as Solidity.

fn main() {
    staking::print_from_args();
}
