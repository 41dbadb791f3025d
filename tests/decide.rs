//! `decide()`, beside a reference that was written from the rules alone, and rule by rule.

mod cases;
mod random;
pub mod reference;
