//! Prints the program's interface as Solidity.

fn main() {
    borrower_allocations::print_from_args();
}
