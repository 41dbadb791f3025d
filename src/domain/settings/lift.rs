//! Opening an organization to whoever is locked out of it (O4): by the sysadmin alone.

use super::mails;
use crate::app::App;
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::{self, MfaRule, Policy};
use crate::domain::{sso, users};
use crate::ids::OrganizationId;
use crate::mail;

/// Which requirements are lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifted {
    pub sso: bool,
    pub mfa: bool,
}

/// Lifts what is asked for of these. Gives what was lifted: what was required. The Owners are told.
pub async fn lift(app: &App, id: OrganizationId, operator: &Operator, asked: Lifted) -> sqlx::Result<Lifted> {
    let mut change = app.db.change(id).await?;
    let organization = organizations::by_id(&mut change, id).await?;
    let before = organization.policy;
    let sso = asked.sso && sso::lift(app, &mut change, &organization, operator).await?;
    let mfa = asked.mfa && before.mfa != MfaRule::Optional;
    if mfa {
        let after =
            Policy { mfa: MfaRule::Optional, mfa_from: None, mfa_before: MfaRule::Optional, ..before };
        organizations::set_mfa(&mut change, id, &after, 0).await?;
        users::unmark_for_mfa_mail(&mut change, id).await?;
        let entry = Entry::new(Kind::SecurityChanged, id, &organization.name).changed(
            "multi-factor authentication",
            "required",
            "optional",
        );
        audit::record(&mut change, id, operator, entry).await?;
        for (_, owner) in users::owners(&mut change, id).await? {
            let message = mails::mfa_lifted(app, owner, &organization, &operator.name);
            mail::queue(&mut change, app, Some(id), &message).await?;
        }
    }
    change.commit().await?;
    Ok(Lifted { sso, mfa })
}
