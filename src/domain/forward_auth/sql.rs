use crate::clock::{DAY, Timestamp};
use crate::domain::resources::{Permissions, Resource};
use crate::ids::{LinkId, OrganizationId, ResourceId, SessionId, TeamId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

/// How long a link counts at a tool's host until it is opened anew: as long as a session lives at most (S10).
const LINK_LIFE: i64 = 30 * DAY;

#[derive(sqlx::FromRow)]
pub(super) struct Tool {
    #[sqlx(flatten)]
    pub resource: Resource,
    pub path: String,
    /// The session behind the cookie of the host, if that is one's.
    pub session_token: Option<TokenHash>,
    /// The resource that a link behind that cookie is to, if it is a link's and that works.
    pub linked: Option<ResourceId>,
}

/// The tools at a host, archived ones too, of the organization that it belongs to; a deleted one has none (R12). Dev
/// mode has none either. A session there ends when the host becomes another organization's.
/// The resources are found by their host: joined by the plain organization, SQLite would read all that it has.
pub(super) async fn tools(
    on: &mut impl Lends,
    host: &str,
    cookie: Option<&TokenHash>,
    now: Timestamp,
) -> sqlx::Result<Vec<Tool>> {
    let oldest = now.plus(-LINK_LIFE);
    fetch_all!(
        on,
        Tool,
        "select r.id, r.organization, r.environment, r.developer, r.key, r.kind, r.name, r.description, r.url, \
         r.definition, r.creator, r.audience, r.domain, r.default_permissions, r.created_at, r.changed_at, r.archived_at, \
         coalesce(r.path, '/') as path, (select s.token_hash from tool_sessions t join sessions s on s.id = t.session \
         where t.token_hash = $2 and t.host = $1 and t.created_at >= h.claimed_at) as session_token, \
         (select l.resource from tool_sessions t join resource_links l on l.id = t.link \
         where t.token_hash = $2 and t.host = $1 and t.created_at >= h.claimed_at \
         and l.revoked_at is null and (l.expires_at is null or l.expires_at > $3) and t.created_at > $4) as linked \
         from tool_hosts h join organizations o on o.id = h.organization and o.closed_at is null \
         join resources r on r.host = h.host and r.organization || '' = h.organization \
         where h.host = $1 and r.kind = 'tool' and r.developer = ''",
        host,
        cookie,
        now,
        oldest
    )
}

/// A team of a person's, and its entry; without a team, their own entry.
#[derive(sqlx::FromRow)]
pub(super) struct TeamRow {
    team: Option<TeamId>,
    slug: Option<String>,
    is_entry: bool,
    permissions: Option<Permissions>,
}

/// All teams of a member and all entries of a resource that can matter to them.
pub(super) async fn teams(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    resource: ResourceId,
) -> sqlx::Result<Vec<TeamRow>> {
    let mut rows = fetch_all!(
        on,
        TeamRow,
        "select m.team, t.slug, e.team is not null as is_entry, e.permissions from team_members m \
         join teams t on t.id = m.team left join resource_teams e on e.team = m.team and e.resource = $3 \
         where m.organization = $1 and m.user_id = $2 \
         union all select null, null, true, p.permissions from resource_people p \
         where p.resource = $3 and p.user_id = $2",
        organization,
        user,
        resource
    )?;
    rows.sort_by(|one, other| (one.team, &one.slug).cmp(&(other.team, &other.slug)));
    Ok(rows)
}

pub(super) fn entry(rows: &[TeamRow], user: UserId) -> Vec<(UserId, Option<Permissions>)> {
    let own = rows.iter().filter(|row| row.team.is_none());
    own.map(|row| (user, row.permissions)).collect()
}

pub(super) fn granted(rows: &[TeamRow]) -> Vec<(TeamId, Option<Permissions>)> {
    rows.iter().filter(|row| row.is_entry).filter_map(|row| Some((row.team?, row.permissions))).collect()
}

/// Sorted.
pub(super) fn slugs(rows: &[TeamRow]) -> Vec<String> {
    let mut slugs: Vec<String> = rows.iter().filter_map(|row| row.slug.clone()).collect();
    slugs.sort();
    slugs
}

impl TeamRow {
    pub(super) fn team(&self) -> Option<TeamId> {
        self.team
    }
}

/// The address of a tool there: of several schemes that of one in use, and rather `https`.
pub(super) async fn is_tool_host(on: &mut impl Lends, host: &str) -> sqlx::Result<Option<(String,)>> {
    fetch_optional!(
        on,
        (String,),
        "select r.url from tool_hosts h join organizations o on o.id = h.organization and o.closed_at is null \
         join resources r on r.host = h.host and r.organization || '' = h.organization \
         where h.host = $1 and r.kind = 'tool' and r.developer = '' and r.url is not null \
         order by r.archived_at is not null, case when lower(r.url) like 'https:%' then 0 else 1 end, r.id limit 1",
        host
    )
}

pub(super) async fn insert_ticket(
    on: &mut impl Lends,
    token: &TokenHash,
    of: Pass,
    host: &str,
    back: &str,
    state: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into tool_tickets (token_hash, session, link, host, back, state, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        token,
        of.session,
        of.link,
        host,
        back,
        state,
        now
    )?;
    Ok(())
}

/// What lets a browser in at a tool's host: a session, a link, or both.
#[derive(Clone, Copy, Debug, Default, sqlx::FromRow)]
pub struct Pass {
    pub session: Option<SessionId>,
    pub link: Option<LinkId>,
}

/// Uses a ticket up: of two at once, one does. It is for the organization that had the host when it was made.
pub(super) async fn use_ticket(
    on: &mut impl Lends,
    token: &TokenHash,
    host: &str,
    state: &str,
    made_after: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Option<(Pass, String)>> {
    let used = execute!(
        on,
        "update tool_tickets set used_at = $5 where token_hash = $1 and host = $2 and state = $3 and used_at is null \
         and created_at > $4 and created_at >= (select h.claimed_at from tool_hosts h where h.host = $2)",
        token,
        host,
        state,
        made_after,
        now
    )?;
    if used != 1 {
        return Ok(None);
    }
    // Of a session that has ended the link is left, if there was one.
    let found = fetch_optional!(
        on,
        (Option<SessionId>, Option<LinkId>, String),
        "select s.id, t.link, t.back from tool_tickets t \
         left join sessions s on s.id = t.session and s.ended_at is null \
         where t.token_hash = $1 and (s.id is not null or t.link is not null)",
        token
    )?;
    Ok(found.map(|(session, link, back)| (Pass { session, link }, back)))
}

pub(super) async fn insert_session(
    on: &mut impl Lends,
    token: &TokenHash,
    of: Pass,
    host: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into tool_sessions (token_hash, session, link, host, created_at) values ($1, $2, $3, $4, $5)",
        token,
        of.session,
        of.link,
        host,
        now
    )?;
    Ok(())
}

pub(super) async fn end_session(on: &mut impl Lends, token: &TokenHash, host: &str) -> sqlx::Result<()> {
    execute!(on, "delete from tool_sessions where token_hash = $1 and host = $2", token, host)?;
    Ok(())
}

pub(super) async fn drop_tickets(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from tool_tickets where created_at < $1", before)?;
    Ok(())
}

pub(super) async fn drop_ended(on: &mut impl Lends, now: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from tool_sessions \
         where (session is null or session in (select id from sessions where ended_at is not null)) \
         and (link is null or created_at <= $2 \
         or link in (select id from resource_links where revoked_at is not null or expires_at <= $1))",
        now,
        now.plus(-LINK_LIFE)
    )?;
    Ok(())
}
