//! A person's own Google account, and what is linked to an account.

use super::{Arrival, nothing};
use crate::web::error::Result;

pub(super) async fn arrive(arrival: Arrival<'_>) -> Result {
    let _ = (&arrival.app, &arrival.headers, &arrival.visitor, &arrival.cookie, &arrival.claims);
    let _ = arrival.device();
    Ok(nothing())
}
