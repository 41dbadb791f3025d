//! Browsers that are not asked for a factor again for a month: where every organization of a person allows
//! it. They are no factor: a step-up never takes one (S12).

use super::sql;
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::Person;
use crate::domain::sessions::Device;
use crate::domain::users;
use crate::ids::{DeviceId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Db, Lends, Tx};

/// How long a browser is remembered, and its cookie is kept.
pub const LIFE: i64 = 30 * DAY;

/// A remembered browser in its person's list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RememberedDevice {
    pub id: DeviceId,
    pub agent: String,
    pub address: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Whether the challenge may offer it.
pub async fn may_be_remembered(db: &Db, user: UserId) -> sqlx::Result<bool> {
    sql::may_be_remembered(&mut db.read().await?, user).await
}

/// Remembers a browser, if all of the person's organizations still allow it. Says whether it was done.
pub(crate) async fn remember(
    on: &mut impl Lends,
    user: UserId,
    token: &TokenHash,
    device: &Device,
    now: Timestamp,
) -> sqlx::Result<bool> {
    if !sql::may_be_remembered(on, user).await? {
        return Ok(false);
    }
    let until = now.plus(LIFE);
    let address = device.address.map(|address| address.to_string());
    sql::insert_device(on, user, token, &device.kept_agent(), address, now, until).await?;
    users::set_remembered_until(on, user, until).await?;
    Ok(true)
}

/// Whether a browser's cookie stands in for a factor of this person's now.
pub(crate) async fn is_recognized(
    on: &mut impl Lends,
    user: UserId,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<bool> {
    Ok(sql::use_device(on, user, token, now).await? && sql::may_be_remembered(on, user).await?)
}

/// Forgets one of a person's own browsers, or all of them.
pub async fn forget(app: &App, person: &Person, device: Option<DeviceId>) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    users::hold(&mut tx, person.user).await?;
    sql::drop_device(&mut tx, person.user, device).await?;
    let until = sql::remembered_until(&mut tx, person.user, now).await?.unwrap_or(Timestamp::ZERO);
    users::set_remembered_until(&mut tx, person.user, until).await?;
    tx.commit().await
}

/// Forgets all: whoever changes their password, or what they prove, begins anew.
pub(crate) async fn forget_all(on: &mut impl Lends, user: UserId) -> sqlx::Result<()> {
    sql::drop_device(on, user, None).await?;
    users::set_remembered_until(on, user, Timestamp::ZERO).await
}

pub(super) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let now = tx.now();
    sql::drop_expired_devices(tx, now).await
}
