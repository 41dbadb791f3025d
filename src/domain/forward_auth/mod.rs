//! Forward-auth: a reverse proxy asks whether a request may go on to a tool, by the address of the tool's resource.
//! A browser has a session of its own at each tool's host; Interlock's cookie stays at Interlock's.

mod address;
mod sql;
mod tickets;

pub use self::address::{Address, NotAnAddress};
pub use self::tickets::{BACK_WITHIN, Redeemed, end_session, is_tool_host, redeem, ticket};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Origin, Person, Role};
use crate::domain::organizations::{self, Organization};
use crate::domain::resources::{self, Decision, Permissions, Resource, Who, decide};
use crate::domain::sessions::{self, Lack, Place, Session};
use crate::domain::values::Email;
use crate::domain::{sso, users};
use crate::secrets::TokenHash;
use crate::storage::Tx;

/// Who comes to a tool, as the tool may know them.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub person: Person,
    /// Nothing for a guest.
    pub role: Option<Role>,
    /// The slugs of their teams, sorted.
    pub teams: Vec<String>,
}

/// What a proxy is told.
#[derive(Debug)]
pub enum Verdict {
    /// The request may go on; nobody, where it is open to whoever is not signed in.
    Open { visitor: Option<Box<Visitor>>, permissions: Permissions },
    /// Whoever it is has to sign in, or to prove more.
    SignIn(Need),
    /// They may not; the resource, for a page that says so.
    Refused(Box<Refused>),
    /// There is no tool at this address.
    Unknown,
}

/// What it takes to come in.
#[derive(Debug)]
pub enum Need {
    Session,
    /// The session says too little of who this is: a proof of their own, or a factor.
    Own,
    /// The organization asks for more, at its gate.
    Lack(Lack, String),
    /// A guest's own word that the tool's organization may know who they are.
    Word(Box<Stranger>),
}

/// A guest who may come in, and whom the organization would know afterwards.
#[derive(Debug)]
pub struct Stranger {
    pub person: Person,
    /// The organization's name.
    pub organization: String,
}

#[derive(Debug)]
pub struct Refused {
    /// Who it is that may not.
    pub person: Person,
    pub resource: Resource,
    /// The organization's slug, for a member who may know that the resource is there (A13).
    pub known_in: Option<String>,
}

/// What is asked: where to, and by whom.
#[derive(Debug)]
pub struct Asked<'a> {
    pub address: &'a Address,
    pub origin: &'a Origin,
}

/// Where it is asked.
#[derive(Clone, Copy, Debug)]
enum At {
    /// By a proxy: whether it is a person's click (S10), and not what a page does by itself.
    Tool { is_click: bool },
    /// By whoever is about to be sent there: whether they said that the tool may know them.
    Home { agreed: bool },
}

/// A proxy asks, with the cookie of the tool's host.
pub async fn at_tool(
    app: &App,
    asked: &Asked<'_>,
    cookie: Option<&TokenHash>,
    is_click: bool,
) -> sqlx::Result<Verdict> {
    let tools = sql::tools(&mut app.db.read().await?, &asked.address.host, cookie).await?;
    let session = tools.first().and_then(|tool| tool.session_token.clone());
    let Some(resource) = belongs_to(tools, asked.address) else { return Ok(Verdict::Unknown) };
    let session = match session {
        Some(token) => sessions::of_request(app, &token).await?,
        None => None,
    };
    judged(app, asked, resource, session.as_ref(), At::Tool { is_click }).await
}

/// The same at Interlock's own host, for whoever is about to be sent to the tool. A guest is asked first whether its
/// organization may know them: anybody can put a tool somewhere and send others a link.
pub async fn at_home(
    app: &App,
    asked: &Asked<'_>,
    session: Option<&TokenHash>,
    agreed: bool,
) -> sqlx::Result<Verdict> {
    let tools = sql::tools(&mut app.db.read().await?, &asked.address.host, None).await?;
    let Some(resource) = belongs_to(tools, asked.address) else { return Ok(Verdict::Unknown) };
    let session = match session {
        Some(token) => sessions::of_request(app, token).await?,
        None => None,
    };
    judged(app, asked, resource, session.as_ref(), At::Home { agreed }).await
}

/// The tool with the longest path that the address is under. One that is archived keeps its path, so that it does
/// not fall to a wider one; of two alike, Live goes before the rest, and the older before the newer. The scheme is
/// the resource's own.
fn belongs_to(tools: Vec<sql::Tool>, address: &Address) -> Option<Resource> {
    if address.is_odd() && tools.iter().any(|tool| address_parts(&tool.path) > 0) {
        return None;
    }
    let of_scheme = |tool: &sql::Tool| {
        let url = tool.resource.url.as_deref().unwrap_or_default();
        url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(&address.scheme))
    };
    let under = tools.into_iter().filter(of_scheme).filter_map(|tool| {
        let length = address.under(&tool.path)?;
        let resource = tool.resource;
        let rank = (
            std::cmp::Reverse(length),
            resource.archived_at.is_some(),
            resource.environment != crate::domain::environments::PRODUCTION,
            resource.id,
        );
        Some((rank, resource))
    });
    under.min_by_key(|(rank, _)| *rank).map(|(_, resource)| resource)
}

fn address_parts(path: &str) -> usize {
    path.split('/').filter(|part| !part.is_empty()).count()
}

/// What a session is worth at an organization's resource.
enum Standing<'a> {
    /// A member past the gate (S9).
    Member(&'a Place),
    /// Somebody who is no active member.
    Guest,
    Lacking(Need),
}

fn standing<'a>(session: Option<&'a Session>, resource: &Resource, now: Timestamp) -> Standing<'a> {
    let Some(session) = session else { return Standing::Lacking(Need::Session) };
    let here = |place: &&Place| place.organization.id == resource.organization;
    let place = session.known_places().find(here).filter(|place| place.member.is_active(now));
    match place {
        Some(place) => match session.lacks(place, now) {
            None => Standing::Member(place),
            Some(lack) => Standing::Lacking(Need::Lack(lack, place.organization.slug.clone())),
        },
        None if session.has_own_proof() => Standing::Guest,
        None => Standing::Lacking(Need::Own),
    }
}

/// No decision is remembered: whoever lost access lost it by the next request (R5, A12).
async fn judged(
    app: &App,
    asked: &Asked<'_>,
    resource: Resource,
    session: Option<&Session>,
    at: At,
) -> sqlx::Result<Verdict> {
    let now = app.db.now();
    let is_click = matches!(at, At::Tool { is_click: true });
    let standing = standing(session, &resource, now);
    let mut reader = app.db.read().await?;
    let (who, facts, slugs) = match (&standing, session) {
        (Standing::Member(place), Some(session)) => {
            let teams = sql::teams(&mut reader, resource.organization, session.user, resource.id).await?;
            let who = resources::Who {
                user: Some(session.user),
                standing: resources::Standing::Active(place.member.role),
                domain: domain_of(&session.user_email),
                teams: teams.iter().filter_map(sql::TeamRow::team).collect(),
                has_link: false,
            };
            let facts =
                resources::facts_with(&resource, sql::entry(&teams, session.user), sql::granted(&teams));
            (who, facts, sql::slugs(&teams))
        }
        (Standing::Guest, Some(session)) => {
            let who = resources::who(&mut reader, resource.organization, session.user, now).await?;
            let facts = resources::facts(&mut reader, &resource, &who).await?;
            (who, facts, Vec::new())
        }
        _ => (Who::nobody(), resources::facts(&mut reader, &resource, &Who::nobody()).await?, Vec::new()),
    };
    drop(reader);
    let decision = decide(&facts, &who.subject(), Permissions::READ);
    match standing {
        Standing::Lacking(need) if !decision.allowed => Ok(Verdict::SignIn(need)),
        Standing::Lacking(_) => Ok(Verdict::Open { visitor: None, permissions: decision.permissions() }),
        Standing::Member(place) => {
            let Some(session) = session else { return Ok(Verdict::Unknown) };
            member(app, asked, resource, session, place, &decision, slugs, is_click).await
        }
        Standing::Guest => {
            let Some(session) = session else { return Ok(Verdict::Unknown) };
            let person = session.person(asked.origin.clone());
            if !decision.allowed {
                return Ok(Verdict::Refused(Box::new(Refused { person, resource, known_in: None })));
            }
            if let At::Home { agreed } = at {
                // What is open to nobody signed in opens without a name.
                let public = decide(&facts, &Who::nobody().subject(), Permissions::READ);
                if public.allowed {
                    return Ok(Verdict::Open { visitor: None, permissions: public.permissions() });
                }
                if !agreed {
                    return Ok(Verdict::SignIn(word(app, &resource, person).await?));
                }
            }
            if is_click && sessions::worth_noting(Some(session.last_seen_at), now) {
                let mut tx = app.db.write().await?;
                sessions::note_click(&mut tx, session.id, None, now).await?;
                tx.commit().await?;
            }
            Ok(open(person, None, Vec::new(), &decision))
        }
    }
}

async fn word(app: &App, resource: &Resource, person: Person) -> sqlx::Result<Need> {
    let organization = organizations::by_id(&mut app.db.read().await?, resource.organization).await?.name;
    Ok(Need::Word(Box::new(Stranger { person, organization })))
}

/// A member past the gate; by break-glass it is audited first (O4), and a click inside counts as one (S10).
#[expect(clippy::too_many_arguments, reason = "it is the second half of one function")]
async fn member(
    app: &App,
    asked: &Asked<'_>,
    resource: Resource,
    session: &Session,
    place: &Place,
    decision: &Decision,
    slugs: Vec<String>,
    is_click: bool,
) -> sqlx::Result<Verdict> {
    let now = app.db.now();
    let person = session.person(asked.origin.clone());
    let (organization, role) = (&place.organization, place.member.role);
    if !decision.allowed {
        let known = facts_known(&resource, organization);
        return Ok(Verdict::Refused(Box::new(Refused { person, resource, known_in: known })));
    }
    if place.break_glass_at.is_none() && session.breaks_glass(place, now) {
        let actor = Actor { person: person.clone(), organization: organization.id, role };
        sso::note_break_glass(app, &actor).await?;
    }
    if is_click && sessions::worth_noting(place.last_click, now) {
        let mut tx = app.db.write().await?;
        // The membership before the session, as whoever changes factors locks them.
        users::visited(&mut tx, organization.id, &person, now).await?;
        sessions::note_click(&mut tx, session.id, Some(organization.id), now).await?;
        tx.commit().await?;
    }
    Ok(open(person, Some(role), slugs, decision))
}

/// Of a verified address: of one that is kept only such are.
fn domain_of(email: &str) -> String {
    email
        .parse::<Email>()
        .ok()
        .and_then(|email| Some(email.canonical().rsplit_once('@')?.1.to_owned()))
        .unwrap_or_default()
}

fn facts_known(resource: &Resource, organization: &Organization) -> Option<String> {
    let known = resource.audience.is_some_and(|audience| audience.is_known_to_members());
    (known && resource.archived_at.is_none()).then(|| organization.slug.clone())
}

fn open(person: Person, role: Option<Role>, teams: Vec<String>, decision: &Decision) -> Verdict {
    let visitor = Visitor { person, role, teams };
    Verdict::Open { visitor: Some(Box::new(visitor)), permissions: decision.permissions() }
}

/// Drops tickets that are of no more use, and sessions at tools whose own session has ended.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let now = tx.now();
    sql::drop_tickets(tx, now.plus(-DAY)).await?;
    sql::drop_ended(tx).await
}
