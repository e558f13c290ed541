//! Prints the program's interface as Solidity.

fn main() {
    rewards_oracle::print_from_args();
}
