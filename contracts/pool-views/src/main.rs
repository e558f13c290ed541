//! Prints the program's interface as Solidity.

fn main() {
    pool_views::print_from_args();
}
