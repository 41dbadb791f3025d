use crate::clock::Timestamp;
use crate::domain::api_keys::Kind;
use crate::ids::{ApiKeyId, OrganizationId, UserId};
use crate::storage::{Lends, fetch_all, fetch_one};

pub(super) async fn personal(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<(ApiKeyId, Kind, String, String)>> {
    fetch_all!(
        on,
        (ApiKeyId, Kind, String, String),
        "select id, kind, name, shown from api_keys where organization = $1 and owner = $2 and parent is null \
         and revoked_at is null and (expires_at is null or expires_at > $3) order by created_at, id",
        organization,
        user,
        now
    )
}

pub(super) async fn live_made_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from api_keys where organization = $1 and kind = 'live' and created_by = $2 \
         and parent is null and revoked_at is null and (expires_at is null or expires_at > $3)",
        organization,
        user,
        now
    )?;
    Ok(count)
}
