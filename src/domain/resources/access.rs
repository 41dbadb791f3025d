//! What a resource's access says (A1, A4): an audience, default permissions, and entries.

use std::fmt;
use std::str::FromStr;

use crate::ids::{TeamId, UserId};

/// One thing that may be done with a resource. Opening a tool and running an action is Read (A5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    Create,
    Read,
    Update,
    Delete,
}

impl Permission {
    pub const ALL: [Permission; 4] =
        [Permission::Create, Permission::Read, Permission::Update, Permission::Delete];

    /// As definitions and pages write it.
    pub fn word(self) -> &'static str {
        match self {
            Permission::Create => "Create",
            Permission::Read => "Read",
            Permission::Update => "Update",
            Permission::Delete => "Delete",
        }
    }

    /// What whoever has it may: "Ana may open Refunds".
    pub fn act(self) -> &'static str {
        match self {
            Permission::Create => "create in",
            Permission::Read => "open",
            Permission::Update => "update in",
            Permission::Delete => "delete in",
        }
    }
}

/// A set of permissions. All of them together are what definitions call "All".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Permissions(i64);

impl Permissions {
    pub const NONE: Permissions = Permissions(0);
    pub const READ: Permissions = Permissions(1 << Permission::Read as i64);
    pub const ALL: Permissions = Permissions(0b1111);

    /// As tables write it.
    pub(super) fn from_bits(bits: i64) -> Permissions {
        Permissions(bits)
    }

    pub fn of(permissions: impl IntoIterator<Item = Permission>) -> Permissions {
        permissions.into_iter().fold(Permissions::NONE, |all, permission| all.and(permission.into()))
    }

    #[must_use]
    pub fn and(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn within(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }

    /// Whether all of `asked` are here.
    pub fn cover(self, asked: Permissions) -> bool {
        self.0 & asked.0 == asked.0
    }

    pub fn has(self, permission: Permission) -> bool {
        self.cover(permission.into())
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.has(*permission))
    }
}

impl From<Permission> for Permissions {
    fn from(permission: Permission) -> Permissions {
        Permissions(1 << permission as i64)
    }
}

impl fmt::Display for Permissions {
    /// "Read and Update", "All", "nothing".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Permissions::ALL {
            return f.write_str("All");
        }
        let words: Vec<&str> = self.iter().map(Permission::word).collect();
        match words.as_slice() {
            [] => f.write_str("nothing"),
            [only] => f.write_str(only),
            [rest @ .., last] => write!(f, "{} and {last}", rest.join(", ")),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A permission is one of Create, Read, Update, Delete and All.")]
pub struct NotAPermission;

impl FromStr for Permissions {
    type Err = NotAPermission;

    /// One word, as definitions and the API write it.
    fn from_str(text: &str) -> Result<Permissions, NotAPermission> {
        if text == "All" {
            return Ok(Permissions::ALL);
        }
        let found = Permission::ALL.into_iter().find(|permission| permission.word() == text);
        found.map(Permissions::from).ok_or(NotAPermission)
    }
}

/// Whom a resource is for (A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text")]
pub enum Audience {
    Private,
    Unlisted,
    Public,
    DomainRestricted,
    InviteRestricted,
    #[sqlx(rename = "entire-organization")]
    EntireOrganization,
    #[sqlx(rename = "teams")]
    Teams,
}

impl Audience {
    pub const ALL: [Audience; 7] = [
        Audience::Private,
        Audience::Unlisted,
        Audience::Public,
        Audience::DomainRestricted,
        Audience::InviteRestricted,
        Audience::EntireOrganization,
        Audience::Teams,
    ];

    /// As definitions and tables write it.
    pub fn code(self) -> &'static str {
        match self {
            Audience::Private => "Private",
            Audience::Unlisted => "Unlisted",
            Audience::Public => "Public",
            Audience::DomainRestricted => "DomainRestricted",
            Audience::InviteRestricted => "InviteRestricted",
            Audience::EntireOrganization => "entire-organization",
            Audience::Teams => "teams",
        }
    }

    /// Whether an entry lets in whom it names, and does not only say what they may do (A6).
    pub fn admits_entries(self) -> bool {
        matches!(self, Audience::DomainRestricted | Audience::InviteRestricted | Audience::Teams)
    }

    /// Whether members who may not open it see that it is there, and can ask (A13).
    pub fn is_known_to_members(self) -> bool {
        matches!(
            self,
            Audience::EntireOrganization
                | Audience::Teams
                | Audience::DomainRestricted
                | Audience::InviteRestricted
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "An audience is one of Private, Unlisted, Public, DomainRestricted, InviteRestricted, entire-organization and teams."
)]
pub struct NotAnAudience;

impl FromStr for Audience {
    type Err = NotAnAudience;

    fn from_str(text: &str) -> Result<Audience, NotAnAudience> {
        Audience::ALL.into_iter().find(|audience| audience.code() == text).ok_or(NotAnAudience)
    }
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Kind {
    /// Runs code of the organization's.
    Action,
    /// A group of actions.
    Page,
    /// A screen to create, read, update and delete with.
    Interface,
    /// An address on the web.
    Tool,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Tool, Kind::Interface, Kind::Action, Kind::Page];

    pub fn code(self) -> &'static str {
        match self {
            Kind::Action => "action",
            Kind::Page => "page",
            Kind::Interface => "interface",
            Kind::Tool => "tool",
        }
    }

    /// The audiences that it can have. Actions, and the pages that group them, are opened in their
    /// organization's dashboard, by members alone (A9).
    pub fn audiences(self) -> &'static [Audience] {
        match self {
            Kind::Action | Kind::Page => &[Audience::EntireOrganization, Audience::Teams],
            Kind::Interface | Kind::Tool => &Audience::ALL,
        }
    }

    /// Whether only members, and no entries by email, get to it (A9).
    pub fn is_for_members(self) -> bool {
        matches!(self, Kind::Action | Kind::Page)
    }

    /// What holds where no access was said (A2), and no page above it says any.
    pub fn default_audience(self) -> Audience {
        if self.is_for_members() { Audience::EntireOrganization } else { Audience::Private }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A kind is one of action, page, interface and tool.")]
pub struct NotAKind;

impl FromStr for Kind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<Kind, NotAKind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == text).ok_or(NotAKind)
    }
}

/// A resource's access, as far as it was loaded: whole for its editor, and for one question only the entries
/// that can matter to whoever it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub audience: Audience,
    /// What whoever is let in may do, unless an entry says otherwise.
    pub default: Permissions,
    /// The domain of DomainRestricted, canonical (A8).
    pub domain: Option<String>,
    /// Team → its permissions; `None` is the default. Sorted by team.
    pub teams: Vec<(TeamId, Option<Permissions>)>,
    /// User → their permissions; `None` is the default. Sorted by user. Entries that no user is bound to yet
    /// give nobody anything.
    pub people: Vec<(UserId, Option<Permissions>)>,
}

impl Access {
    /// What holds where nothing was said (A2).
    pub fn unsaid(kind: Kind) -> Access {
        Access {
            audience: kind.default_audience(),
            default: Permissions::READ,
            domain: None,
            teams: Vec::new(),
            people: Vec::new(),
        }
    }

    pub fn of_person(&self, user: UserId) -> Option<Permissions> {
        let at = self.people.binary_search_by_key(&user, |(user, _)| *user).ok()?;
        Some(self.said(self.people[at].1))
    }

    pub fn of_team(&self, team: TeamId) -> Option<Permissions> {
        let at = self.teams.binary_search_by_key(&team, |(team, _)| *team).ok()?;
        Some(self.said(self.teams[at].1))
    }

    /// In an entry absent, null and empty mean the default (A4).
    fn said(&self, entry: Option<Permissions>) -> Permissions {
        entry.filter(|said| !said.is_empty()).unwrap_or(self.default)
    }
}
