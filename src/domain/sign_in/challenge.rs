//! The challenge: a half-finished sign-in becomes a session by a factor (S11).

use super::mails;
use crate::app::App;
use crate::domain::access::{Operator, Origin};
use crate::domain::factors::{self, FactorError, Typed};
use crate::domain::sessions::{self, Device, Half};
use crate::domain::users;
use crate::secrets::TokenHash;

/// A sign-in that is whole.
#[derive(Debug)]
pub struct Finished {
    /// Whether the browser is remembered by the cookie that it was to be.
    pub remembered: bool,
}

/// Makes a session of a half-finished sign-in for whoever types a code or a recovery code, under a cookie
/// of its own. `remember` holds the cookie of a browser that is to be remembered.
pub async fn finish(
    app: &App,
    (half, old): (&Half, &TokenHash),
    typed: Typed<'_>,
    device: &Device,
    origin: &Origin,
    new: &TokenHash,
    remember: Option<&TokenHash>,
) -> Result<Finished, FactorError> {
    let result = try_finish(app, (half, old), typed, device, origin, new, remember).await;
    let word = match &result {
        Ok(_) => "signed_in",
        Err(FactorError::Throttled(_)) => "factor_throttled",
        Err(FactorError::Database(_)) => "failed",
        Err(_) => "factor_wrong",
    };
    app.metrics.sign_ins.with_label_values(&[word]).inc();
    result
}

async fn try_finish(
    app: &App,
    (half, old): (&Half, &TokenHash),
    typed: Typed<'_>,
    device: &Device,
    origin: &Origin,
    new: &TokenHash,
    remember: Option<&TokenHash>,
) -> Result<Finished, FactorError> {
    let user = users::by_id(&mut app.db.read().await?, half.user).await?.ok_or(FactorError::SignedOut)?;
    let operator = Operator { user: Some(user.id), name: user.name.clone(), origin: origin.clone() };
    let mut taken = factors::take(app, user.id, &operator, typed).await?;
    let now = taken.now();
    let proof = taken.proof();
    let on = &mut taken;
    // Locks are taken in this order everywhere: the user first.
    users::hold(on, user.id).await?;
    let known = mails::is_known(on, user.id, device, now).await?;
    if !sessions::finish(on, half, old, proof, new, device, now).await? {
        return Err(FactorError::SignedOut);
    }
    let remembered = match remember {
        Some(cookie) => factors::remember(on, user.id, cookie, device, now).await?,
        None => false,
    };
    if !known {
        mails::queue_new_device(app, on, &user.email, device, now).await?;
    }
    taken.commit().await?;
    tracing::info!(request = origin.request, user = %user.id, ?proof, "signed in by a factor");
    Ok(Finished { remembered })
}
