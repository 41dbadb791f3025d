//! What a wildcard stands for, by the names that are known.

use std::collections::BTreeSet;

use super::sql;
use crate::domain::permissions::{self, Pattern, Scopes};
use crate::ids::{OrganizationId, PermissionId};
use crate::storage::Lends;

/// So many permissions are looked through for names.
const LOOKED_THROUGH: i64 = 500;
/// So many names are said.
const NAMED: usize = 8;

/// The patterns of an organization's permissions and of its base permission.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeSet<Pattern>);

impl Known {
    pub async fn load(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Known> {
        let rows = sql::after(on, organization, PermissionId::nobody(), LOOKED_THROUGH).await?;
        let mut known = Known::default();
        for (_, _, text) in &rows {
            known.learn(&permissions::stored(text));
        }
        known.learn(&*permissions::base(on, organization).await?);
        Ok(known)
    }

    /// What a form holds that is not saved yet is known too.
    pub fn learn(&mut self, scopes: &Scopes) {
        self.0.extend(scopes.iter().map(|(pattern, _)| pattern.clone()));
    }

    /// What to offer while a scope is typed, without the types.
    pub fn names(&self) -> BTreeSet<String> {
        let name = |pattern: &Pattern| pattern.to_string().split_once(':').map(|(_, name)| name.to_owned());
        self.0.iter().filter_map(name).collect()
    }

    /// What a wildcard covers, in words; nothing, of a pattern that is one scope.
    pub fn covered(&self, pattern: &Pattern) -> Option<String> {
        if !pattern.is_wildcard() {
            return None;
        }
        let text = pattern.to_string();
        let (kind, name) = text.split_once(':')?;
        let later = match name.strip_suffix(".*") {
            Some(stem) => format!("any later name below {stem}"),
            None => format!("any later name of {kind}"),
        };
        let mut inside = self.0.iter().filter(|other| *other != pattern && pattern.contains(other));
        let name = |other: &Pattern| other.to_string().split_once(':').map(|(_, name)| name.to_owned());
        let named = inside.by_ref().take(NAMED).filter_map(name).collect::<Vec<_>>().join(", ");
        let more = inside.count();
        Some(match (named.is_empty(), more) {
            (true, _) => format!("covers: nothing that is known yet; and {later}"),
            (false, 0) => format!("covers: {named}; and {later}"),
            (false, more) => format!("covers: {named} and {more} more; and {later}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_says_what_it_covers() {
        let mut known = Known::default();
        let text = r#"{"source_type:icloud.account": [], "source_type:icloud.backup": [], "source_type:other": [],
            "task_type:icloud.account": []}"#;
        known.learn(&Scopes::stored(text));
        let covered = |text: &str| known.covered(&text.parse().expect("it is a pattern"));
        assert_eq!(
            covered("source_type:icloud.*").as_deref(),
            Some("covers: icloud.account, icloud.backup; and any later name below icloud")
        );
        assert_eq!(
            covered("file_type:*").as_deref(),
            Some("covers: nothing that is known yet; and any later name of file_type")
        );
        assert_eq!(covered("source_type:icloud.account"), None);
        assert_eq!(known.names().len(), 3);
    }
}
