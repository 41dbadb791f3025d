//! Signing in by a passkey alone (S1, S11): no address is typed, and no second factor is missing.

use super::{Cookies, mails};
use crate::app::App;
use crate::domain::access::Origin;
use crate::domain::factors::{self, Answered, FactorError, Posed};
use crate::domain::sessions::{self, Device, Opened};
use crate::domain::users;

/// Asks whoever is on the sign-in page for a passkey. It says nothing of who has one.
pub async fn pose(app: &App, origin: &Origin) -> Result<Posed, FactorError> {
    factors::pose_to_anyone(app, &origin.network()).await
}

/// Opens a session for whoever has the passkey, and counts how that went.
pub async fn with_passkey(
    app: &App,
    answered: Answered<'_>,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Opened, FactorError> {
    let result = try_passkey(app, answered, device, origin, cookies).await;
    let word = match &result {
        Ok(_) => "signed_in",
        Err(FactorError::Database(_)) => "failed",
        Err(_) => "passkey_wrong",
    };
    app.metrics.sign_ins.with_label_values(&[word]).inc();
    result
}

async fn try_passkey(
    app: &App,
    answered: Answered<'_>,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Opened, FactorError> {
    let (mut taken, user) = factors::take_from_anyone(app, answered).await?;
    let (proof, now) = (taken.proof(), taken.now());
    let user = users::hold(&mut taken, user).await?.ok_or(FactorError::Refused)?;
    if let Some(old) = cookies.old {
        sessions::end_replaced(&mut taken, old, now).await?;
    }
    let known = mails::is_known(&mut taken, user.id, device, now).await?;
    let opened = sessions::open(&mut taken, &user, cookies.new, device, &[proof], now).await?;
    if !known {
        mails::queue_new_device(app, &mut taken, &user.email, device, now).await?;
    }
    taken.commit().await?;
    tracing::info!(request = origin.request, user = %user.id, ?opened, "signed in by a passkey");
    Ok(opened)
}
