use sqlx::{Database, Encode, QueryBuilder, Type};

use super::{FactorFilter, ListQuery, Listed, Sort, StateFilter};
use crate::domain::values::folded;
use crate::ids::{OrganizationId, TeamId};
use crate::storage::{Conn, Lends, fetch_all, on_either};

/// A search looks through this many rows in the list's order first: what many match fills its page there,
/// and need not be sorted.
const LOOKED_THROUGH: i64 = 1_000;
/// One letter or two that begin more groups of three than this are common enough to go without the index.
const MOST_TERMS: i64 = 500;
const MOST_WORDS: usize = 5;

const COLUMNS: &str = "user_id, name, email, role, state, ends_at, joined_at, last_active_at, has_authenticator, \
                       has_passkey, remembered_until";

/// Where the rows of a page come from.
enum Source {
    /// The whole list, in its order.
    All,
    /// The beginning of the list.
    Beginning,
    /// What SQLite's index of trigrams gives for an expression.
    Trigrams(String),
    /// Those in a team, who are few beside all: they are looked up one by one, and then sorted.
    Team(TeamId),
    /// What PostgreSQL gives for the words, before anything is sorted.
    Matches,
}

/// A page by keyset. Only enums reach the text of the query; whatever a person typed is bound.
pub(super) async fn list(
    on: &mut impl Lends,
    organization: OrganizationId,
    filter: &ListQuery,
    limit: usize,
) -> sqlx::Result<Vec<Listed>> {
    let words: Vec<String> = filter.search.split_whitespace().take(MOST_WORDS).map(folded).collect();
    if let Some(team) = filter.team {
        return page(on, organization, filter, &words, limit, &Source::Team(team)).await;
    }
    if words.is_empty() {
        return page(on, organization, filter, &words, limit, &Source::All).await;
    }
    let beginning = page(on, organization, filter, &words, limit, &Source::Beginning).await?;
    if beginning.len() == limit {
        return Ok(beginning);
    }
    let source = match on.conn() {
        Conn::Postgres(_) => Source::Matches,
        Conn::Sqlite(_) => match by_trigrams(on, &words).await? {
            Some(source) => source,
            None => return Ok(Vec::new()),
        },
    };
    page(on, organization, filter, &words, limit, &source).await
}

/// The words as the index of trigrams is asked for them, unless all are too short and too common for it.
/// Nothing, if it holds nothing like one of them.
async fn by_trigrams(on: &mut impl Lends, words: &[String]) -> sqlx::Result<Option<Source>> {
    let quoted = |term: &str| ["\"", &term.replace('"', "\"\""), "\""].concat();
    let mut parts = Vec::new();
    for word in words {
        let letters: Vec<char> = word.chars().collect();
        if letters.len() >= 3 {
            parts.extend(letters.windows(3).map(|three| quoted(&three.iter().collect::<String>())));
            continue;
        }
        let terms = beginning_with(on, word).await?;
        if terms.is_empty() {
            return Ok(None);
        }
        if terms.len() <= usize::try_from(MOST_TERMS).unwrap_or(usize::MAX) {
            let any: Vec<String> = terms.iter().map(|term| quoted(term)).collect();
            parts.push(["(", &any.join(" OR "), ")"].concat());
        }
    }
    Ok(Some(if parts.is_empty() { Source::All } else { Source::Trigrams(parts.join(" AND ")) }))
}

/// The groups of three letters that begin with one or two.
async fn beginning_with(on: &mut impl Lends, letters: &str) -> sqlx::Result<Vec<String>> {
    let rows = fetch_all!(
        on,
        (String,),
        "select term from member_search_terms where term >= $1 and term < $2 limit $3",
        letters,
        [letters, "\u{10ffff}"].concat(),
        MOST_TERMS + 1
    )?;
    Ok(rows.into_iter().map(|(term,)| term).collect())
}

async fn page(
    on: &mut impl Lends,
    organization: OrganizationId,
    filter: &ListQuery,
    words: &[String],
    limit: usize,
    source: &Source,
) -> sqlx::Result<Vec<Listed>> {
    let (organization, limit) = (organization.to_string(), i64::try_from(limit).unwrap_or(i64::MAX));
    on_either!(on, |e| {
        let mut query = statement(organization, filter, words, limit, source);
        query.build_query_as::<Listed>().fetch_all(e).await
    })
}

fn statement<DB: Database>(
    organization: String,
    filter: &ListQuery,
    words: &[String],
    limit: i64,
    source: &Source,
) -> QueryBuilder<DB>
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new("select ");
    query.push(COLUMNS).push(" from ");
    match source {
        Source::All => {
            query.push("memberships m where organization = ").push_bind(organization);
            narrow(&mut query, filter);
            matching(&mut query, words);
        }
        Source::Beginning => {
            query
                .push("(select ")
                .push(COLUMNS)
                .push(", name_key, search from memberships where organization = ");
            query.push_bind(organization);
            narrow(&mut query, filter);
            query.push(in_order(filter)).push(" limit ").push_bind(LOOKED_THROUGH).push(") m where true");
            matching(&mut query, words);
        }
        Source::Trigrams(expression) => {
            // The join is crossed: SQLite then begins with the index. The other conditions hold all the same.
            query
                .push("member_search f cross join memberships m on m.search_id = f.rowid ")
                .push("where f.member_search match ")
                .push_bind(expression.clone());
            for side in [
                " and f.rowid > (select search_id << 32 from organizations where id = ",
                " and f.rowid < (select (search_id + 1) << 32 from organizations where id = ",
            ] {
                query.push(side).push_bind(organization.clone()).push(")");
            }
            query.push(" and organization = ").push_bind(organization);
            narrow(&mut query, filter);
            matching(&mut query, words);
        }
        Source::Team(team) => {
            // The join is crossed for SQLite, which then begins with the team; PostgreSQL sees for itself.
            query.push("(select user_id as inside from team_members where team = ");
            query.push_bind(team.to_string());
            query.push(") t cross join memberships m where m.user_id = t.inside and organization = ");
            query.push_bind(organization);
            narrow(&mut query, filter);
            matching(&mut query, words);
        }
        Source::Matches => {
            query.push("(select * from memberships m where organization = ").push_bind(organization);
            matching(&mut query, words);
            // Planned apart: else the list is walked in its order, in hope of an early end.
            query.push(" offset 0) m where true");
            narrow(&mut query, filter);
        }
    }
    query.push(in_order(filter)).push(" limit ").push_bind(limit);
    query
}

/// Columns and directions in which there is an index.
fn order(filter: &ListQuery) -> (&'static str, bool) {
    let column = match filter.sort {
        Sort::Name => "name_key",
        Sort::Joined => "joined_at",
        Sort::LastActive => "last_active_at",
    };
    let backwards = filter.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    (column, filter.descending != backwards)
}

fn in_order(filter: &ListQuery) -> &'static str {
    match order(filter) {
        ("name_key", false) => " order by name_key, user_id",
        ("name_key", true) => " order by name_key desc, user_id desc",
        ("joined_at", false) => " order by joined_at, user_id",
        ("joined_at", true) => " order by joined_at desc, user_id desc",
        (_, false) => " order by last_active_at, user_id",
        (_, true) => " order by last_active_at desc, user_id desc",
    }
}

/// The filters and the place in the list. Each clause is written so that one index serves it in order: the
/// few who are not active have indexes of their own.
fn narrow<DB: Database>(query: &mut QueryBuilder<DB>, filter: &ListQuery)
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    query.push(match filter.state {
        StateFilter::Present => " and state <> 'removed'",
        StateFilter::Active => " and state <> 'removed' and state || '' = 'active'",
        StateFilter::Suspended => " and state <> 'active' and state = 'suspended'",
        StateFilter::Removed => " and state <> 'active' and state = 'removed'",
    });
    query.push(match filter.factors {
        FactorFilter::Any => "",
        FactorFilter::None => " and not has_authenticator and not has_passkey",
        FactorFilter::NoPasskey => " and not has_passkey",
    });
    if let Some(role) = filter.role {
        let few = matches!(filter.state, StateFilter::Suspended | StateFilter::Removed)
            || filter.factors == FactorFilter::None;
        query.push(if few { " and role || '' = " } else { " and role = " }).push_bind(role.code().to_owned());
    }
    if let Some(cursor) = &filter.cursor {
        let (column, descending) = order(filter);
        query.push(" and (").push(column).push(if descending { ", user_id) < (" } else { ", user_id) > (" });
        match filter.sort {
            Sort::Name => query.push_bind(cursor.value.clone()),
            Sort::Joined | Sort::LastActive => query.push_bind(cursor.value.parse::<i64>().unwrap_or(0)),
        };
        query.push(", ").push_bind(cursor.user.to_string()).push(")");
    }
}

fn matching<DB: Database>(query: &mut QueryBuilder<DB>, words: &[String])
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
{
    for word in words {
        query.push(" and m.search like ").push_bind(containing(word)).push(r" escape '\'");
    }
}

/// A `like` pattern for a text that is anywhere; what it holds of pattern signs stands for itself.
pub(in crate::domain) fn containing(word: &str) -> String {
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

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

    use super::*;
    use crate::domain::access::Role;
    use crate::domain::users::list::Cursor;
    use crate::ids::UserId;

    /// Every view of the list that a search does not narrow.
    fn views() -> Vec<ListQuery> {
        let mut views = Vec::new();
        let cursor = |backwards| Some(Cursor { backwards, value: "7".to_owned(), user: UserId::nobody() });
        for sort in [Sort::Name, Sort::Joined, Sort::LastActive] {
            for state in
                [StateFilter::Present, StateFilter::Active, StateFilter::Suspended, StateFilter::Removed]
            {
                for role in [None, Some(Role::Auditor)] {
                    for factors in [FactorFilter::Any, FactorFilter::None, FactorFilter::NoPasskey] {
                        for descending in [false, true] {
                            for cursor in [None, cursor(false), cursor(true)] {
                                let search = String::new();
                                views.push(ListQuery {
                                    search,
                                    role,
                                    state,
                                    factors,
                                    team: None,
                                    sort,
                                    descending,
                                    cursor,
                                });
                            }
                        }
                    }
                }
            }
        }
        views
    }

    /// Each view is read by one index, in its order: nothing is sorted, however many members there are.
    #[tokio::test]
    async fn no_view_sorts() {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.expect("SQLite is built in");
        for tables in [
            include_str!("../../../../migrations/0001_foundation.sql"),
            include_str!("../../../../migrations/0002_people.sql"),
            include_str!("../../../../migrations/0004_factors.sql"),
            include_str!("../../../../migrations/0005_sso.sql"),
        ] {
            sqlx::raw_sql(tables).execute(&mut database).await.expect("the tables can be made");
        }
        for view in views() {
            let query = statement::<sqlx::Sqlite>(String::new(), &view, &[], 51, &Source::All);
            let explained = ["explain query plan ", query.sql().as_str()].concat();
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(AssertSqlSafe(explained)).fetch_all(&mut database).await.expect("it is SQL");
            let [(.., step)] = plan.as_slice() else { panic!("{view:?}: {plan:?}") };
            // The few without a factor are read from indexes of their own, if the state has none.
            let few = matches!(view.state, StateFilter::Present | StateFilter::Active);
            let index = if few && view.factors == FactorFilter::None { "without_mfa" } else { "by_" };
            assert!(
                step.starts_with(&format!("SEARCH m USING INDEX memberships_{index}")),
                "{view:?}: {step}"
            );
            let from_cursor = step.contains("user_id)>(?") || step.contains("user_id)<(?");
            assert_eq!(from_cursor, view.cursor.is_some(), "{view:?}: {step}");
        }
    }
}
