use sqlx::{Database, Encode, QueryBuilder, Type};

use super::{Filter, Listed, Place, Standing, day};
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::api_keys::Kind;
use crate::domain::users;
use crate::ids::{AgentId, ApiKeyId, OrganizationId};
use crate::storage::{Lends, fetch_all, fetch_optional, on_either};

/// One statement for a page. The day of its calls is the first thing bound.
macro_rules! listed {
    ($day:literal) => {
        concat!(
            "select k.id, k.family, k.kind, k.name, k.shown, k.agent, a.name as agent_name, k.environment, ",
            "k.permission, p.name as permission_name, k.owner, u.name as owner_name, m.role as owner_role, ",
            "m.state as owner_state, m.ends_at as owner_ends_at, ",
            "k.created_at, b.name as created_by_name, k.expires_at, k.revoked_at, k.replaced_at, ",
            "k.replaced_by, k.last_used_at, k.last_used_from, k.addresses, o.longest_key, ",
            "coalesce(c.calls, 0) as calls from api_keys k join organizations o on o.id = k.organization ",
            // Before the others: a page is narrowed by it.
            "left join memberships m on m.organization = k.organization and m.user_id = k.owner ",
            "left join agents a on a.id = k.agent ",
            "left join permissions p on p.id = k.permission and p.organization = k.organization ",
            "left join users u on u.id = k.owner left join users b on b.id = k.created_by ",
            "left join api_key_calls c on c.key = k.id and c.day = ",
            $day
        )
    };
}

/// Only fixed words reach the text of the query; whatever a person typed is bound.
pub(super) async fn page(
    on: &mut impl Lends,
    organization: OrganizationId,
    filter: &Filter,
    place: Option<&Place>,
    limit: usize,
    now: Timestamp,
) -> sqlx::Result<Vec<Listed>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    on_either!(on, |e| {
        statement(organization, filter, place, limit, now).build_query_as::<Listed>().fetch_all(e).await
    })
}

fn statement<DB: Database>(
    organization: OrganizationId,
    filter: &Filter,
    place: Option<&Place>,
    limit: i64,
    now: Timestamp,
) -> QueryBuilder<DB>
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(listed!(""));
    query.push_bind(day(now));
    query.push(" where k.parent is null and k.organization = ").push_bind(organization.to_string());
    let owner = filter.owner.map(|owner| owner.to_string());
    let words = [
        (" and k.owner = ", owner),
        (" and k.kind = ", filter.kind.map(|kind| kind.code().to_owned())),
        (" and k.environment = ", filter.environment.clone()),
    ];
    for (word, value) in words {
        if let Some(value) = value {
            query.push(word).push_bind(value);
        }
    }
    if let Some(standing) = filter.state {
        narrow(&mut query, standing, now);
    }
    if !filter.search.is_empty() {
        let pattern = users::containing(&filter.search);
        query.push(" and (k.name_key like ").push_bind(pattern.clone());
        query.push(r" escape '\' or lower(k.shown) like ").push_bind(pattern).push(r" escape '\')");
    }
    let newer = place.is_some_and(|place| place.newer);
    if let Some(place) = place {
        query.push(if newer { " and (k.created_at, k.id) > (" } else { " and (k.created_at, k.id) < (" });
        query.push_bind(place.at.0).push(", ").push_bind(place.id.to_string()).push(")");
    }
    query.push(match newer {
        false => " order by k.created_at desc, k.id desc limit ",
        true => " order by k.created_at, k.id limit ",
    });
    query.push_bind(limit);
    query
}

/// The keys whose state, as [`Facts::state`](super::super::state::Facts::state) says it, stands under a filter's word.
fn narrow<DB: Database>(query: &mut QueryBuilder<DB>, standing: Standing, now: Timestamp)
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    if standing == Standing::Ended {
        query.push(" and (k.revoked_at is not null or k.expires_at <= ").push_bind(now.0).push(")");
        return;
    }
    query.push(" and k.revoked_at is null and (k.expires_at is null or k.expires_at > ");
    query.push_bind(now.0).push(") and (o.longest_key is ");
    query.push(match standing {
        Standing::TooOld => "not null and k.created_at + o.longest_key <= ",
        _ => "null or k.created_at + o.longest_key > ",
    });
    query.push_bind(now.0).push(")");
    match standing {
        Standing::Working => {
            query.push(" and (k.owner is null or ");
            owner_has_keys(query, now);
            query.push(")");
        }
        Standing::OwnerOut => {
            query.push(" and k.owner is not null and not ");
            owner_has_keys(query, now);
        }
        Standing::TooOld | Standing::Ended => {}
    }
}

/// Whether a key's owner is an active member whose role has keys of its kind. Of no member it is false, and not null.
fn owner_has_keys<DB: Database>(query: &mut QueryBuilder<DB>, now: Timestamp)
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    query.push("coalesce(m.state = 'active' and (m.ends_at is null or m.ends_at > ").push_bind(now.0);
    query.push(") and (false");
    for kind in Kind::ALL {
        query.push(" or (k.kind = ").push_bind(kind.code().to_owned()).push(" and m.role in (");
        let mut roles = query.separated(", ");
        for role in Role::ALL.into_iter().filter(|role| role.may(kind.asks_of_owner())) {
            roles.push_bind(role.code().to_owned());
        }
        query.push("))");
    }
    query.push("), false)");
}

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: ApiKeyId,
    day: i64,
) -> sqlx::Result<Option<Listed>> {
    fetch_optional!(
        on,
        Listed,
        concat!(listed!("$1"), " where k.organization = $2 and k.id = $3"),
        day,
        organization,
        id
    )
}

pub(super) async fn of_agent(
    on: &mut impl Lends,
    organization: OrganizationId,
    agent: AgentId,
    day: i64,
    limit: i64,
) -> sqlx::Result<Vec<Listed>> {
    fetch_all!(
        on,
        Listed,
        concat!(
            listed!("$1"),
            " where k.organization = $2 and k.agent = $3 and k.parent is null \
             order by k.created_at desc, k.id desc limit $4"
        ),
        day,
        organization,
        agent,
        limit
    )
}
