//! Prints the interface of the program.

fn main() {
    puppet::print_abi();
}
