//! Who may do what: roles as sets of capabilities, in one table (R).

mod actor;
mod table;

pub(crate) use self::actor::sample_person;
pub use self::actor::{Actor, Denied, Factors, Operator, Origin, Person, STEP_UP_AGE, StepUpNeeded};
pub use self::table::{Capability, Extent, Role, RowOfTable, TABLE};
