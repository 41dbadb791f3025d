//! Environments: production, which is Live mode, development, which is Dev mode and separate per developer, and
//! those that an organization adds.

mod sql;

use std::str::FromStr;

use crate::clock::Timestamp;
use crate::ids::{OrganizationId, UserId};
use crate::storage::Lends;

pub const PRODUCTION: &str = "production";
pub const DEVELOPMENT: &str = "development";

/// One of the colours that an environment can have: the name of its style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Color {
    Green,
    Blue,
    Violet,
    Amber,
    Red,
    Gray,
}

impl Color {
    pub const ALL: [Color; 6] =
        [Color::Blue, Color::Violet, Color::Green, Color::Amber, Color::Red, Color::Gray];

    /// As it stands in tables, forms and styles.
    pub fn code(self) -> &'static str {
        match self {
            Color::Green => "green",
            Color::Blue => "blue",
            Color::Violet => "violet",
            Color::Amber => "amber",
            Color::Red => "red",
            Color::Gray => "gray",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Color::Green => "Green",
            Color::Blue => "Blue",
            Color::Violet => "Violet",
            Color::Amber => "Amber",
            Color::Red => "Red",
            Color::Gray => "Grey",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("There is no such colour.")]
pub struct NotAColor;

impl FromStr for Color {
    type Err = NotAColor;

    fn from_str(text: &str) -> Result<Color, NotAColor> {
        Color::ALL.into_iter().find(|color| color.code() == text).ok_or(NotAColor)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Environment {
    pub slug: String,
    pub name: String,
    pub color: Color,
}

impl Environment {
    pub fn production() -> Environment {
        Environment { slug: PRODUCTION.to_owned(), name: "Production".to_owned(), color: Color::Green }
    }

    pub fn development() -> Environment {
        Environment { slug: DEVELOPMENT.to_owned(), name: "Development".to_owned(), color: Color::Amber }
    }

    pub fn is_production(&self) -> bool {
        self.slug == PRODUCTION
    }

    pub fn is_development(&self) -> bool {
        self.slug == DEVELOPMENT
    }

    /// Where this person's resources of the environment are.
    pub fn place(&self, organization: OrganizationId, user: UserId) -> Place {
        let developer = if self.is_development() { user.to_string() } else { String::new() };
        Place { organization, environment: self.slug.clone(), developer }
    }
}

/// Where resources are: an organization's environment, and in Dev mode one developer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub organization: OrganizationId,
    pub environment: String,
    /// Empty, but in Dev mode.
    pub developer: String,
}

impl Place {
    pub fn production(organization: OrganizationId) -> Place {
        Place { organization, environment: PRODUCTION.to_owned(), developer: String::new() }
    }
}

/// An environment of an organization by its slug.
pub async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
) -> sqlx::Result<Option<Environment>> {
    match slug {
        PRODUCTION => Ok(Some(Environment::production())),
        DEVELOPMENT => Ok(Some(Environment::development())),
        // PostgreSQL fails on a NUL, and no slug of ours holds one.
        slug if slug.contains('\0') => Ok(None),
        slug => sql::find(on, organization, slug).await,
    }
}

/// Those that an organization has added, by slug.
pub async fn added(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Environment>> {
    sql::added(on, organization).await
}

/// All of an organization: the two that are always there first.
pub async fn all(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Environment>> {
    let built_in = [Environment::production(), Environment::development()];
    Ok(built_in.into_iter().chain(sql::added(on, organization).await?).collect())
}

/// Adds one. The rule, and the audit row, are the caller's.
pub(crate) async fn insert(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &Environment,
    now: Timestamp,
) -> sqlx::Result<()> {
    sql::insert(on, organization, environment, now).await
}

pub(crate) async fn update(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &Environment,
) -> sqlx::Result<()> {
    sql::update(on, organization, environment).await
}

pub(crate) async fn delete(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
) -> sqlx::Result<()> {
    sql::delete(on, organization, slug).await
}
