//! Prints the interface of the program.

fn main() {
    odd_token::print_abi();
}
