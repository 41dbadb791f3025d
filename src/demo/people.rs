//! Organizations, invitations, accounts and memberships.

use super::cast::{HALDEN, NORDLICHT, Part};
use super::stage::{Result, Stage, cookie, day, device, password};
use crate::clock::{DAY, HOUR, Timestamp};
use crate::domain::access::Role;
use crate::domain::access::Role::{Admin, Auditor, Developer, Member, Owner, Reviewer};
use crate::domain::account;
use crate::domain::invitations::{self, Fate, Invitee, NewAccount, Terms};
use crate::domain::leaving;
use crate::domain::settings;
use crate::domain::sign_in::Cookies;
use crate::domain::sign_up::{self, NewSignUp};
use crate::domain::users;
use crate::domain::values::{Day, TimeZone};

pub const FREIGHT: &str = "Halden Freight";
/// Called so when it was founded; by now it is the Nordlicht Reederei.
pub const NORDLICHT_LINIE: &str = "Nordlicht Linie";

/// An address with a slip in it: its invite's mail comes back.
pub const NO_MAILBOX: [&str; 1] = ["lars.eriksen@haldn.example"];

pub enum Act {
    Found {
        organization: &'static str,
        by: &'static Part,
        email: String,
    },
    Invite {
        organization: &'static str,
        by: &'static str,
        email: String,
        role: Role,
        note: &'static str,
    },
    /// With a new account.
    Accept {
        email: String,
        key: &'static str,
        name: &'static str,
    },
    /// As who they are already.
    Join {
        email: String,
        key: &'static str,
    },
    Resend {
        by: &'static str,
        email: &'static str,
    },
    CopyLink {
        by: &'static str,
        email: &'static str,
    },
    Revoke {
        by: &'static str,
        email: &'static str,
    },
    ChangeRole {
        by: &'static str,
        who: &'static str,
        role: Role,
    },
    Suspend {
        by: &'static str,
        who: &'static str,
    },
    Reactivate {
        by: &'static str,
        who: &'static str,
    },
    SignOut {
        by: &'static str,
        who: &'static str,
    },
    Remove {
        by: &'static str,
        who: &'static str,
    },
    Rename {
        who: &'static str,
        name: &'static str,
    },
    /// The last day of a membership.
    EndAfter {
        by: &'static str,
        who: &'static str,
        last: Day,
    },
    RenameOrganization {
        organization: &'static str,
        by: &'static str,
        name: &'static str,
        slug: &'static str,
    },
}

type Script = Vec<(Timestamp, Act)>;

pub fn script(end: Timestamp) -> Script {
    let mut script = joining(end);
    script.extend(nordlicht(end));
    script.extend(changes(end));
    script.extend(pending(end));
    script
}

fn address(key: &str) -> String {
    format!("{key}@halden.example")
}

/// The founder, and everyone who was invited and came: most in the first weeks, a few every week since.
fn joining(end: Timestamp) -> Script {
    let [founder, others @ ..] = &HALDEN;
    let founding = Act::Found { organization: FREIGHT, by: founder, email: address(founder.key) };
    let mut script = vec![(day(end, 91, 8, 12), founding)];
    for (number, part) in (0_i64..).zip(others) {
        let days_ago = if number < 38 { 89 - number / 2 } else { 68 - (number - 38) * 68 / 24 };
        let at = day(end, days_ago.max(2), 7 + number * 3 % 9, number * 17 % 60);
        let note = match number % 9 {
            3 => "Welcome aboard. Your first shift is on the harbour desk.",
            7 => "You asked for the customs tools: they are behind this.",
            _ => "",
        };
        let by = inviter(number);
        let email = address(part.key);
        script.push((
            at,
            Act::Invite { organization: FREIGHT, by, email: email.clone(), role: part.role, note },
        ));
        let after = (1 + number * 7 % 23) * HOUR;
        script.push((at.plus(after), Act::Accept { email, key: part.key, name: part.name }));
    }
    script
}

/// Admins do the inviting, once there are some.
fn inviter(number: i64) -> &'static str {
    match number {
        0..10 => "amara.okafor",
        _ => ["ingrid.solberg", "amara.okafor", "aiko.tanaka", "ingrid.solberg", "viktor.hansen"]
            [usize::try_from(number % 5).unwrap_or(0)],
    }
}

fn nordlicht(end: Timestamp) -> Script {
    let [founder, others @ ..] = &NORDLICHT;
    let address = |key: &str| format!("{key}@nordlicht.example");
    let founding = Act::Found { organization: NORDLICHT_LINIE, by: founder, email: address(founder.key) };
    let mut script = vec![(day(end, 41, 9, 30), founding)];
    for (number, part) in (0_i64..).zip(others) {
        let at = day(end, 40 - number * 3, 10, number * 13);
        let email = address(part.key);
        let (organization, by, role, note) = (NORDLICHT_LINIE, founder.key, part.role, "");
        script.push((at, Act::Invite { organization, by, email: email.clone(), role, note }));
        script.push((at.plus(4 * HOUR), Act::Accept { email, key: part.key, name: part.name }));
    }
    let (email, note) = (self::address("amara.okafor"), "For the joint quay in Rostock.");
    let (by, key) = (founder.key, "amara.okafor");
    let invite = Act::Invite { organization: NORDLICHT_LINIE, by, email: email.clone(), role: Member, note };
    script.push((day(end, 30, 11, 5), invite));
    script.push((day(end, 30, 15, 40), Act::Join { email, key }));
    let (organization, name, slug) = (NORDLICHT_LINIE, "Nordlicht Reederei", "nordlicht-reederei");
    script.push((day(end, 19, 10, 20), Act::RenameOrganization { organization, by, name, slug }));
    script
}

/// What changed for those who were there.
fn changes(end: Timestamp) -> Script {
    let at = |days_ago, hour, minute| day(end, days_ago, hour, minute);
    let (amara, ingrid, aiko) = ("amara.okafor", "ingrid.solberg", "aiko.tanaka");
    let role = |by, who, role| Act::ChangeRole { by, who, role };
    let last = |days| Day::of(end.plus(days * DAY), &TimeZone::utc());
    vec![
        (at(76, 9, 2), role(amara, "henrik.dahl", Owner)),
        (at(74, 13, 30), role(ingrid, "olafur.jonsson", Developer)),
        (at(71, 10, 10), role(ingrid, "olafur.jonsson", Member)),
        (at(66, 8, 44), Act::Suspend { by: ingrid, who: "jurgen.weiss" }),
        (at(63, 15, 21), role(aiko, "bjorn.akesson", Reviewer)),
        (at(61, 16, 5), Act::Rename { who: "liisa.makinen", name: "Liisa Mäkinen-Virtanen" }),
        (at(59, 9, 50), Act::Reactivate { by: amara, who: "jurgen.weiss" }),
        (at(55, 11, 15), Act::SignOut { by: ingrid, who: "tomas.dvorak" }),
        (at(52, 14, 0), Act::Remove { by: amara, who: "stefan.ionescu" }),
        (at(47, 9, 9), role(amara, "mateusz.kowalczyk", Developer)),
        (at(44, 10, 31), Act::Suspend { by: aiko, who: "sione.taufa" }),
        (at(38, 12, 48), role(amara, "mateusz.kowalczyk", Admin)),
        (at(33, 8, 20), role(ingrid, "cagla.yildiz", Developer)),
        (at(29, 17, 2), Act::Rename { who: "grete.sorensen", name: "Grete Sørensen Lie" }),
        (at(26, 9, 35), Act::Suspend { by: amara, who: "francois.lefevre" }),
        (at(24, 13, 13), role(aiko, "mads.holm", Member)),
        (at(21, 10, 0), Act::Remove { by: ingrid, who: "giulia.ferri" }),
        (at(18, 15, 45), Act::Reactivate { by: aiko, who: "sione.taufa" }),
        (at(16, 11, 11), Act::SignOut { by: amara, who: "seoyeon.kim" }),
        (at(13, 9, 26), role(ingrid, "reka.szabo", Developer)),
        (at(10, 16, 38), Act::Suspend { by: ingrid, who: "dorde.petrovic" }),
        // The auditors' review is over soon, and a contractor's month in a few days.
        (at(9, 9, 40), Act::EndAfter { by: amara, who: "nandi.dlamini", last: last(12) }),
        (at(8, 8, 55), role(aiko, "noa.cohen", Reviewer)),
        (at(4, 17, 30), Act::Remove { by: amara, who: "viktor.hansen" }),
        (at(3, 10, 17), Act::Suspend { by: amara, who: "batbayar.enkh" }),
        (at(3, 13, 5), Act::EndAfter { by: ingrid, who: "dj.whitfield", last: last(3) }),
        (at(1, 14, 52), role(ingrid, "leila.hosseini", Developer)),
    ]
}

/// Invitations of every kind that the page of pending invites can show, and some that it no longer does.
fn pending(end: Timestamp) -> Script {
    let at = |days_ago, hour, minute| day(end, days_ago, hour, minute);
    let ago = |hours: i64| end.plus(-hours * HOUR);
    let invite = |by, email: &str, role, note| Act::Invite {
        organization: FREIGHT,
        by,
        email: email.to_owned(),
        role,
        note,
    };
    let (amara, ingrid, aiko, viktor) = ("amara.okafor", "ingrid.solberg", "aiko.tanaka", "viktor.hansen");
    vec![
        (at(58, 9, 0), invite(ingrid, "temp.desk@halden.example", Member, "")),
        (at(57, 10, 0), Act::Revoke { by: ingrid, email: "temp.desk@halden.example" }),
        (at(36, 13, 0), invite(aiko, "oskar.nyman@halden.example", Developer, "")),
        (at(31, 8, 30), Act::Resend { by: aiko, email: "oskar.nyman@halden.example" }),
        (at(27, 8, 40), Act::Revoke { by: amara, email: "oskar.nyman@halden.example" }),
        // Expired.
        (at(17, 9, 15), invite(ingrid, "helmi.koskinen@halden.example", Member, "")),
        (
            at(12, 14, 25),
            invite(aiko, "pavel.horak@halden.example", Developer, "Sandbox access for the ferry API."),
        ),
        // Soon.
        (ago(7 * 24 - 3), invite(amara, "soren.bak@halden.example", Member, "")),
        (ago(6 * 24 + 1), invite(ingrid, "imani.mwangi@halden.example", Reviewer, "On call from Monday.")),
        // Void: whoever sent it is gone.
        (at(5, 11, 5), invite(viktor, "petra.vogel@halden.example", Member, "")),
        // The mail came back.
        (ago(70), invite(ingrid, NO_MAILBOX[0], Member, "")),
        (ago(49), invite(amara, "audit@revisjon.example", Auditor, "For the yearly review of access.")),
        (ago(47), Act::Resend { by: ingrid, email: "imani.mwangi@halden.example" }),
        (ago(26), invite(aiko, "yusuf.demir@halden.example", Developer, "")),
        (ago(25), Act::CopyLink { by: aiko, email: "yusuf.demir@halden.example" }),
        (ago(2), invite(ingrid, "clara.fontaine@halden.example", Member, "See you on the first.")),
    ]
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    match act {
        Act::Found { organization, by, email } => found(stage, organization, by, &email).await,
        Act::Invite { organization, by, email, role, note } => {
            let organization = stage.organization(organization)?;
            let actor = stage.actor(by, organization).await?;
            let invitee = Invitee { email: email.parse()?, name: String::new() };
            let terms = Terms { role, note: note.parse()?, ends_at: None, teams: Vec::new(), notice: false };
            let invitation = invitations::invite(&stage.app, &actor, &invitee, &terms).await?;
            stage.invitations.insert(email, invitation.id);
            stage.mail().await
        }
        Act::Accept { email, key, name } => accept(stage, &email, key, name).await,
        Act::Join { email, key } => {
            let person = stage.person(key)?;
            invitations::accept_as(&stage.app, &stage.link(&email)?, &person).await?;
            Ok(())
        }
        Act::RenameOrganization { organization, by, name, slug } => {
            let organization = stage.organization(organization)?;
            let actor = stage.actor(by, organization).await?;
            settings::rename(&stage.app, &actor, &name.parse()?, Some(&slug.parse()?)).await?;
            Ok(())
        }
        act => change(stage, act).await,
    }
}

async fn found(stage: &mut Stage, organization: &'static str, by: &Part, email: &str) -> Result {
    let asked = NewSignUp {
        organization: Some(organization.parse()?),
        name: by.name.parse()?,
        email: email.parse()?,
        time_zone: TimeZone::utc(),
        next: None,
        password: stage.app.passwords.fit(password(), &[organization, by.name, email], 0).await??,
    };
    let (browser, new) = (cookie(), cookie());
    sign_up::start(&stage.app, &asked, &browser, "").await?;
    stage.mail().await?;
    let (token, origin) = (stage.link(email)?, stage.origin(by.key));
    let cookies = Cookies { new: &new, old: None, device: None };
    let device = device(0, by.key);
    let made = sign_up::confirm(&stage.app, &token, Some(&browser), "", &device, &origin, cookies).await?;
    let made = made.organization.ok_or("a sign-up that names an organization makes it")?;
    stage.founded(organization, made.id);
    remember(stage, email, by.key).await
}

async fn accept(stage: &mut Stage, email: &str, key: &str, name: &str) -> Result {
    let (token, origin, new) = (stage.link(email)?, stage.origin(key), cookie());
    let cookies = Cookies { new: &new, old: None, device: None };
    let device = device(name.len(), key);
    let name = name.parse()?;
    let account = NewAccount { name: &name, password: password(), time_zone: TimeZone::utc() };
    invitations::accept_new(&stage.app, &token, account, &device, &origin, cookies).await?;
    stage.invitations.remove(email);
    remember(stage, email, key).await
}

async fn remember(stage: &mut Stage, email: &str, key: &str) -> Result {
    let user = users::by_email(&mut stage.app.db.read().await?, email).await?;
    stage.arrived(key, user.ok_or_else(|| format!("{email} has no account"))?);
    Ok(())
}

/// An act of somebody in Halden Freight upon an invitation or a person.
async fn change(stage: &mut Stage, act: Act) -> Result {
    let freight = stage.organization(FREIGHT)?;
    let sent = |stage: &Stage, email: &str| stage.invitations.get(email).copied().ok_or("it is not pending");
    match act {
        Act::Resend { by, email } => {
            let (actor, id) = (stage.actor(by, freight).await?, sent(stage, email)?);
            invitations::resend(&stage.app, &actor, id).await?;
            stage.mail().await?;
        }
        Act::CopyLink { by, email } => {
            let (actor, id) = (stage.actor(by, freight).await?, sent(stage, email)?);
            invitations::copy_link(&stage.app, &actor, id).await?;
        }
        Act::Revoke { by, email } => {
            let (actor, id) = (stage.actor(by, freight).await?, sent(stage, email)?);
            invitations::revoke(&stage.app, &actor, id).await?;
        }
        Act::ChangeRole { by, who, role } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            users::change_role(&stage.app, &actor, user, role).await?;
        }
        Act::Suspend { by, who } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            users::suspend(&stage.app, &actor, user).await?;
        }
        Act::Reactivate { by, who } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            users::reactivate(&stage.app, &actor, user).await?;
        }
        Act::SignOut { by, who } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            users::sign_out_everywhere(&stage.app, &actor, user).await?;
        }
        Act::Remove { by, who } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            leaving::remove(&stage.app, &actor, user, Fate::Revoke, None).await?;
        }
        Act::EndAfter { by, who, last } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            users::change_end_date(&stage.app, &actor, user, Some(last)).await?;
        }
        Act::Rename { who, name } => {
            let person = stage.person(who)?;
            account::rename(&stage.app, &person, &name.parse()?).await?;
            let email = person.email;
            remember(stage, &email, who).await?;
        }
        Act::Found { .. }
        | Act::Invite { .. }
        | Act::Accept { .. }
        | Act::Join { .. }
        | Act::RenameOrganization { .. } => {}
    }
    Ok(())
}
