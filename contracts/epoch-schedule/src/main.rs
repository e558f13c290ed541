//! Prints the program's interface as Solidity.

fn main() {
    epoch_schedule::print_from_args();
}
