use sqlx::{Database, Encode, QueryBuilder, Type};

use super::{AudienceFilter, ListQuery, Listed};
use crate::domain::environments::Place;
use crate::domain::values::folded;
use crate::ids::UserId;
use crate::storage::{Lends, on_either};

const MOST_WORDS: usize = 5;

/// One statement for a page: what the entries of each come to is counted in it.
const COLUMNS: &str = "select r.id, r.key, r.kind, r.name, r.url, r.description, r.creator, u.name as creator_name, \
     r.audience, r.domain, r.changed_at, r.archived_at, \
     (select count(*) from resource_people p where p.resource = r.id) as people, \
     (select count(*) from resource_teams e where e.resource = r.id) as teams, \
     (select t.name from resource_teams e join teams t on t.id = e.team where e.resource = r.id \
      order by t.name_key, t.id limit 1) as first_team, \
     (select t.name from resource_teams e join teams t on t.id = e.team where e.resource = r.id \
      order by t.name_key desc, t.id desc limit 1) as last_team, \
     (select p.key from resources p where r.audience is null and r.kind in ('action', 'page') \
      and p.organization = r.organization and p.environment = r.environment and p.developer = r.developer \
      and p.kind = 'page' and p.audience is not null and p.archived_at is null \
      and substr(r.key, 1, length(p.key) + 1) = p.key || '/' order by length(p.key) desc limit 1) as page \
     from resources r join users u on u.id = r.creator where r.organization = ";

/// A page by keyset. Only fixed words reach the text of the query; whatever a person typed is bound.
pub(super) async fn list(
    on: &mut impl Lends,
    place: &Place,
    hidden_of: Option<UserId>,
    query: &ListQuery,
    limit: usize,
) -> sqlx::Result<Vec<Listed>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    on_either!(on, |e| {
        statement(place, hidden_of, query, limit).build_query_as::<Listed>().fetch_all(e).await
    })
}

fn statement<DB: Database>(
    place: &Place,
    hidden_of: Option<UserId>,
    asked: &ListQuery,
    limit: i64,
) -> QueryBuilder<DB>
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(COLUMNS);
    query.push_bind(place.organization.to_string());
    query.push(" and r.environment = ").push_bind(place.environment.clone());
    query.push(" and r.developer = ").push_bind(place.developer.clone());
    query.push(if asked.archived { " and r.archived_at is not null" } else { " and r.archived_at is null" });
    if let Some(user) = hidden_of {
        query.push(" and (r.creator = ").push_bind(user.to_string());
        query.push(
            " or coalesce(r.audience, case when r.kind in ('interface', 'tool') then 'Private' else '' end) \
             not in ('Private', 'Unlisted'))",
        );
    }
    if let Some(kind) = asked.kind {
        query.push(" and r.kind = ").push_bind(kind.code().to_owned());
    }
    match asked.audience {
        None => {}
        Some(AudienceFilter::Unsaid) => {
            query.push(" and r.audience is null and r.kind in ('action', 'page')");
        }
        Some(AudienceFilter::Is(audience)) => {
            query.push(
                " and coalesce(r.audience, case when r.kind in ('interface', 'tool') then 'Private' else '' end) = ",
            );
            query.push_bind(audience.code().to_owned());
        }
    }
    for word in asked.search.split_whitespace().take(MOST_WORDS) {
        let pattern = containing(&folded(word));
        query.push(" and (r.name_key like ").push_bind(pattern.clone());
        query.push(r" escape '\' or lower(r.key) like ").push_bind(pattern.clone());
        query.push(r" escape '\' or lower(coalesce(r.url, '')) like ").push_bind(pattern);
        query.push(r" escape '\')");
    }
    let backwards = asked.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    if let Some(cursor) = &asked.cursor {
        query.push(if backwards { " and (r.name_key, r.id) < (" } else { " and (r.name_key, r.id) > (" });
        query.push_bind(cursor.key.clone()).push(", ").push_bind(cursor.id.clone()).push(")");
    }
    query.push(match backwards {
        false => " order by r.name_key, r.id limit ",
        true => " order by r.name_key desc, r.id desc limit ",
    });
    query.push_bind(limit);
    query
}

/// A `like` pattern for a text that is anywhere; what it holds of pattern signs stands for itself.
fn containing(word: &str) -> String {
    let mut pattern = String::from("%");
    for c in word.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
