//! Prints the interface of the program.

fn main() {
    exchange::print_abi();
}
