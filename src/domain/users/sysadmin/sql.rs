use sqlx::QueryBuilder;

use super::super::list::containing;
use super::{Account, AccountQuery, Headcount, ListedAccount, MemberState, Membership};
use crate::domain::values::folded;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, fetch_all, fetch_optional, on_either};

pub(super) async fn accounts(
    on: &mut impl Lends,
    asked: &AccountQuery,
    limit: i64,
) -> sqlx::Result<Vec<ListedAccount>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select u.id, u.email, u.name, u.created_at, (select count(*) from memberships c \
             where c.user_id = u.id and c.state <> 'removed') as organizations, ",
        );
        match asked.organization {
            None => {
                query.push("cast(null as text) as role, cast(null as text) as state from users u where true")
            }
            Some(organization) => query
                .push("m.role, m.state from memberships m join users u on u.id = m.user_id ")
                .push("where m.organization = ")
                .push_bind(organization),
        };
        for word in asked.search.split_whitespace().take(5) {
            let address = containing(&word.to_ascii_lowercase());
            query.push(" and (u.email_canonical like ").push_bind(address).push(r" escape '\'");
            // Folded names stand in memberships only; who has none is found by name with its marks.
            query.push(" or lower(u.name) like lower(").push_bind(containing(word)).push(r") escape '\'");
            query.push(" or exists (select 1 from memberships s where s.user_id = u.id and s.search like ");
            query.push_bind(containing(&folded(word))).push(r" escape '\'))");
        }
        query.push(" order by u.email_canonical limit ").push_bind(limit);
        query.build_query_as::<ListedAccount>().fetch_all(e).await
    })
}

pub(super) async fn account_by_id(on: &mut impl Lends, id: UserId) -> sqlx::Result<Option<Account>> {
    fetch_optional!(
        on,
        Account,
        "select id, email, email_canonical, name, created_at, password_hash is not null as has_password, \
         password_changed_at, time_zone, theme from users where id = $1",
        id
    )
}

pub(super) async fn account_by_email(on: &mut impl Lends, canonical: &str) -> sqlx::Result<Option<Account>> {
    fetch_optional!(
        on,
        Account,
        "select id, email, email_canonical, name, created_at, password_hash is not null as has_password, \
         password_changed_at, time_zone, theme from users where email_canonical = $1",
        canonical
    )
}

pub(super) async fn memberships(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Membership>> {
    fetch_all!(
        on,
        Membership,
        "select m.organization, o.slug, o.name as organization_name, m.role, m.state, m.joined_at, m.ends_at, \
         m.last_active_at from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 order by o.slug",
        user
    )
}

pub(super) async fn headcount(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<Headcount>> {
    fetch_all!(
        on,
        Headcount,
        "select role, state, count(*) as people from memberships where organization = $1 group by role, state",
        organization
    )
}

pub(super) async fn owners(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(String, String, MemberState)>> {
    fetch_all!(
        on,
        (String, String, MemberState),
        "select name, email, state from memberships where organization = $1 and role = 'owner' \
         and state <> 'removed' order by name_key, user_id",
        organization
    )
}
