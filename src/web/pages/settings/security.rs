//! Settings → Security: which factors the organization asks for, how long sessions open it, and who changed
//! that when.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::app::Shared;
use crate::domain::access::{Capability, StepUpNeeded};
use crate::domain::audit::{self as audit_log, Filter, Kind};
use crate::domain::organizations::{MfaRule, Policy};
use crate::domain::settings::{self, MfaPreview, SecurityError, SessionRules};
use crate::domain::users::{self, Lacking};
use crate::domain::values::Day;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::audit;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

/// How many of those whom a rule interrupts are named.
const NAMED: i64 = 50;
/// How many changes the page shows.
const CHANGES: usize = 10;

#[derive(Template)]
#[template(path = "settings/security.html")]
struct Page {
    chrome: Chrome,
    general: String,
    mfa: MfaPanel,
    sessions: SessionsPanel,
    changes: Option<Changes>,
}

/// The panel with the rule, as the page and its fragment show it.
struct MfaPanel {
    path: String,
    required: bool,
    rule: MfaRule,
    dated: bool,
    day: Field,
    first: Day,
    last: Day,
    /// What the actor misses to require it, and the way to have it.
    missing: Option<Missing>,
    standing: Standing,
}

/// Why the actor may not require a factor yet, in a sentence, and where to go.
struct Missing {
    text: String,
    label: &'static str,
    path: String,
}

/// Who meets the rule that is set, and who does not.
struct Standing {
    summary: String,
    /// Of a rule that is set: how many lack it, and since or until when.
    lacking: Option<String>,
    until: String,
    rule: MfaRule,
    users: String,
    mails: String,
}

struct SessionsPanel {
    path: String,
    idle: Field,
    absolute: Field,
    remembers: bool,
    shortest: i64,
}

struct Changes {
    rows: Vec<audit::Row>,
    all: String,
}

#[derive(Template)]
#[template(path = "settings/_mfa.html")]
struct MfaFragment {
    mfa: MfaPanel,
}

#[derive(Template)]
#[template(path = "settings/_sessions.html")]
struct SessionsFragment {
    sessions: SessionsPanel,
}

/// The rule's form: as it is typed, and as it goes on from page to page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MfaTyped {
    required: String,
    factors: String,
    when: String,
    day: String,
    confirmed: String,
}

/// What no form of ours sends.
const NO_FACTORS: Error = Error::Unfit("Choose which factors count: any, or passkeys only.");
const NO_LENGTH: Error = Error::Unfit("Choose one of the lengths on the list.");

impl MfaTyped {
    fn rule(&self) -> Result<MfaRule> {
        match (self.required.as_str(), self.factors.as_str()) {
            ("", _) => Ok(MfaRule::Optional),
            ("yes", "any") => Ok(MfaRule::Any),
            ("yes", "passkey") => Ok(MfaRule::Passkey),
            _ => Err(NO_FACTORS),
        }
    }

    /// The day from which the rule is to hold; none for now. What is no day is noted beside it.
    fn begins(&self, day: &mut Field) -> Result<Option<Option<Day>>> {
        match self.when.as_str() {
            _ if self.required.is_empty() => Ok(Some(None)),
            "now" => Ok(Some(None)),
            "date" => Ok(day.parse::<Day>().map(Some)),
            _ => Err(Error::Unfit("Choose from when it holds: now, or from a day.")),
        }
    }

    /// What goes on to the next page, for a form or an address.
    fn fields(&self) -> [(&'static str, &str); 4] {
        let MfaTyped { required, factors, when, day, .. } = self;
        [("required", required), ("factors", factors), ("when", when), ("day", day)]
    }

    fn address(&self, path: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.fields());
        format!("{path}?{}", query.finish())
    }

    /// The form as it is posted by who has confirmed it.
    fn confirmed(&self) -> Vec<(&'static str, &str)> {
        self.fields().into_iter().chain([("confirmed", "yes")]).collect()
    }
}

/// The panel as the organization has it.
async fn mfa_panel(app: &Shared, inside: &Inside) -> Result<MfaPanel> {
    let (now, zone) = (app.db.now(), &inside.actor.person.time_zone);
    let policy = &inside.organization.policy;
    let grace = policy.grace_until(now);
    let is_set = policy.mfa != MfaRule::Optional;
    let rule = policy.mfa.max(MfaRule::Any);
    let standing = users::lacking(&mut app.db.read().await?, inside.organization.id, rule, now, 0).await?;
    let today = Day::of(now, zone);
    Ok(MfaPanel {
        path: inside.path("settings/security/mfa"),
        required: is_set,
        rule,
        dated: grace.is_some(),
        day: Field::new(grace.map(|from| Day::of(from, zone).to_string()).unwrap_or_default()),
        first: today.plus(1),
        last: today.plus(settings::LONGEST_GRACE),
        missing: (!inside.actor.person.factors.any()).then(|| missing(inside, &SecurityError::NoFactor)),
        standing: Standing {
            summary: summary(&standing, rule),
            lacking: (is_set && standing.without > 0).then(|| {
                let verb = if standing.without == 1 { "has" } else { "have" };
                format!("{} {verb} not set it up", html::people(standing.without))
            }),
            until: match grace {
                Some(from) => format!("From {} on they can’t open", inside.times(app).minute(from)),
                None => "Until they do, they can’t open".to_owned(),
            },
            rule,
            users: users_without(inside, rule),
            mails: inside.path("settings/security/mails"),
        },
    })
}

fn users_without(inside: &Inside, rule: MfaRule) -> String {
    let filter = if rule == MfaRule::Passkey { "no-passkey" } else { "none" };
    inside.path(&format!("users?status=active&factors={filter}"))
}

fn summary(standing: &Lacking, rule: MfaRule) -> String {
    let what = if rule == MfaRule::Passkey { "a passkey" } else { "a factor" };
    let all = standing.with + standing.without;
    format!("{} of {} with {what}.", html::number(standing.with), html::people(all))
}

fn missing(inside: &Inside, error: &SecurityError) -> Missing {
    let label = if matches!(error, SecurityError::NoPasskey) { "Add a passkey" } else { "Set it up" };
    let back = html::query_value(&inside.path("settings/security"));
    Missing { text: error.to_string(), label, path: format!("/account/mfa/enrol?next={back}") }
}

fn sessions_panel(inside: &Inside, policy: &Policy) -> SessionsPanel {
    SessionsPanel {
        path: inside.path("settings/security/sessions"),
        idle: Field::new(policy.session_idle.to_string()),
        absolute: Field::new(policy.session_absolute.to_string()),
        remembers: policy.remembers_devices,
        shortest: policy.shortest_password,
    }
}

impl SessionsPanel {
    /// What may be chosen for a length: as the form has it, in words, and whether it is the one.
    fn lengths(&self, field: &Field) -> Vec<(i64, String, bool)> {
        let choice =
            |length: i64| (length, Policy::length_in_words(length), length.to_string() == field.value);
        Policy::SESSION_LENGTHS.into_iter().map(choice).collect()
    }
}

async fn page(app: &Shared, inside: Inside, mfa: MfaPanel, sessions: SessionsPanel) -> Result<Page> {
    let changes = if inside.actor.role.may(Capability::ReadAudit) {
        let filter = Filter { kind: Some(Kind::SecurityChanged), ..Filter::default() };
        let rows = audit_log::list(&app.db, &inside.actor, &filter, CHANGES).await?.rows;
        let all = format!("{}?kind={}", inside.path("audit"), Kind::SecurityChanged.code());
        Some(Changes { rows: rows.into_iter().map(audit::in_words).collect(), all })
    } else {
        None
    };
    Ok(Page { general: inside.path("settings"), mfa, sessions, changes, chrome: inside.chrome })
}

pub async fn security(State(app): State<Shared>, inside: Inside) -> Result {
    let mfa = mfa_panel(&app, &inside).await?;
    let sessions = sessions_panel(&inside, &inside.organization.policy);
    Ok(html::page(&page(&app, inside, mfa, sessions).await?))
}

/// The panel with what was typed, and what is wrong with it.
async fn mfa_again(
    app: &Shared,
    inside: Inside,
    context: &Context,
    typed: &MfaTyped,
    day: Field,
    missing: Option<Missing>,
) -> Result {
    let mfa = MfaPanel {
        required: !typed.required.is_empty(),
        rule: typed.rule()?.max(MfaRule::Any),
        dated: typed.when == "date",
        day,
        missing,
        ..mfa_panel(app, &inside).await?
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if context.fragment {
        return Ok(html::page_with(status, &MfaFragment { mfa }));
    }
    let sessions = sessions_panel(&inside, &inside.organization.policy);
    Ok(html::page_with(status, &page(app, inside, mfa, sessions).await?))
}

/// What keeps a rule from being set, beside what it is about.
async fn refused(
    app: &Shared,
    inside: Inside,
    context: &Context,
    typed: &MfaTyped,
    error: SecurityError,
) -> Result {
    let (path, person) = (inside.path("settings/security/mfa"), &inside.actor.person);
    let mut day = Field::new(&typed.day);
    let missing = match error {
        SecurityError::StepUp(StepUpNeeded) => {
            let what = format!("Change which factors {} requires", inside.organization.name);
            let act = Act { what: &what, verb: "Change it" };
            return step_up::ask(app, context, person, &act, &path, &typed.confirmed()).await;
        }
        SecurityError::UnprovenPasskey => {
            let what = format!("Require passkeys in {}", inside.organization.name);
            let act = Act { what: &what, verb: "Require passkeys" };
            let way = step_up::way(app, person, &act, &path, &typed.confirmed(), "passkey").await?;
            Some(Missing { text: error.to_string(), label: "Use it now", path: way })
        }
        SecurityError::NoFactor | SecurityError::NoPasskey => Some(missing(&inside, &error)),
        SecurityError::Grace(error) => {
            day.note::<()>(Err(error));
            None
        }
        error => return Err(error.into()),
    };
    mfa_again(app, inside, context, typed, day, missing).await
}

/// A refusal that stands beside nothing.
impl From<SecurityError> for Error {
    fn from(error: SecurityError) -> Error {
        match error {
            SecurityError::Denied(denied) => denied.into(),
            SecurityError::Throttled(throttled) => throttled.into(),
            SecurityError::Database(error) => error.into(),
            SecurityError::NoSuchLength => NO_LENGTH,
            error => Error::Conflict(error.to_string()),
        }
    }
}

/// The first post of a stricter rule leads to the page that says whom it interrupts; the second, from
/// there, makes it the rule.
pub async fn change_mfa(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<MfaTyped>,
) -> Result {
    let rule = typed.rule()?;
    let mut day = Field::new(typed.day.trim());
    let Some(begins) = typed.begins(&mut day)? else {
        return mfa_again(&app, inside, &context, &typed, day, None).await;
    };
    if typed.confirmed != "yes" {
        match settings::preview_mfa(&app.db, &inside.actor, rule, begins, 0).await {
            Ok(preview) if preview.stricter => {
                let to = typed.address(&inside.path("settings/security/mfa"));
                return Ok(html::go(context.fragment, &to));
            }
            Ok(_) => {}
            Err(error) => return refused(&app, inside, &context, &typed, error).await,
        }
    }
    match settings::change_mfa(&app, &inside.actor, rule, begins).await {
        Ok(changed) => {
            let text = match changed {
                None => "Nothing was changed".to_owned(),
                Some(policy) => done(&app, &inside, &policy),
            };
            let to = html::go(context.fragment, &inside.path("settings/security"));
            Ok(session::with_flash(&app, to, &text))
        }
        Err(error) => refused(&app, inside, &context, &typed, error).await,
    }
}

/// "Passkeys are required from 1 December 2026 on".
fn done(app: &Shared, inside: &Inside, policy: &Policy) -> String {
    let from = match policy.mfa_from {
        Some(from) => inside.times(app).day(from),
        None => "now".to_owned(),
    };
    match policy.mfa {
        MfaRule::Optional => "Multi-factor authentication is optional now".to_owned(),
        MfaRule::Any => format!("Multi-factor authentication is required from {from} on"),
        MfaRule::Passkey => format!("Passkeys are required from {from} on"),
    }
}

#[derive(Template)]
#[template(path = "settings/mfa_confirm.html")]
struct Confirm {
    chrome: Chrome,
    title: String,
    facts: Vec<String>,
    path: String,
    mails: String,
    back: String,
    users: String,
    typed: MfaTyped,
    heading: String,
    /// Whose page is where.
    members: Vec<(String, String)>,
    /// How many are not named, if some are not.
    more: Option<String>,
}

/// Whom a stricter rule interrupts, before it is one (M4).
pub async fn confirm_mfa(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(typed): Query<MfaTyped>,
) -> Result {
    let back = inside.path("settings/security");
    let rule = typed.rule()?;
    let mut day = Field::new(typed.day.trim());
    let begins = if rule == MfaRule::Optional { None } else { typed.begins(&mut day)? };
    let Some(begins) = begins else { return Ok(html::go(context.fragment, &back)) };
    match settings::preview_mfa(&app.db, &inside.actor, rule, begins, NAMED).await {
        Ok(preview) if preview.stricter => Ok(html::page(&confirmation(&app, inside, typed, preview))),
        // It is the rule already, or something stricter is.
        Ok(_) => Ok(html::go(context.fragment, &back)),
        Err(error) => refused(&app, inside, &context, &typed, error).await,
    }
}

fn confirmation(app: &Shared, inside: Inside, typed: MfaTyped, preview: MfaPreview) -> Confirm {
    let MfaPreview { after, lacking, .. } = preview;
    let organization = &inside.organization.name;
    let (requirement, factor) = match after.mfa {
        MfaRule::Passkey => ("passkeys", "passkey"),
        MfaRule::Optional | MfaRule::Any => ("multi-factor authentication", "factor"),
    };
    let opens = format!("{organization} opens only to a session that has proven a {factor}.");
    let facts = vec![
        match after.mfa_from {
            None => format!(
                "As soon as you confirm it, {opens} Whoever has none is interrupted on their next click, and \
                 what they were about to save is not saved."
            ),
            Some(from) => format!(
                "From {} on, {opens} Until then whoever has none sees a banner with the date, and is mailed: \
                 now, and three days and one day before.",
                inside.times(app).minute(from)
            ),
        },
        match lacking.with {
            0 => format!("Nobody has a {factor} yet."),
            1 => format!("1 person has a {factor}, and is asked for it unless their session has proven it."),
            with => format!(
                "{} have a {factor}, and are asked for it unless their session has proven it.",
                html::people(with)
            ),
        },
        "Everyone’s other organizations stay as they are.".to_owned(),
    ];
    let named = i64::try_from(lacking.members.len()).unwrap_or(i64::MAX);
    Confirm {
        title: format!("Require {requirement} in {organization}?"),
        facts,
        path: inside.path("settings/security/mfa"),
        mails: inside.path("settings/security/mails"),
        back: inside.path("settings/security"),
        users: users_without(&inside, after.mfa),
        typed,
        heading: match lacking.without {
            0 => format!("Everyone has a {factor}"),
            1 => format!("1 person has no {factor}"),
            without => format!("{} have no {factor}", html::people(without)),
        },
        more: (lacking.without > named).then(|| html::number(lacking.without - named)),
        members: {
            let member = |(id, name)| (inside.path(&format!("users/{id}")), name);
            lacking.members.into_iter().map(member).collect()
        },
        chrome: inside.chrome,
    }
}

/// Has those mailed who lack a factor, and comes back to the page that asked: the one that confirms leads
/// on to the settings where there is nothing to confirm.
pub async fn mail_lacking(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<MfaTyped>,
) -> Result {
    let rule = typed.rule()?;
    if rule == MfaRule::Optional {
        return Err(NO_FACTORS);
    }
    let text = match settings::mail_lacking(&app, &inside.actor, rule).await? {
        0 => "There is nobody to mail".to_owned(),
        1 => "1 mail is on its way".to_owned(),
        more => format!("{} mails are on their way", html::number(more.try_into().unwrap_or(i64::MAX))),
    };
    let to = typed.address(&inside.path("settings/security/mfa"));
    Ok(session::with_flash(&app, html::go(context.fragment, &to), &text))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionsTyped {
    idle: String,
    absolute: String,
    remembers: String,
    shortest: String,
}

impl SessionsTyped {
    fn rules(&self) -> Result<SessionRules> {
        let number = |text: &str| text.parse().map_err(|_| NO_LENGTH);
        Ok(SessionRules {
            idle: number(&self.idle)?,
            absolute: number(&self.absolute)?,
            remembers_devices: match self.remembers.as_str() {
                "yes" => true,
                "" => false,
                _ => return Err(Error::Unfit("Devices are remembered, or they are not.")),
            },
            shortest_password: number(&self.shortest)?,
        })
    }
}

pub async fn change_sessions(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<SessionsTyped>,
) -> Result {
    let rules = typed.rules()?;
    match settings::change_sessions(&app, &inside.actor, rules).await {
        Ok(changed) => {
            let text = if changed.is_some() { "Saved" } else { "Nothing was changed" };
            let to = html::go(context.fragment, &inside.path("settings/security"));
            Ok(session::with_flash(&app, to, text))
        }
        Err(SecurityError::StepUp(StepUpNeeded)) => {
            let SessionsTyped { idle, absolute, remembers, shortest } = &typed;
            let fields =
                [("idle", &**idle), ("absolute", absolute), ("remembers", remembers), ("shortest", shortest)];
            let path = inside.path("settings/security/sessions");
            let what =
                format!("Change how long sessions open {}, and its passwords", inside.organization.name);
            let act = Act { what: &what, verb: "Change it" };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(error @ SecurityError::IdleTooLong) => {
            let mut sessions = sessions_panel(&inside, &rules.within(&inside.organization.policy));
            sessions.idle.note::<()>(Err(error));
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            if context.fragment {
                return Ok(html::page_with(status, &SessionsFragment { sessions }));
            }
            let mfa = mfa_panel(&app, &inside).await?;
            Ok(html::page_with(status, &page(&app, inside, mfa, sessions).await?))
        }
        Err(error) => Err(error.into()),
    }
}
