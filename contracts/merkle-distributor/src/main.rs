//! Prints the program's interface as Solidity.

fn main() {
    merkle_distributor::print_from_args();
}
