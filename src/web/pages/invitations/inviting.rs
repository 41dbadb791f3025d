//! The form that invites one or many, and the page that says what was understood of a pasted text.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::covered::Covered;
use super::refused;
use crate::app::Shared;
use crate::domain::access::Role;
use crate::domain::invitations::{self, InviteError, Invitee, Terms, Understood};
use crate::domain::teams::{self, Team};
use crate::domain::users;
use crate::domain::values::{Day, Email, EmailError};
use crate::ids::TeamId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Field, ListForm, Lists};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::pages::users::roles_within;
use crate::web::session;

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    /// One address, for scripts and older forms; `emails` takes any number.
    email: String,
    emails: String,
    role: String,
    note: String,
    ends: String,
    notice: String,
    /// Slugs, with commas between them.
    teams: String,
}

impl Lists for Typed {
    const LISTS: &'static [&'static str] = &["teams"];
}

impl Typed {
    fn addresses(&self) -> &str {
        if self.emails.is_empty() { &self.email } else { &self.emails }
    }

    /// What was typed, to be posted again.
    fn fields(&self) -> Vec<(&str, &str)> {
        let fields = [
            ("email", &self.email),
            ("emails", &self.emails),
            ("role", &self.role),
            ("note", &self.note),
            ("ends", &self.ends),
            ("notice", &self.notice),
            ("teams", &self.teams),
        ];
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.as_str()))
            .collect()
    }
}

/// The form, in a page of its own and in a dialog.
struct InviteForm {
    path: String,
    organization: String,
    roles: Vec<Role>,
    emails: Field,
    role: Field,
    note: Field,
    ends: Field,
    notice: Field,
    teams: Field,
    /// All teams that can be given, by name.
    offered: Vec<Team>,
    /// The days that can be chosen as the last one begin with this.
    today: Day,
    /// Whom single sign-on covers.
    covered: Covered,
}

impl InviteForm {
    async fn new(app: &Shared, inside: &Inside, typed: &Typed) -> Result<InviteForm> {
        Ok(InviteForm {
            path: inside.path("invitations"),
            organization: inside.organization.name.clone(),
            roles: roles_within(&inside.actor),
            emails: Field::new(typed.addresses()),
            role: Field::new(&typed.role),
            note: Field::new(&typed.note),
            ends: Field::new(&typed.ends),
            notice: Field::new(&typed.notice),
            teams: Field::new(&typed.teams),
            offered: teams::first(&app.db, &inside.actor, i64::MAX).await?,
            today: Day::of(app.db.now(), &inside.actor.person.time_zone),
            covered: Covered::by(app, inside).await?,
        })
    }

    /// Least first: most people are Members.
    fn choices(&self) -> impl Iterator<Item = &Role> {
        let order = [Role::Member, Role::Developer, Role::Reviewer, Role::Auditor, Role::Admin, Role::Owner];
        let rank = move |role: &Role| order.iter().position(|other| other == role);
        let mut roles: Vec<&Role> = self.roles.iter().collect();
        roles.sort_by_key(|role| rank(role));
        roles.into_iter()
    }

    fn is_wrong(&self) -> bool {
        [&self.emails, &self.role, &self.note, &self.ends, &self.notice, &self.teams]
            .iter()
            .any(|field| field.error.is_some())
    }

    fn gives(&self, team: &&Team) -> bool {
        self.teams.value.split(',').any(|slug| slug == team.slug)
    }

    /// The teams that were chosen, of those that are there.
    fn given(&mut self) -> Option<Vec<TeamId>> {
        let slugs = self.teams.value.split(',').map(str::trim).filter(|slug| !slug.is_empty());
        let found = slugs.map(|slug| {
            let team = self.offered.iter().find(|team| team.slug == slug);
            team.map(|team| team.id).ok_or("One of these teams is not there any more. Choose again.")
        });
        let found = found.collect::<std::result::Result<Vec<TeamId>, _>>();
        self.teams.note(found)
    }

    /// Their names.
    fn given_names(&self) -> String {
        let given = self.offered.iter().filter(|team| self.gives(team));
        given.map(|team| team.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What everyone in the form is invited to; nothing if something is wrong, which then stands beside its field.
    fn terms(&mut self, app: &Shared, inside: &Inside) -> Option<Terms> {
        let now = app.db.now();
        let (role, note) = (self.role.parse(), self.note.parse());
        let ends_at = match self.ends.value.as_str() {
            "" => Some(None),
            _ => self.ends.parse::<Day>().and_then(|day| {
                self.ends.note(users::end_date(day, &inside.actor.person.time_zone, now)).map(Some)
            }),
        };
        let teams = self.given();
        let notice = !self.notice.value.is_empty();
        let terms = Terms { role: role?, note: note?, ends_at: ends_at?, teams: teams?, notice };
        match terms.check(now) {
            Ok(()) => Some(terms),
            Err(error @ InviteError::NoticeForAuditors) => self.notice.note(Err(error)),
            Err(error) => self.ends.note(Err(error)),
        }
    }
}

#[derive(Template)]
#[template(path = "invitations/new.html")]
struct New {
    chrome: Chrome,
    form: InviteForm,
}

#[derive(Template)]
#[template(path = "invitations/_form.html")]
struct Dialog {
    form: InviteForm,
}

fn show_form(inside: Inside, context: &Context, status: StatusCode, mut form: InviteForm) -> Response {
    let fields =
        [&mut form.emails, &mut form.role, &mut form.teams, &mut form.note, &mut form.ends, &mut form.notice];
    Field::focus_first(fields);
    if context.fragment {
        return html::page_with(status, &Dialog { form });
    }
    html::page_with(status, &New { chrome: inside.chrome, form })
}

pub async fn form(State(app): State<Shared>, inside: Inside, context: Context) -> Result {
    let typed = Typed { role: Role::Member.code().to_owned(), ..Typed::default() };
    let form = InviteForm::new(&app, &inside, &typed).await?;
    Ok(show_form(inside, &context, StatusCode::OK, form))
}

/// Back from what was understood to the form, with everything that was typed.
pub async fn edit(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    ListForm(typed): ListForm<Typed>,
) -> Result {
    let form = InviteForm::new(&app, &inside, &typed).await?;
    Ok(show_form(inside, &context, StatusCode::OK, form))
}

/// One address is invited at once; of more the next page says first what was understood.
pub async fn invite(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    ListForm(typed): ListForm<Typed>,
) -> Result {
    let mut form = InviteForm::new(&app, &inside, &typed).await?;
    let terms = form.terms(&app, &inside);
    if typed.emails.is_empty() {
        let email = form.emails.parse::<Email>();
        let (Some(email), Some(terms)) = (email, terms) else {
            return Ok(show_form(inside, &context, StatusCode::UNPROCESSABLE_ENTITY, form));
        };
        let invitee = Invitee { email, name: String::new() };
        return invite_one(&app, inside, &context, &typed, form, &invitee, &terms).await;
    }
    let mut understood =
        invitations::understand(&app.db, &inside.actor, &typed.emails).await.map_err(refused)?;
    let only = if understood.len() == 1 { understood.refused.pop() } else { None };
    if let Some(wrong) = &only {
        form.emails.note::<()>(Err(&wrong.why));
        return Ok(show_form(inside, &context, stands_against(&context, wrong.is_conflict()), form));
    }
    if understood.is_empty() {
        form.emails.note::<()>(Err(EmailError::Empty));
    }
    let Some(terms) = terms.filter(|_| !understood.is_empty()) else {
        return Ok(show_form(inside, &context, StatusCode::UNPROCESSABLE_ENTITY, form));
    };
    inside.actor.may_handle(terms.role)?;
    match understood.people.as_slice() {
        // What single sign-on does not cover is said before it is sent.
        [only] if understood.len() == 1 && !form.covered.misses(&only.email) => {
            invite_one(&app, inside, &context, &typed, form, only, &terms).await
        }
        _ => Ok(show_preview(&app, inside, &context, &typed, &terms, understood, form)),
    }
}

/// htmx swaps a 422, and the dialog must stay; a page says what it is: a conflict with what is.
fn stands_against(context: &Context, conflict: bool) -> StatusCode {
    if conflict && !context.fragment { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY }
}

async fn invite_one(
    app: &Shared,
    inside: Inside,
    context: &Context,
    typed: &Typed,
    mut form: InviteForm,
    invitee: &Invitee,
    terms: &Terms,
) -> Result {
    match invitations::invite(app, &inside.actor, invitee, terms).await {
        Ok(invitation) => {
            let response = html::go(context.fragment, &inside.path("invitations"));
            let mut text = format!("{} is invited as {}", invitation.email, invitation.role.with_article());
            if form.covered.misses(&invitee.email) {
                text = format!("{text}. {}", form.covered.outside());
            }
            Ok(session::with_flash(app, response, &text))
        }
        Err(InviteError::StepUp(_)) => {
            let path = inside.path("invitations");
            let (email, role) = (&invitee.email, terms.role.with_article());
            let what = format!("Invite {email} as {role} of {}", inside.organization.name);
            let act = Act { what: &what, verb: "Send invite" };
            step_up::ask(app, context, &inside.actor.person, &act, &path, &typed.fields()).await
        }
        // What stands against this very address is said beside it.
        Err(error @ (InviteError::AlreadyMember | InviteError::Suspended | InviteError::AlreadyInvited)) => {
            form.emails.note::<()>(Err(error));
            Ok(show_form(inside, context, stands_against(context, true), form))
        }
        Err(error) => Err(refused(error)),
    }
}

/// What was understood of a pasted text, before anything is sent.
struct Preview {
    path: String,
    role: Role,
    note: String,
    lasts: Option<String>,
    notice: bool,
    teams: String,
    understood: Understood,
    covered: Covered,
    kept: Vec<(String, String)>,
}

impl Preview {
    fn sum(&self) -> String {
        let as_what = self.role.with_article();
        match self.understood.people.len() {
            0 => "Nobody of these can be invited.".to_owned(),
            1 => format!("1 person will be invited as {as_what}."),
            many => format!("{many} people will be invited, each as {as_what}."),
        }
    }

    /// How many are outside the domains of single sign-on.
    fn outside(&self) -> usize {
        self.understood.people.iter().filter(|person| self.covered.misses(&person.email)).count()
    }

    fn send(&self) -> String {
        html::count(i64::try_from(self.understood.people.len()).unwrap_or(i64::MAX), "invite")
    }
}

#[derive(Template)]
#[template(path = "invitations/preview.html")]
struct PreviewPage {
    chrome: Chrome,
    preview: Preview,
}

#[derive(Template)]
#[template(path = "invitations/_preview.html")]
struct PreviewDialog {
    preview: Preview,
}

fn show_preview(
    app: &Shared,
    inside: Inside,
    context: &Context,
    typed: &Typed,
    terms: &Terms,
    understood: Understood,
    form: InviteForm,
) -> Response {
    let status = if understood.people.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let times = inside.times(app);
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let preview = Preview {
        path: inside.path("invitations"),
        role: terms.role,
        note: terms.note.to_string(),
        lasts: terms.ends_at.map(|end| times.last_minute(end)),
        notice: terms.notice,
        teams: form.given_names(),
        understood,
        covered: form.covered,
        kept: typed.fields().into_iter().map(owned).collect(),
    };
    if context.fragment {
        return html::page_with(status, &PreviewDialog { preview });
    }
    html::page_with(status, &PreviewPage { chrome: inside.chrome, preview })
}

/// Takes in what was understood, and leads to where one sees it being sent.
pub async fn send_many(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    ListForm(typed): ListForm<Typed>,
) -> Result {
    let mut form = InviteForm::new(&app, &inside, &typed).await?;
    let Some(terms) = form.terms(&app, &inside) else {
        return Ok(show_form(inside, &context, StatusCode::UNPROCESSABLE_ENTITY, form));
    };
    let path = inside.path("invitations/batches");
    match invitations::send_many(&app, &inside.actor, typed.addresses(), &terms).await {
        Ok(id) => Ok(html::go(context.fragment, &format!("{path}/{id}"))),
        Err(InviteError::StepUp(_)) => {
            let (organization, role) = (&inside.organization.name, terms.role.with_article());
            let what = format!("Invite these people, each as {role} of {organization}");
            let act = Act { what: &what, verb: "Send invites" };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &typed.fields()).await
        }
        Err(InviteError::Nobody) => {
            let understood = invitations::understand(&app.db, &inside.actor, typed.addresses()).await;
            let understood = understood.map_err(refused)?;
            if understood.is_empty() {
                form.emails.note::<()>(Err(EmailError::Empty));
                return Ok(show_form(inside, &context, StatusCode::UNPROCESSABLE_ENTITY, form));
            }
            Ok(show_preview(&app, inside, &context, &typed, &terms, understood, form))
        }
        Err(error) => Err(refused(error)),
    }
}
