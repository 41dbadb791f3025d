//! What a test sign-in at a connection says (O4). It signs nobody in.

use super::arrive::Asserted;
use super::{Attempt, Connection, Domain, domains_of, setup};
use crate::app::App;
use crate::domain::access::{Capability, Person};
use crate::domain::organizations;
use crate::domain::sessions;
use crate::domain::users;
use crate::domain::values::Email;
use crate::oidc::Claims;

/// What would come of a sign-in with the claims of a test.
#[derive(Debug)]
pub struct Trial {
    pub connection: Connection,
    pub organization: organizations::Organization,
    pub email: Option<String>,
    pub verified: bool,
    /// The connection's domain that the email is on.
    pub domain: Option<Domain>,
    /// Whether the domain admits newcomers and links accounts.
    pub vouched: bool,
    /// Whether the provider says that it asked for more than one factor.
    pub multi_factor: bool,
}

impl Trial {
    /// Whether people like this one come in who are linked already.
    pub fn answers(&self) -> bool {
        self.verified && self.domain.is_some()
    }

    /// Whether anybody like this one would come in: then the test counts for requiring single sign-on (O4). Over a
    /// domain that is not proven it does not: requiring it would lock out whoever is not linked yet.
    pub fn works(&self) -> bool {
        self.answers() && self.vouched
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Another session's, or of whoever may not manage it any more.
    #[error("This test was begun in another session, or what it is about has changed. Begin it again.")]
    Foreign,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Judges what a test sign-in has brought back, for the session that began it, and notes in that session that it
/// worked, if it did.
pub async fn judge_trial(
    app: &App,
    person: Option<&Person>,
    attempt: &Attempt,
    claims: &Claims,
) -> Result<Trial, TrialError> {
    let (Some(person), Some(connection)) = (person, &attempt.connection) else {
        return Err(TrialError::Foreign);
    };
    if attempt.session != Some(person.session) {
        return Err(TrialError::Foreign);
    }
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let member = users::member_of(&mut tx, connection.organization, person.user).await?;
    let organization = organizations::by_id(&mut tx, connection.organization).await?;
    let may =
        member.is_some_and(|member| member.is_active(now) && member.role.may(Capability::ManageSettings));
    if !may || !organization.is_open() {
        return Err(TrialError::Foreign);
    }
    let on_domain = claims.email.as_deref().and_then(|email| email.parse::<Email>().ok());
    let on_domain = on_domain.map(|email| email.domain().to_ascii_lowercase());
    let domains = domains_of(&mut tx, connection.organization).await?;
    let domain = domains
        .into_iter()
        .find(|domain| domain.connection == connection.id && Some(&domain.domain) == on_domain.as_ref());
    let trial = Trial {
        verified: Asserted::by(connection, claims).is_ok_and(|asserted| asserted.verified),
        vouched: domain.as_ref().is_some_and(|domain| domain.vouches(now)),
        multi_factor: claims.multi_factor(),
        email: claims.email.clone(),
        connection: connection.clone(),
        organization,
        domain,
    };
    if trial.answers() {
        if trial.works() {
            sessions::note_test(&mut tx, person.session, connection.id, now).await?;
        }
        setup::clear_problem(&mut tx, connection.id).await?;
        tx.commit().await?;
    }
    Ok(trial)
}
