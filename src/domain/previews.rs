//! One of each kind of mail, with data that nobody has: to look at, and for the tests to check.

use super::{account, invitations, recovery, sign_up};
use crate::app::App;
use crate::mail::Message;

/// Every kind of mail, in the order of their features.
pub fn all(app: &App) -> Vec<Message> {
    [account::samples(app), recovery::samples(app), sign_up::samples(app), invitations::samples(app)].concat()
}
