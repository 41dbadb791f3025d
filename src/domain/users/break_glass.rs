//! Who comes in by password and factor though single sign-on is required (O4): naming them, and what is said of it.

use super::members::{Member, MemberState, mail_of_owners, member_of};
use super::sql;
use crate::app::App;
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::{self, Organization};
use crate::ids::{OrganizationId, UserId};
use crate::mail::{self, Message};
use crate::storage::Change;

/// What becomes of somebody's break-glass access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BreakGlass {
    Given,
    Taken,
    /// It went with their last factor.
    Lost,
}

/// Gives a member break-glass access, or takes it, with its audit row, and tells the Owners. The rule is the
/// caller's.
pub(crate) async fn name_break_glass(
    app: &App,
    change: &mut Change,
    organization: OrganizationId,
    member: &Member,
    access: BreakGlass,
    operator: &Operator,
) -> sqlx::Result<()> {
    let named = access == BreakGlass::Given;
    sql::set_break_glass(change, organization, member.user_id, named).await?;
    let word = |named: bool| if named { "yes" } else { "no" };
    let entry = Entry::new(Kind::BreakGlassNamed, member.user_id, &member.name).changed(
        "break-glass access",
        word(!named),
        word(named),
    );
    audit::record(change, organization, operator, entry).await?;
    let organization = organizations::by_id(change, organization).await?;
    for owner in mail_of_owners(change, organization.id).await? {
        let message = mail(app, &owner, &organization, member, access, &operator.name);
        mail::queue(change, app, Some(organization.id), &message).await?;
    }
    Ok(())
}

/// Takes it from a person in all their organizations, which the change holds, when their last factor goes: it was
/// given to somebody who had one, and a new one that whoever knows the password sets up must not bring it back.
pub(crate) async fn end_break_glass(
    app: &App,
    change: &mut Change,
    user: UserId,
    operator: &Operator,
) -> sqlx::Result<()> {
    for organization in change.organizations().to_vec() {
        let member = member_of(change, organization, user).await?;
        let named = |member: &Member| member.break_glass && member.state != MemberState::Removed;
        if let Some(member) = member.filter(named) {
            name_break_glass(app, change, organization, &member, BreakGlass::Lost, operator).await?;
        }
    }
    Ok(())
}

fn mail(
    app: &App,
    to: &str,
    organization: &Organization,
    member: &Member,
    access: BreakGlass,
    by: &str,
) -> Message {
    let (name, person) = (&organization.name, &member.name);
    let no_longer = format!("{person} no longer has break-glass access to {name}");
    let (subject, text) = match access {
        BreakGlass::Given => (
            format!("{person} has break-glass access to {name}"),
            format!(
                "{by} gave {person} ({}) break-glass access to {name}: where single sign-on is required, they come in \
                 by password and factor all the same. Each time that happens you get a mail.",
                member.email
            ),
        ),
        BreakGlass::Taken => {
            (no_longer, format!("{by} took break-glass access to {name} from {person} ({}).", member.email))
        }
        BreakGlass::Lost => (
            no_longer,
            format!(
                "The last factor of {person} ({}) was removed, by {by}, and with it went their break-glass access to \
                 {name}. An Owner can give it again, once they have a factor.",
                member.email
            ),
        ),
    };
    Message {
        kind: "break_glass_named",
        to: to.to_owned(),
        heading: subject.clone(),
        subject,
        paragraphs: vec![text],
        quote: None,
        action: Some((
            "See the settings".to_owned(),
            app.url(&format!("/o/{}/settings/sso", organization.slug)),
        )),
        code: None,
        footer: "You get this mail because you are an Owner.".to_owned(),
    }
}

/// For the previews.
pub(super) fn sample(app: &App) -> Message {
    let (organization, (_, member)) = (organizations::sample(), super::sample(app.db.now()));
    mail(app, "sefa@halden.example", &organization, &member, BreakGlass::Given, "Amara Okafor")
}
