//! One of each kind of mail, with data that nobody has: to look at, and for the tests to check.

use super::{
    account, api_keys, email_change, factors, invitations, leaving, recovery, resources, settings, sign_in,
    sign_up, sso, users,
};
use crate::app::App;
use crate::mail::Message;

/// Every kind of mail, in the order of their features.
pub fn all(app: &App) -> Vec<Message> {
    [
        users::samples(app),
        resources::asking::samples(app),
        api_keys::samples(app),
        factors::samples(app),
        account::samples(app),
        sign_in::samples(app),
        recovery::samples(app),
        sign_up::samples(app),
        email_change::samples(app),
        invitations::samples(app),
        leaving::samples(app),
        sso::samples(app),
        settings::samples(app),
        resources::editing::samples(app),
    ]
    .concat()
}
