//! Prints the program's interface as Solidity.

fn main() {
    claims_proxy::print_from_args();
}
