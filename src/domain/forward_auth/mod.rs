//! Forward-auth: a reverse proxy asks whether a request may go on to a tool, by the address of the tool's resource.
//! A browser has a session of its own at each tool's host; Interlock's cookie stays at Interlock's.

mod address;
mod sql;
mod tickets;

pub use self::address::{Address, NotAnAddress};
pub use self::sql::Pass;
pub use self::tickets::{BACK_WITHIN, Redeemed, end_session, is_tool_host, redeem, ticket};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Origin, Person, Role};
use crate::domain::organizations::{self, Organization};
use crate::domain::resources::{self, Audience, Decision, Permissions, Resource, Who, decide};
use crate::domain::sessions::{self, Lack, Place, Session};
use crate::domain::values::Email;
use crate::domain::{sso, users};
use crate::ids::LinkId;
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
    /// The request may go on; nobody, where it is open to whoever is not signed in. At home also by which link, if
    /// that has let them in.
    Open { visitor: Option<Box<Visitor>>, permissions: Permissions, link: Option<LinkId> },
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
    /// Whether they may also go on without a name, and do less there.
    pub may_be_nobody: bool,
}

/// What a guest has said of being known to a tool's organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Nothing,
    /// It may know them.
    Known,
    /// They go on without a name.
    Nameless,
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
    /// By whoever is about to be sent there.
    Home { said: Said },
}

/// A proxy asks, with the cookie of the tool's host.
pub async fn at_tool(
    app: &App,
    asked: &Asked<'_>,
    cookie: Option<&TokenHash>,
    is_click: bool,
) -> sqlx::Result<Verdict> {
    let tools = sql::tools(&mut app.db.read().await?, &asked.address.host, cookie, app.db.now()).await?;
    let first = tools.first();
    let (session, linked) =
        (first.and_then(|tool| tool.session_token.clone()), first.and_then(|tool| tool.linked));
    let Some(resource) = belongs_to(tools, asked.address) else { return Ok(Verdict::Unknown) };
    let session = match session {
        Some(token) => sessions::of_request(app, &token).await?,
        None => None,
    };
    let has_link = linked == Some(resource.id);
    judged(app, asked, resource, session.as_ref(), has_link, At::Tool { is_click }).await
}

/// The same at Interlock's own host, for whoever is about to be sent to the tool, with the links that their browser has
/// opened. A guest is asked first whether its organization may know them: anybody can put a tool somewhere and send
/// others a link.
pub async fn at_home(
    app: &App,
    asked: &Asked<'_>,
    session: Option<&TokenHash>,
    links: &[TokenHash],
    said: Said,
) -> sqlx::Result<Verdict> {
    let mut reader = app.db.read().await?;
    let tools = sql::tools(&mut reader, &asked.address.host, None, app.db.now()).await?;
    let Some(resource) = belongs_to(tools, asked.address) else { return Ok(Verdict::Unknown) };
    let held = resources::links::held(&mut reader, &resource, links, app.db.now()).await?;
    drop(reader);
    let session = match session {
        Some(token) => sessions::of_request(app, token).await?,
        None => None,
    };
    let mut verdict =
        judged(app, asked, resource, session.as_ref(), held.is_some(), At::Home { said }).await?;
    if let Verdict::Open { link, .. } = &mut verdict {
        *link = held;
    }
    Ok(verdict)
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
    Member(&'a Session, &'a Place),
    /// Somebody who is no active member.
    Guest(&'a Session),
    Lacking(Need),
}

fn standing<'a>(session: Option<&'a Session>, resource: &Resource, now: Timestamp) -> Standing<'a> {
    let Some(session) = session else { return Standing::Lacking(Need::Session) };
    let here = |place: &&Place| place.organization.id == resource.organization;
    let place = session.known_places().find(here).filter(|place| place.member.is_active(now));
    match place {
        Some(place) => match session.lacks(place, now) {
            None => Standing::Member(session, place),
            Some(lack) => Standing::Lacking(Need::Lack(lack, place.organization.slug.clone())),
        },
        None if session.has_own_proof() => Standing::Guest(session),
        None => Standing::Lacking(Need::Own),
    }
}

/// No decision is remembered: whoever lost access lost it by the next request (R5, A12).
async fn judged(
    app: &App,
    asked: &Asked<'_>,
    resource: Resource,
    session: Option<&Session>,
    has_link: bool,
    at: At,
) -> sqlx::Result<Verdict> {
    let now = app.db.now();
    let is_click = matches!(at, At::Tool { is_click: true });
    let standing = standing(session, &resource, now);
    let nobody = Who { has_link, ..Who::nobody() };
    let mut reader = app.db.read().await?;
    let (who, facts, slugs) = match &standing {
        Standing::Member(session, place) => {
            let teams = sql::teams(&mut reader, resource.organization, session.user, resource.id).await?;
            let who = resources::Who {
                user: Some(session.user),
                standing: resources::Standing::Active(place.member.role),
                domain: domain_of(&session.user_email),
                teams: teams.iter().filter_map(sql::TeamRow::team).collect(),
                has_link,
            };
            let facts =
                resources::facts_with(&resource, sql::entry(&teams, session.user), sql::granted(&teams));
            (who, facts, sql::slugs(&teams))
        }
        Standing::Guest(session) => {
            let who = resources::who(&mut reader, resource.organization, session.user, now).await?;
            let who = Who { has_link, ..who };
            let facts = resources::facts(&mut reader, &resource, &who).await?;
            (who, facts, Vec::new())
        }
        Standing::Lacking(_) => {
            (nobody.clone(), resources::facts(&mut reader, &resource, &nobody).await?, Vec::new())
        }
    };
    drop(reader);
    let decision = decide(&facts, &who.subject(), Permissions::READ);
    // At home it is known whether the browser has opened a link since it was here.
    let is_unlisted = facts.access.audience == Audience::Unlisted && !facts.is_archived;
    let asks_for_link = !decision.allowed && is_unlisted && !has_link && matches!(at, At::Tool { .. });
    match standing {
        Standing::Lacking(need) if !decision.allowed => Ok(Verdict::SignIn(need)),
        // Whoever comes here from a public tool comes to sign in.
        Standing::Lacking(need) if matches!(at, At::Home { .. }) && !has_link => Ok(Verdict::SignIn(need)),
        Standing::Lacking(_) => Ok(nameless(&decision)),
        Standing::Member(session, place) => {
            let person = session.person(asked.origin.clone());
            if asks_for_link {
                return Ok(Verdict::SignIn(Need::Session));
            }
            if !decision.allowed {
                let known_in = facts_known(&resource, &place.organization);
                return Ok(Verdict::Refused(Box::new(Refused { person, resource, known_in })));
            }
            note_member(app, session, place, &person, is_click).await?;
            Ok(open(person, Some(place.member.role), slugs, &decision))
        }
        Standing::Guest(session) => {
            let person = session.person(asked.origin.clone());
            if asks_for_link {
                return Ok(Verdict::SignIn(Need::Session));
            }
            if !decision.allowed {
                return Ok(Verdict::Refused(Box::new(Refused { person, resource, known_in: None })));
            }
            if let At::Home { said } = at {
                // What is open to nobody signed in just as far opens without a name.
                let public = decide(&facts, &nobody.subject(), Permissions::READ);
                let is_all = public.permissions() == decision.permissions();
                if public.allowed && (is_all || said == Said::Nameless) {
                    return Ok(nameless(&public));
                }
                if said != Said::Known {
                    return Ok(Verdict::SignIn(word(app, &resource, person, public.allowed).await?));
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

async fn word(app: &App, resource: &Resource, person: Person, may_be_nobody: bool) -> sqlx::Result<Need> {
    let organization = organizations::by_id(&mut app.db.read().await?, resource.organization).await?.name;
    Ok(Need::Word(Box::new(Stranger { person, organization, may_be_nobody })))
}

/// A member past the gate who is let in: by break-glass that is audited first (O4), and a click inside counts as one
/// (S10).
async fn note_member(
    app: &App,
    session: &Session,
    place: &Place,
    person: &Person,
    is_click: bool,
) -> sqlx::Result<()> {
    let now = app.db.now();
    let organization = place.organization.id;
    if place.break_glass_at.is_none() && session.breaks_glass(place, now) {
        let actor = Actor { person: person.clone(), organization, role: place.member.role };
        sso::note_break_glass(app, &actor).await?;
    }
    if is_click && sessions::worth_noting(place.last_click, now) {
        let mut tx = app.db.write().await?;
        // The membership before the session, as whoever changes factors locks them.
        users::visited(&mut tx, organization, person, now).await?;
        sessions::note_click(&mut tx, session.id, Some(organization), now).await?;
        tx.commit().await?;
    }
    Ok(())
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
    Verdict::Open { visitor: Some(Box::new(visitor)), permissions: decision.permissions(), link: None }
}

fn nameless(decision: &Decision) -> Verdict {
    Verdict::Open { visitor: None, permissions: decision.permissions(), link: None }
}

/// Drops tickets that are of no more use, and sessions at tools whose own session has ended.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let now = tx.now();
    sql::drop_tickets(tx, now.plus(-DAY)).await?;
    sql::drop_ended(tx, now).await
}
