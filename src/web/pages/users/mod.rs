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
use crate::domain::users::{
    self, Cursor, FactorFilter, ListQuery, Member, MemberState, Members, Sort, StateFilter,
};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment, Plain, Rendered, Times};

const PAGE: usize = 50;

/// The address of a view of the list: what is searched, filtered, sorted and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    role: String,
    status: String,
    factors: String,
    sort: String,
    at: String,
}

impl Asked {
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
        let cursor = match self.at.as_str() {
            "" => None,
            at => Some(
                Cursor::decode(at, sort).ok_or(Error::Malformed("There is no such place in the list."))?,
            ),
        };
        if self.q.chars().count() > 200 || self.q.contains('\0') {
            return Err(Error::Malformed("This is too long to search for."));
        }
        let search = self.q.trim().to_owned();
        Ok(ListQuery { search, role, state, factors, sort, descending, cursor })
    }

    /// The address of this very view.
    fn here(&self, path: &str) -> String {
        self.link(path, |asked| asked.at.clone_from(&self.at))
    }

    /// The same view with one thing changed; the place in the list begins anew unless it is what changes.
    fn link(&self, path: &str, change: impl FnOnce(&mut Asked)) -> String {
        let mut asked = Asked { at: String::new(), ..self.clone() };
        change(&mut asked);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("q", &asked.q),
            ("role", &asked.role),
            ("status", &asked.status),
            ("factors", &asked.factors),
            ("sort", &asked.sort),
            ("at", &asked.at),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
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
    /// The same list as a file.
    csv: String,
    filtered: bool,
    /// What an empty organization shows instead of a table.
    alone: bool,
    may_manage: bool,
}

/// A member as a row shows them.
struct Row {
    member: Member,
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
}

impl Row {
    fn new(inside: &Inside, begun: &Begun, member: Member, times: &Times) -> Row {
        Row::among(inside, &begun.query(), member, times, &mut HashMap::new())
    }

    /// One of many: what is the same for all of a role is rendered once.
    fn among(
        inside: &Inside,
        begun: &str,
        member: Member,
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
    let query = asked.query()?;
    let members = users::list(&app.db, &inside.actor, &query, PAGE).await?;
    let (people, pending) = (inside.organization.people, inside.organization.pending);
    let alone = people == 1 && pending == 0;
    let table = table(&app, &inside, asked, members, alone);
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

fn table(app: &Shared, inside: &Inside, asked: Asked, members: Members, alone: bool) -> Table {
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
            let row = |member| Row::among(inside, &begun, member, &times, &mut choices);
            members.members.into_iter().map(row).collect()
        },
        filtered: !asked.q.trim().is_empty()
            || [&asked.role, &asked.status, &asked.factors].iter().any(|filter| !filter.is_empty()),
        alone,
        may_manage: inside.actor.role.may(Capability::ManageUsers),
        csv: asked.link(&inside.path("users.csv"), |_| ()),
        path,
        asked,
    }
}
