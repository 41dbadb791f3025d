//! Another organization, made by somebody who has an account.

use crate::app::App;
use crate::config;
use crate::domain::access::{Person, Role};
use crate::domain::organizations::{self, Organization};
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users;
use crate::domain::values::OrganizationName;

#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    #[error("Sign-up is closed here: whoever runs this server adds organizations.")]
    Closed,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for FoundError {
    fn from(error: SpendError) -> FoundError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// Makes an organization whose Owner the person is. Closing sign-up ends this too (S2).
pub async fn found_another(
    app: &App,
    person: &Person,
    name: &OrganizationName,
) -> Result<Organization, FoundError> {
    if app.config.sign_up == config::SignUp::Closed {
        return Err(FoundError::Closed);
    }
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    throttle::spend(&mut change, now, throttle::NEW_ORGANIZATION, &person.user.to_string()).await?;
    let user = users::by_id(&mut change, person.user).await?.ok_or(sqlx::Error::RowNotFound)?;
    let organization = organizations::create(&mut change, &person.operator(), name).await?;
    let joining = users::Joining { role: Role::Owner, ends_at: None, invited_by: None };
    users::join(&mut change, organization.id, &user, joining).await?;
    change.commit().await?;
    Ok(organization)
}
