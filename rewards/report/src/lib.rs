pub mod gather;
pub mod report;
