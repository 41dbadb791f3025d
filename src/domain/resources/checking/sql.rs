use std::collections::BTreeSet;

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::super::{Permissions, Resource};
use super::Person;
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::environments::Place;
use crate::domain::users::MemberState;
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Lends, fetch_all, on_either};

/// A user, and how they stand to one organization.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub user: UserId,
    pub email_canonical: String,
    pub state: Option<MemberState>,
    pub role: Option<Role>,
    pub ends_at: Option<Timestamp>,
}

/// The same as it may be nobody.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Perhaps {
    person: Option<UserId>,
    email_canonical: Option<String>,
    state: Option<MemberState>,
    role: Option<Role>,
    ends_at: Option<Timestamp>,
}

impl Perhaps {
    pub(super) fn some(self) -> Option<Known> {
        let Perhaps { person, email_canonical, state, role, ends_at } = self;
        Some(Known { user: person?, email_canonical: email_canonical?, state, role, ends_at })
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    #[sqlx(flatten)]
    pub resource: Resource,
    #[sqlx(flatten)]
    pub known: Perhaps,
}

macro_rules! one {
    ($by:literal) => {
        concat!(
            "select r.id, r.organization, r.environment, r.developer, r.key, r.kind, r.name, r.description, r.url, \
             r.definition, r.creator, r.audience, r.domain, r.default_permissions, r.created_at, r.changed_at, \
             r.archived_at, u.id as person, u.email_canonical, m.state, m.role, m.ends_at from resources r left join users u on ",
            $by,
            " = $10 left join memberships m on m.organization = $1 and m.user_id = u.id \
             where r.organization = $1 and r.environment = $2 and r.developer = $3 and r.key in ($4, $5, $6, $7, $8, $9)"
        )
    };
}

/// The resources of at most six keys, each with the person.
pub(super) async fn one(
    on: &mut impl Lends,
    place: &Place,
    keys: &[&str],
    person: &Person,
) -> sqlx::Result<Vec<Row>> {
    let key = |at: usize| keys.get(at).copied().unwrap_or_default();
    let (sql, person) = match person {
        Person::Id(id) => (one!("u.id"), id.to_string()),
        Person::Email(email) => (one!("u.email_canonical"), email.clone()),
        Person::Nobody | Person::Unknown => (one!("u.id"), String::new()),
    };
    fetch_all!(
        on,
        Row,
        sql,
        place.organization,
        &place.environment,
        &place.developer,
        key(0),
        key(1),
        key(2),
        key(3),
        key(4),
        key(5),
        person.as_str()
    )
}

/// Binds a list between brackets; an empty one is in no column.
fn push_list<DB: Database, T>(query: &mut QueryBuilder<DB>, list: impl IntoIterator<Item = T>)
where
    T: for<'q> Encode<'q, DB> + Type<DB> + 'static,
{
    query.push("(");
    let mut separated = query.separated(", ");
    separated.push("''");
    for one in list {
        separated.push_bind(one);
    }
    query.push(")");
}

pub(super) async fn resources(
    on: &mut impl Lends,
    place: &Place,
    keys: BTreeSet<&str>,
) -> sqlx::Result<Vec<Resource>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select id, organization, environment, developer, key, kind, name, description, url, definition, creator, \
             audience, domain, default_permissions, created_at, changed_at, archived_at from resources \
             where organization = ",
        );
        query.push_bind(place.organization).push(" and environment = ").push_bind(place.environment.clone());
        query.push(" and developer = ").push_bind(place.developer.clone()).push(" and key in ");
        push_list(&mut query, keys.iter().map(|key| (*key).to_owned()));
        query.build_query_as::<Resource>().fetch_all(e).await
    })
}

pub(super) async fn people(
    on: &mut impl Lends,
    organization: OrganizationId,
    ids: BTreeSet<UserId>,
    emails: BTreeSet<&str>,
) -> sqlx::Result<Vec<Perhaps>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select u.id as person, u.email_canonical, m.state, m.role, m.ends_at from users u \
             left join memberships m on m.user_id = u.id and m.organization = ",
        );
        query.push_bind(organization).push(" where u.id in ");
        push_list(&mut query, ids.iter().copied());
        query.push(" or u.email_canonical in ");
        push_list(&mut query, emails.iter().map(|email| (*email).to_owned()));
        query.build_query_as::<Perhaps>().fetch_all(e).await
    })
}

/// A person's entry, that of a team of theirs, or one that waits for an address and has no person yet.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Entry {
    pub resource: ResourceId,
    pub user: Option<UserId>,
    pub email: Option<String>,
    pub team: Option<TeamId>,
    pub team_name: Option<String>,
    pub permissions: Option<Permissions>,
}

pub(super) async fn entries(
    on: &mut impl Lends,
    organization: OrganizationId,
    resources: BTreeSet<ResourceId>,
    people: BTreeSet<UserId>,
    addresses: BTreeSet<&str>,
) -> sqlx::Result<Vec<Entry>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select p.resource, p.user_id as \"user\", null as email, null as team, null as team_name, p.permissions \
             from resource_people p where p.resource in ",
        );
        push_list(&mut query, resources.iter().copied());
        query.push(" and p.user_id in ");
        push_list(&mut query, people.iter().copied());
        query.push(
            " union all select p.resource, null, p.email_canonical, null, null, p.permissions \
             from resource_people p where p.resource in ",
        );
        push_list(&mut query, resources.iter().copied());
        query.push(" and p.user_id is null and p.email_canonical in ");
        push_list(&mut query, addresses.iter().map(|address| (*address).to_owned()));
        query.push(
            " union all select e.resource, m.user_id, null, e.team, t.name, e.permissions from team_members m \
             join resource_teams e on e.team = m.team join teams t on t.id = m.team where m.organization = ",
        );
        query.push_bind(organization).push(" and m.user_id in ");
        push_list(&mut query, people.iter().copied());
        query.push(" and e.resource in ");
        push_list(&mut query, resources.iter().copied());
        query.build_query_as::<Entry>().fetch_all(e).await
    })
}
