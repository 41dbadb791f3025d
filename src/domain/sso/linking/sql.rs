use crate::clock::Timestamp;
use crate::ids::{ConnectionId, UserId};
use crate::storage::{Lends, fetch_all};

/// The connections that a person is known at, and those that they could link, with their organizations' names.
pub(super) async fn connections_to_show(
    on: &mut impl Lends,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<(ConnectionId, String)>> {
    fetch_all!(
        on,
        (ConnectionId, String),
        "select c.id, o.name from connections c join organizations o on o.id = c.organization \
         where o.erased_at is null and (exists (select 1 from identities i where i.connection = c.id \
         and i.user_id = $1) or (c.enabled and o.closed_at is null and exists (select 1 from memberships m \
         where m.organization = c.organization and m.user_id = $1 and m.state = 'active' \
         and (m.ends_at is null or m.ends_at > $2)))) order by o.name, o.id, c.created_at, c.id",
        user,
        now
    )
}
