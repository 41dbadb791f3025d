mod acts;
mod end_date;
mod export;
mod person;

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use self::acts::Begun;
pub(super) use self::acts::user_id;
pub use self::acts::{
    change_role, confirm_factors_reset, confirm_sign_out, confirm_suspension, menu, reactivate,
    reset_factors, sign_out, suspend,
};
pub use self::end_date::{change_end_date, end_date_form};
pub use self::export::export;
pub(super) use self::person::OpenSession;
pub use self::person::show;
use crate::app::Shared;
use crate::domain::access::{Actor, Capability, Factors, Role};
use crate::domain::teams::{self, TeamError};
use crate::domain::users::{
    self, Cursor, FactorFilter, ListQuery, Listed, Member, MemberState, Members, Sort, StateFilter,
};
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment, Plain, Rendered, Times};
use crate::web::lists;
use crate::web::pages::teams::few;

const PAGE: usize = 50;

/// The address of a view of the list: what is searched, filtered, sorted and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    role: String,
    status: String,
    factors: String,
    /// A team's slug.
    team: String,
    sort: String,
    at: String,
}

impl Asked {
    /// What is asked for, but for the team, which [`view`] looks up.
    fn query(&self) -> Result<ListQuery> {
        let (name, descending) = match self.sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (self.sort.as_str(), false),
        };
        let sort = match name {
            "" | "name" => Sort::Name,
            "joined" => Sort::Joined,
            "active" => Sort::LastActive,
            _ => return Err(Error::Malformed("The list can't be sorted by that.")),
        };
        let role = match self.role.as_str() {
            "" => None,
            role => Some(role.parse().map_err(|_| Error::Malformed("There is no such role."))?),
        };
        let state = match self.status.as_str() {
            "" => StateFilter::Present,
            "active" => StateFilter::Active,
            "suspended" => StateFilter::Suspended,
            "removed" => StateFilter::Removed,
            _ => return Err(Error::Malformed("There is no such status.")),
        };
        let factors = match self.factors.as_str() {
            "" => FactorFilter::Any,
            "none" => FactorFilter::None,
            "no-passkey" => FactorFilter::NoPasskey,
            _ => return Err(Error::Malformed("There is no such kind of factor.")),
        };
        let cursor = lists::place(&self.at, |at| Cursor::decode(at, sort))?;
        let search = lists::searched(&self.q)?.to_owned();
        Ok(ListQuery { search, role, state, factors, team: None, sort, descending, cursor })
    }

    /// The address of this very view.
    fn here(&self, path: &str) -> String {
        self.link(path, |asked| asked.at.clone_from(&self.at))
    }

    /// The same view with one thing changed; the place in the list begins anew unless it is what changes.
    fn link(&self, path: &str, change: impl FnOnce(&mut Asked)) -> String {
        let mut asked = Asked { at: String::new(), ..self.clone() };
        change(&mut asked);
        let query = [
            ("q", &asked.q),
            ("role", &asked.role),
            ("status", &asked.status),
            ("factors", &asked.factors),
            ("team", &asked.team),
            ("sort", &asked.sort),
            ("at", &asked.at),
        ];
        lists::address(path, &query.map(|(name, value)| (name, value.as_str())))
    }
}

/// What the list is asked for, with the team that the address names.
async fn view(app: &Shared, inside: &Inside, asked: &Asked) -> Result<ListQuery> {
    let mut query = asked.query()?;
    if !asked.team.is_empty() {
        let team = teams::find(&app.db, &inside.actor, &asked.team).await;
        query.team = match team {
            Ok(team) => Some(team.id),
            Err(TeamError::NotFound) => return Err(Error::Malformed("There is no such team.")),
            Err(error) => return Err(error.into()),
        };
    }
    Ok(query)
}

/// The teams that the list is filtered by stand in a select box as long as one looks through it at a glance.
const TEAMS: i64 = 30;

/// Which teams of an organization the page names.
struct Teams {
    /// Slug and name; nothing, if there are too many to choose from.
    offered: Option<Vec<(String, String)>>,
    /// By person, "Support, Ops +2".
    of: HashMap<UserId, String>,
}

impl Teams {
    /// One question for all the people of a page, and none where there is no team.
    async fn of_page(app: &Shared, inside: &Inside, members: &[Listed]) -> Result<Teams> {
        let mut first = teams::first(&app.db, &inside.actor, TEAMS + 1).await?;
        if first.is_empty() {
            return Ok(Teams { offered: Some(Vec::new()), of: HashMap::new() });
        }
        let few = i64::try_from(first.len()).is_ok_and(|count| count <= TEAMS);
        let offered = few.then(|| first.drain(..).map(|team| (team.slug, team.name)).collect());
        let people: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
        Ok(Teams { offered, of: named(app, inside, &people).await? })
    }
}

/// The teams of some people, each person's in a phrase.
async fn named(app: &Shared, inside: &Inside, people: &[UserId]) -> Result<HashMap<UserId, String>> {
    let names = teams::names_of(&mut app.db.read().await?, inside.organization.id, people).await?;
    Ok(names.into_iter().map(|(user, names)| (user, few(&names))).collect())
}

/// A heading that sorts: where it leads, and how it stands now ("ascending", "descending", "none").
struct Heading {
    title: &'static str,
    link: String,
    now: &'static str,
}

/// The list as both the page and its fragment show it.
struct Table {
    path: String,
    summary: String,
    asked: Asked,
    headings: Vec<Heading>,
    rows: Vec<Row>,
    previous: Option<String>,
    next: Option<String>,
    /// The teams to filter by; none, if there are more than one chooses from.
    teams: Option<Vec<(String, String)>>,
    /// The same list as a file.
    csv: String,
    filtered: bool,
    /// What an empty organization shows instead of a table.
    alone: bool,
    may_manage: bool,
}

/// A member as a row shows them.
struct Row {
    member: Listed,
    you: bool,
    path: Plain<String>,
    /// What keeps the view of the list that they are shown in, at the end of the address of each act.
    begun: Plain<String>,
    /// The roles that the actor may give, as options; none where they may not touch this person.
    choices: Option<Rendered>,
    active: Moment,
    joined: Moment,
    ends: Option<Moment>,
    /// Their factors in words; nothing, if they have none.
    factors: Option<&'static str>,
    /// Whether a browser of theirs is not asked for one now.
    remembers: bool,
    /// "Support, Ops +2"
    teams: String,
}

impl Row {
    fn new(inside: &Inside, begun: &Begun, member: Member, times: &Times) -> Row {
        Row::among(inside, &begun.query(), member.into(), String::new(), times, &mut HashMap::new())
    }

    /// One of many: what is the same for all of a role is rendered once.
    fn among(
        inside: &Inside,
        begun: &str,
        member: Listed,
        teams: String,
        times: &Times,
        choices: &mut HashMap<&'static str, Rendered>,
    ) -> Row {
        let actor = &inside.actor;
        let may_touch = actor.role.may(Capability::ManageUsers)
            && member.role.is_within(actor.role)
            && member.state != MemberState::Removed;
        Row {
            you: member.user_id == actor.person.user,
            path: Plain::new(inside.path(&format!("users/{}", member.user_id))),
            begun: Plain::new(begun.to_owned()),
            choices: may_touch.then(|| {
                let chosen = member.role;
                let render = || html::piece(&Choices { roles: roles_within(actor), chosen });
                choices.entry(chosen.code()).or_insert_with(render).clone()
            }),
            active: times.moment(member.last_active_at),
            joined: times.moment(member.joined_at),
            ends: member.ends_at.map(|end| times.until(end)),
            factors: factors_in_words(member.factors),
            remembers: times.is_ahead(member.remembered_until),
            teams,
            member,
        }
    }

    fn is_suspended(&self) -> bool {
        self.member.state == MemberState::Suspended
    }

    fn may_end(&self) -> bool {
        self.member.role != Role::Owner
    }

    fn is_removed(&self) -> bool {
        self.member.state == MemberState::Removed
    }
}

fn factors_in_words(factors: Factors) -> Option<&'static str> {
    match (factors.authenticator, factors.passkey) {
        (true, true) => Some("Authenticator, passkey"),
        (true, false) => Some("Authenticator"),
        (false, true) => Some("Passkey"),
        (false, false) => None,
    }
}

#[derive(Template)]
#[template(path = "users/_roles.html")]
struct Choices {
    roles: Vec<Role>,
    chosen: Role,
}

/// The roles that an actor may give (R2).
pub(super) fn roles_within(actor: &Actor) -> Vec<Role> {
    Role::ALL.into_iter().filter(|role| role.is_within(actor.role)).collect()
}

#[derive(Template)]
#[template(path = "users/index.html")]
struct Index {
    chrome: Chrome,
    table: Table,
    people: String,
    pending: String,
    organization: String,
    invite_path: String,
    invitations_path: String,
}

#[derive(Template)]
#[template(path = "users/_table.html")]
struct TableFragment {
    table: Table,
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let query = view(&app, &inside, &asked).await?;
    let members = users::list(&app.db, &inside.actor, &query, PAGE).await?;
    let (people, pending) = (inside.organization.people, inside.organization.pending);
    let alone = people == 1 && pending == 0;
    let teams = Teams::of_page(&app, &inside, &members.members).await?;
    let table = table(&app, &inside, asked, members, teams, alone);
    if context.fragment && context.target == "users-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    Ok(html::page(&Index {
        table,
        people: html::number(people),
        pending: html::number(pending),
        organization: inside.organization.name.clone(),
        invite_path: inside.path("invitations/new"),
        invitations_path: inside.path("invitations"),
        chrome: inside.chrome,
    }))
}

fn table(
    app: &Shared,
    inside: &Inside,
    asked: Asked,
    members: Members,
    mut teams: Teams,
    alone: bool,
) -> Table {
    let path = inside.path("users");
    let times = inside.times(app);
    let heading = |title, name: &str| {
        let (down, up) = (format!("-{name}"), name.to_owned());
        let sort = if asked.sort.is_empty() { "name" } else { asked.sort.as_str() };
        let now = match sort {
            sort if sort == up => "ascending",
            sort if sort == down => "descending",
            _ => "none",
        };
        let to = if now == "ascending" { down } else { up };
        Heading { title, link: asked.link(&path, |asked| asked.sort = to), now }
    };
    let headings =
        vec![heading("Name", "name"), heading("Joined", "joined"), heading("Last active", "active")];
    let place =
        |cursor: Option<Cursor>| cursor.map(|cursor| asked.link(&path, |asked| asked.at = cursor.encode()));
    let summary = match members.members.len() {
        1 => "1 person".to_owned(),
        more => format!("{more} people"),
    };
    Table {
        summary,
        headings,
        previous: place(members.previous),
        next: place(members.next),
        rows: {
            let mut choices = HashMap::new();
            let begun = Begun::in_list(&asked).query();
            let row = |member: Listed| {
                let its = teams.of.remove(&member.user_id).unwrap_or_default();
                Row::among(inside, &begun, member, its, &times, &mut choices)
            };
            members.members.into_iter().map(row).collect()
        },
        filtered: !asked.q.trim().is_empty()
            || [&asked.role, &asked.status, &asked.factors, &asked.team]
                .iter()
                .any(|filter| !filter.is_empty()),
        alone,
        teams: teams.offered,
        may_manage: inside.actor.role.may(Capability::ManageUsers),
        csv: asked.link(&inside.path("users.csv"), |_| ()),
        path,
        asked,
    }
}
