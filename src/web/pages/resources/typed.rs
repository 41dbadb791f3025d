//! What the access editor posts: rows of people and of teams, as many as there are.

use std::collections::BTreeMap;

use crate::domain::resources::granting::{MOST_PEOPLE, MOST_TEAMS, Said, Stated};
use crate::domain::resources::{Audience, Kind, Permissions};
use crate::domain::values::Email;
use crate::web::error::{Error, Result};

/// So many empty rows are offered.
const EMPTY_PEOPLE: usize = 3;
const EMPTY_TEAMS: usize = 2;
/// What stands for "as the page above says".
pub const INHERIT: &str = "inherit";

/// A row of the editor.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub name: String,
    pub permissions: Permissions,
    pub gone: bool,
    pub error: Option<String>,
}

impl Row {
    pub fn has(&self, word: &str) -> bool {
        self.permissions.iter().any(|permission| permission.word() == word)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub audience: String,
    pub default: Permissions,
    pub people: Vec<Row>,
    pub teams: Vec<Row>,
    /// What the button that was pressed asks for.
    pub act: String,
    pub digest: String,
}

impl Typed {
    /// The form of what is stored, with rows to add.
    pub fn of(stated: &Stated, kind: Kind) -> Typed {
        let row = |name: &str, permissions: Option<Permissions>| Row {
            name: name.to_owned(),
            permissions: permissions.unwrap_or_default(),
            ..Row::default()
        };
        let unsaid = if kind.is_for_members() { INHERIT } else { Audience::Private.code() };
        let mut typed = Typed {
            audience: stated.audience.map_or(unsaid, Audience::code).to_owned(),
            default: stated.default.unwrap_or(Permissions::READ),
            people: stated.people.iter().map(|entry| row(&entry.email, entry.permissions)).collect(),
            teams: stated.teams.iter().map(|entry| row(&entry.slug, entry.permissions)).collect(),
            ..Typed::default()
        };
        typed.add_rows();
        typed
    }

    pub fn has_default(&self, word: &str) -> bool {
        self.default.iter().any(|permission| permission.word() == word)
    }

    /// Room for more people and teams.
    pub fn add_rows(&mut self) {
        for (rows, empty) in [(&mut self.people, EMPTY_PEOPLE), (&mut self.teams, EMPTY_TEAMS)] {
            let now = rows.iter().filter(|row| row.name.trim().is_empty()).count();
            rows.extend(vec![Row::default(); empty.saturating_sub(now)]);
        }
    }

    pub fn more_rows(&mut self) {
        self.people.extend(vec![Row::default(); 5]);
        self.teams.extend(vec![Row::default(); 3]);
    }

    /// A field that is not part of the form refuses it, as does one that comes twice where one box has no second.
    pub fn read(pairs: &[(String, String)]) -> Result<Typed> {
        let mut typed = Typed::default();
        let (mut people, mut teams) = (BTreeMap::new(), BTreeMap::new());
        let mut singles: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            let mut single = |slot: &mut String| {
                if singles.contains(&name.as_str()) {
                    return Err(Error::Malformed("It holds a field twice. Reload the page and try again."));
                }
                singles.push(name);
                slot.clone_from(value);
                Ok(())
            };
            match name.as_str() {
                "audience" => single(&mut typed.audience)?,
                "act" => single(&mut typed.act)?,
                "digest" => single(&mut typed.digest)?,
                "default" => typed.default = typed.default.and(permission(value)?),
                name => {
                    let (field, row) = name.rsplit_once('-').ok_or(Error::UnknownField)?;
                    let row: usize = row.parse().map_err(|_| Error::UnknownField)?;
                    if row >= MOST_PEOPLE * 2 {
                        return Err(Error::UnknownField);
                    }
                    let (rows, field) = match field.strip_prefix("team-") {
                        Some(field) => (&mut teams, field),
                        None => (&mut people, field),
                    };
                    let row: &mut Row = rows.entry(row).or_default();
                    match field {
                        "name" => single(&mut row.name)?,
                        "may" => row.permissions = row.permissions.and(permission(value)?),
                        "gone" if value == "on" => row.gone = true,
                        _ => return Err(Error::UnknownField),
                    }
                }
            }
        }
        typed.people = people.into_values().collect();
        typed.teams = teams.into_values().collect();
        Ok(typed)
    }

    /// What is said, if all of it can be; else each row says what is wrong with it.
    pub fn said(&mut self, kind: Kind) -> Result<Option<Said>> {
        let audience = match self.audience.as_str() {
            INHERIT if kind.is_for_members() => return Ok(Some(Said::default())),
            code => code.parse::<Audience>().map_err(|_| Error::Unfit("There is no such audience."))?,
        };
        if !kind.audiences().contains(&audience) {
            return Err(Error::Unfit("This kind of resource can’t have this audience."));
        }
        let of_entry = |row: &Row| Some(row.permissions).filter(|permissions| !permissions.is_empty());
        let mut people = Vec::new();
        let mut is_right = true;
        for row in self.people.iter_mut().filter(|row| !row.gone && !row.name.trim().is_empty()) {
            match row.name.parse::<Email>() {
                Ok(email) => people.push((email, of_entry(row))),
                Err(why) => (row.error, is_right) = (Some(why.to_string()), false),
            }
        }
        let listed = self.teams.iter().filter(|row| !row.gone && !row.name.trim().is_empty());
        let teams: Vec<_> = listed.map(|row| (row.name.trim().to_owned(), of_entry(row))).collect();
        for (rows, most) in [(&mut self.people, MOST_PEOPLE), (&mut self.teams, MOST_TEAMS)] {
            if rows.len() > most * 2 {
                return Err(Error::TooLarge);
            }
        }
        Ok(is_right.then_some(Said { audience: Some(audience), default: Some(self.default), people, teams }))
    }

    /// The fields as they were typed, for the page that confirms them.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = vec![("audience".to_owned(), self.audience.clone())];
        let may = |name: &str, permissions: Permissions, pairs: &mut Vec<(String, String)>| {
            pairs
                .extend(permissions.iter().map(|permission| (name.to_owned(), permission.word().to_owned())));
        };
        may("default", self.default, &mut pairs);
        for (prefix, rows) in [("", &self.people), ("team-", &self.teams)] {
            for (at, row) in rows.iter().filter(|row| !row.gone && !row.name.trim().is_empty()).enumerate() {
                pairs.push((format!("{prefix}name-{at}"), row.name.clone()));
                may(&format!("{prefix}may-{at}"), row.permissions, &mut pairs);
            }
        }
        pairs
    }
}

fn permission(word: &str) -> Result<Permissions> {
    word.parse().map_err(|_| Error::Unfit("There is no such permission."))
}
