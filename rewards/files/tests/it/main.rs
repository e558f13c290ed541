//! Files: the same epoch in every format, everything that can be wrong with a file, and results that are whole or not there.

mod damage;
mod epochs;
mod fixture;
mod folders;
mod formats;
mod fuzz;
mod malformed;
mod tables;
