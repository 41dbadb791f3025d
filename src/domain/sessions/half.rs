//! Half-finished sign-ins: the first proof of a person with factors opens the challenge alone (S11).
//! They stand in a table and under a cookie of their own, so that no page can take one for a session.

use super::{Device, Given, ProofKind, sql, write};
use crate::app::App;
use crate::clock::{DAY, MINUTE, Timestamp};
use crate::domain::access::Factors;
use crate::domain::resources;
use crate::ids::UserId;
use crate::secrets::TokenHash;
use crate::storage::{Lends, Tx};

/// How long the challenge stays open, and its cookie is kept.
pub const LIFE: i64 = 10 * MINUTE;

/// A sign-in that waits for a factor.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Half {
    pub user: UserId,
    #[sqlx(flatten)]
    pub factors: Factors,
    proof: ProofKind,
    /// The connection whose provider gave it; empty for a proof of the person's own.
    connection: String,
    proven_at: Timestamp,
}

/// The half-finished sign-in behind a cookie. Unknown, ended and outlived ones look alike, and so does one by a
/// connection that was switched off meanwhile.
pub async fn half(on: &mut impl Lends, token: &TokenHash, now: Timestamp) -> sqlx::Result<Option<Half>> {
    sql::half(on, token, now.plus(-LIFE)).await
}

pub(super) async fn insert(
    on: &mut impl Lends,
    user: UserId,
    token: &TokenHash,
    proof: Given,
    now: Timestamp,
) -> sqlx::Result<()> {
    sql::insert_half(on, token, user, proof, now).await
}

/// Makes a session of a half-finished sign-in, once: whoever answers at the same moment finds none. The
/// first proof keeps its own time. It is looked at once more: its connection may have been switched off while the
/// factor was looked at.
pub(crate) async fn finish(
    on: &mut impl Lends,
    half: &Half,
    old: &TokenHash,
    factor: ProofKind,
    new: &TokenHash,
    device: &Device,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let counts = self::half(on, old, now).await?.is_some();
    if !counts || !sql::end_half(on, old, now).await? {
        return Ok(false);
    }
    let first = Given { kind: half.proof, connection: half.connection.parse().ok() };
    let proofs = [(first, half.proven_at), (factor.into(), now)];
    write(on, half.user, new, device, &proofs, now).await?;
    resources::bind_own_entries(on, half.user).await?;
    Ok(true)
}

pub(super) async fn end_all(on: &mut impl Lends, user: UserId, now: Timestamp) -> sqlx::Result<()> {
    sql::end_halves(on, user, now).await
}

/// Ends the one behind a cookie: signing out.
pub async fn end(app: &App, token: &TokenHash) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::end_half(&mut tx, token, now).await?;
    tx.commit().await
}

pub(super) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-DAY);
    sql::drop_halves(tx, before).await
}
