//! Prints the program's interface as Solidity.

fn main() {
    treasury_claim_proxy::print_from_args();
}
