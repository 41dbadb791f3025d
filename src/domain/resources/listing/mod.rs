//! The list of resources, for whoever reads how they are configured (A11).

mod sql;

use super::rights::sees_hidden;
use super::{Audience, Kind};
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied};
use crate::domain::environments::Place;
use crate::domain::values::{self, Page};
use crate::ids::{ResourceId, UserId};
use crate::storage::Db;

/// What an audience filter asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceFilter {
    Is(Audience),
    /// Actions and pages that say nothing themselves (A2).
    Unsaid,
}

#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    pub search: String,
    pub kind: Option<Kind>,
    pub audience: Option<AudienceFilter>,
    pub archived: bool,
    /// Where in the list, which is by name.
    pub cursor: Option<values::Place>,
}

/// A resource as its row says it, with what its entries come to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    pub id: ResourceId,
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub url: Option<String>,
    pub description: String,
    pub creator: UserId,
    pub creator_name: String,
    pub audience: Option<Audience>,
    pub domain: Option<String>,
    pub changed_at: Timestamp,
    pub archived_at: Option<Timestamp>,
    pub people: i64,
    pub teams: i64,
    /// The first and the last of its teams by name.
    first_team: Option<String>,
    last_team: Option<String>,
    /// The page that an action takes its access from.
    page: Option<String>,
    /// Whether it is its developer's alone, whatever its access says.
    #[sqlx(skip)]
    in_dev_mode: bool,
}

impl Listed {
    /// Who may open it, in a phrase: "Support and 2 people".
    pub fn phrase(&self) -> String {
        let audience = match (self.audience, &self.page) {
            _ if self.in_dev_mode => return format!("Only {}, in Dev mode", self.creator_name),
            (Some(audience), _) => audience,
            (None, Some(page)) => return format!("Like the page {page}"),
            (None, None) => self.kind.default_audience(),
        };
        match audience {
            Audience::Private => format!("Only {}", self.creator_name),
            Audience::Unlisted => "Anyone with the link".to_owned(),
            Audience::Public => "Anyone".to_owned(),
            Audience::EntireOrganization => "Everyone in the organization".to_owned(),
            Audience::DomainRestricted => {
                let everyone = format!("Everyone at {}", self.domain.as_deref().unwrap_or("a domain"));
                joined(std::iter::once(everyone).chain(self.entries()))
            }
            Audience::InviteRestricted | Audience::Teams => {
                let entries: Vec<String> = self.entries().collect();
                if entries.is_empty() {
                    "Nobody but its creator".to_owned()
                } else {
                    joined(entries.into_iter())
                }
            }
        }
    }

    fn entries(&self) -> impl Iterator<Item = String> {
        let first = self.first_team.clone();
        let rest = match self.teams {
            0 | 1 => None,
            2 => self.last_team.clone(),
            more => Some(format!("{} other teams", more - 1)),
        };
        let people = match self.people {
            0 => None,
            1 => Some("1 person".to_owned()),
            more => Some(format!("{more} people")),
        };
        [first, rest, people].into_iter().flatten()
    }
}

/// "a", "a and b", "a, b and c".
fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The resources of one place by name. Others' Private and Unlisted ones are not in it for a Developer, whatever is
/// searched or counted (A11).
pub async fn list(
    db: &Db,
    actor: &Actor,
    place: &Place,
    query: &ListQuery,
    limit: usize,
) -> Result<Page<Listed>, ListError> {
    actor.may(Capability::ReadResources)?;
    let hidden_of = (!sees_hidden(actor.role)).then_some(actor.person.user);
    let mut rows = sql::list(&mut db.read().await?, place, hidden_of, query, limit + 1).await?;
    for row in &mut rows {
        row.in_dev_mode = !place.developer.is_empty();
    }
    Ok(Page::of(rows, query.cursor.as_ref(), limit, |row, backwards| {
        values::Place::at(&row.name, row.id, backwards)
    }))
}
