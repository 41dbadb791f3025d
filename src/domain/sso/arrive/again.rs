//! A way back from an organization's own provider that proves once more who somebody is (S12).

use super::judge::{Asserted, Refusal, Standing, Who, judge};
use super::{Found, connections};
use crate::clock::Timestamp;
use crate::domain::access::Person;
use crate::domain::organizations;
use crate::domain::sessions::Vouched;
use crate::domain::sso::step_up::ProveError;
use crate::ids::ConnectionId;
use crate::oidc::Claims;
use crate::storage::Lends;

/// What the provider vouches for, by the rule of a sign-in (O2): the proof opens the same organization, so whoever
/// would not be let in now gets none. It links nobody and joins nobody: it is for a member whom the provider knows.
pub(in crate::domain::sso) async fn vouches_again(
    on: &mut impl Lends,
    person: &Person,
    id: ConnectionId,
    claims: &Claims,
    now: Timestamp,
) -> Result<Vouched, ProveError> {
    let connection = connections::connection(on, id).await?.filter(|connection| connection.enabled);
    let connection = connection.ok_or(Refusal::Disconnected)?;
    let organization = organizations::by_id(on, connection.organization).await?;
    let asserted = Asserted::by(&connection, claims)?;
    let found = Found::read(on, &connection, &asserted).await?;
    if found.known.as_ref().is_none_or(|known| known.id != person.user) {
        return Err(ProveError::NotYou);
    }
    match judge(&asserted, &found.facts(now, &organization, &connection, false))? {
        (Who::Known, Standing::Member) => {}
        _ => return Err(ProveError::NotYou),
    }
    Ok(Vouched { connection: id, multi_factor: connection.enforces_mfa && claims.multi_factor() })
}
