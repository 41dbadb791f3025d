mod sql;

pub(in crate::domain) use self::sql::containing;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::members::{Member, MemberError, MemberState};
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Factors, Role};
use crate::domain::values::folded;
use crate::ids::{OrganizationId, TeamId, UserId};
use crate::storage::{Db, Lends};

/// What the list is sorted by. Each has an index that begins with the organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Name,
    Joined,
    LastActive,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateFilter {
    /// Everyone who is in the organization: active or suspended.
    #[default]
    Present,
    Active,
    Suspended,
    Removed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FactorFilter {
    #[default]
    Any,
    /// Neither an authenticator nor a passkey: it has indexes of its own.
    None,
    /// No passkey, for whoever requires those.
    NoPasskey,
}

#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    pub search: String,
    pub role: Option<Role>,
    pub state: StateFilter,
    pub factors: FactorFilter,
    /// Only those in this team.
    pub team: Option<TeamId>,
    pub sort: Sort,
    pub descending: bool,
    pub cursor: Option<Cursor>,
}

/// A place in the list: just after, or just before, one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub backwards: bool,
    pub(super) value: String,
    pub(super) user: UserId,
}

impl Cursor {
    fn at(member: &Listed, sort: Sort, backwards: bool) -> Cursor {
        let value = match sort {
            Sort::Name => folded(&member.name),
            Sort::Joined => member.joined_at.0.to_string(),
            Sort::LastActive => member.last_active_at.0.to_string(),
        };
        Cursor { backwards, value, user: member.user_id }
    }

    pub fn encode(&self) -> String {
        let way = if self.backwards { '<' } else { '>' };
        URL_SAFE_NO_PAD.encode(format!("{way}{}{}", self.user, self.value))
    }

    /// What [`Cursor::encode`] wrote, for the same sort; anything else is `None`.
    pub fn decode(text: &str, sort: Sort) -> Option<Cursor> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let backwards = match text.as_bytes().first()? {
            b'<' => true,
            b'>' => false,
            _ => return None,
        };
        let user = text.get(1..37)?.parse().ok()?;
        let value = text.get(37..)?.to_owned();
        let fits = sort == Sort::Name || value.parse::<i64>().is_ok();
        (fits && value.len() <= 1_000 && !value.contains('\0')).then_some(Cursor { backwards, value, user })
    }
}

/// A member as a list shows them: each column more of each row costs a page of the list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub state: MemberState,
    pub ends_at: Option<Timestamp>,
    pub joined_at: Timestamp,
    pub last_active_at: Timestamp,
    #[sqlx(flatten)]
    pub factors: Factors,
    pub remembered_until: Timestamp,
}

impl Listed {
    /// Active, and not past its end date.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.state == MemberState::Active && self.ends_at.is_none_or(|end| now < end)
    }
}

impl From<Member> for Listed {
    fn from(member: Member) -> Listed {
        Listed {
            user_id: member.user_id,
            name: member.name,
            email: member.email,
            role: member.role,
            state: member.state,
            ends_at: member.ends_at,
            joined_at: member.joined_at,
            last_active_at: member.last_active_at,
            factors: member.factors,
            remembered_until: member.remembered_until,
        }
    }
}

/// A page of members.
#[derive(Debug)]
pub struct Members {
    pub members: Vec<Listed>,
    pub previous: Option<Cursor>,
    pub next: Option<Cursor>,
}

pub async fn list(db: &Db, actor: &Actor, query: &ListQuery, limit: usize) -> Result<Members, MemberError> {
    actor.may(Capability::ReadUsers)?;
    let mut reader = db.read().await?;
    let mut members = sql::list(&mut reader, actor.organization, query, limit + 1).await?;
    let more = members.len() > limit;
    members.truncate(limit);
    let backwards = query.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    if backwards {
        members.reverse();
    }
    let has_next = if backwards { true } else { more };
    let has_previous = if backwards { more } else { query.cursor.is_some() };
    let cursor =
        |member: Option<&Listed>, backwards| member.map(|member| Cursor::at(member, query.sort, backwards));
    Ok(Members {
        previous: cursor(members.first(), true).filter(|_| has_previous),
        next: cursor(members.last(), false).filter(|_| has_next),
        members,
    })
}

/// The first active members whose name or address holds what is searched. Who may see them is the caller's to check.
pub(crate) async fn find_active(
    on: &mut impl Lends,
    organization: OrganizationId,
    search: &str,
    limit: usize,
) -> sqlx::Result<Vec<Listed>> {
    let query =
        ListQuery { search: search.trim().to_owned(), state: StateFilter::Active, ..ListQuery::default() };
    sql::list(on, organization, &query, limit).await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// DOS-04: whatever comes as a cursor is taken or refused, and never panics.
        #[test]
        fn any_cursor_is_survived(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            for sort in [Sort::Name, Sort::Joined, Sort::LastActive] {
                let _ = Cursor::decode(&text, sort);
                let _ = Cursor::decode(&URL_SAFE_NO_PAD.encode(&bytes), sort);
            }
        }

        #[test]
        fn a_cursor_comes_back(value in "[^\0]{0,50}", backwards in any::<bool>()) {
            let cursor = Cursor { backwards, value, user: UserId::generate() };
            prop_assert_eq!(Cursor::decode(&cursor.encode(), Sort::Name), Some(cursor));
        }
    }
}
