//! Prints the program's interface as Solidity.

fn main() {
    trusted_borrower_l2_proxy::print_from_args();
}
