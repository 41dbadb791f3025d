//! Which version of the tables a database has, without changing them.

use super::{Db, Pools, fetch_all, fetch_optional};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// No tables of ours: nothing was ever kept here, or by another program.
    None,
    /// Made by an older Interlock: starting this one brings it up to date.
    Older,
    Ours,
    /// Made by a newer Interlock, or by one that is not ours.
    Newer,
}

impl Db {
    pub async fn schema(&self) -> sqlx::Result<Schema> {
        let mut reader = self.read().await?;
        let there = match &self.pools {
            Pools::Sqlite { .. } => fetch_optional!(
                &mut reader,
                (i64,),
                "select cast(1 as bigint) from sqlite_master where type = 'table' and name = '_sqlx_migrations'"
            )?,
            Pools::Postgres(_) => fetch_optional!(
                &mut reader,
                (i64,),
                "select cast(1 as bigint) where to_regclass('_sqlx_migrations') is not null"
            )?,
        };
        if there.is_none() {
            return Ok(Schema::None);
        }
        let made = fetch_all!(
            &mut reader,
            (i64, Vec<u8>),
            "select version, checksum from _sqlx_migrations where success order by version"
        )?;
        let is_ours = |(version, checksum): &(i64, Vec<u8>)| {
            self.migrations().iter().any(|ours| ours.version == *version && ours.checksum[..] == checksum[..])
        };
        Ok(match made.len() {
            0 => Schema::None,
            _ if !made.iter().all(is_ours) => Schema::Newer,
            some if some < self.migrations().iter().count() => Schema::Older,
            _ => Schema::Ours,
        })
    }
}
