//! Prints the program's interface as Solidity.

fn main() {
    diamond_cut::print_from_args();
}
