//! Prints the interface of the program.

fn main() {
    token::print_abi();
}
