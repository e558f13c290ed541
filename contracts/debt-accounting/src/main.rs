//! Prints the program's interface as Solidity.

fn main() {
    debt_accounting::print_from_args();
}
