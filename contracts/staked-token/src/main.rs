//! Prints the program's interface as Solidity.

fn main() {
    staked_token::print_from_args();
}
