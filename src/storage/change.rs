//! The transaction that changes an organization or an account.

use super::{Conn, Db, Lends, Tx, TxInner, execute, fetch_all, fetch_one};
use crate::clock::Timestamp;
use crate::ids::{OrganizationId, UserId};

/// The chain of the installation itself, for accounts.
const INSTANCE: &str = "instance";

/// A transaction that holds the audit heads of whatever it changes, so that changes of one
/// organization are serial: the last-Owner rule, the gapless chain and single-use links need no
/// further lock, and organizations don't wait for each other. Dropped, it is rolled back.
///
/// One lock order everywhere: the instance's head first, then organizations by id.
pub struct Change {
    tx: Tx,
    organizations: Vec<OrganizationId>,
    heads: Vec<Head>,
    now: Timestamp,
}

/// The newest row of a chain, as this change found it or left it.
#[derive(Clone, sqlx::FromRow)]
pub struct Head {
    chain: String,
    pub seq: i64,
    pub hash: String,
}

impl Db {
    /// A change to one organization.
    pub async fn change(&self, organization: OrganizationId) -> sqlx::Result<Change> {
        let mut tx = self.begin(&self.times.change).await?;
        let heads = vec![lock(&mut tx, &organization.to_string()).await?];
        let now = tx.now();
        Ok(Change { tx, organizations: vec![organization], heads, now })
    }

    /// A change to a person's account or credentials, or one that adds or ends a membership. It
    /// holds the instance's head and those of the person's organizations, and of those they join.
    pub async fn account(&self, user: Option<UserId>, joining: &[OrganizationId]) -> sqlx::Result<Change> {
        let mut tx = self.begin(&self.times.account).await?;
        let mut heads = vec![lock(&mut tx, INSTANCE).await?];
        let mut organizations = joining.to_vec();
        if let Some(user) = user {
            let of_user = fetch_all!(
                &mut tx,
                (OrganizationId,),
                "select organization from memberships where user_id = $1 and state <> 'removed'",
                user
            )?;
            organizations.extend(of_user.into_iter().map(|(organization,)| organization));
        }
        organizations.sort_unstable();
        organizations.dedup();
        for organization in &organizations {
            heads.push(lock(&mut tx, &organization.to_string()).await?);
        }
        let now = tx.now();
        Ok(Change { tx, organizations, heads, now })
    }
}

impl Change {
    /// When this change happens, read once its locks are held.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The organizations whose chains this change may write to.
    pub fn organizations(&self) -> &[OrganizationId] {
        &self.organizations
    }

    /// Starts the chain of an organization that this change makes.
    pub async fn found(&mut self, organization: OrganizationId) -> sqlx::Result<()> {
        execute!(
            &mut self.tx,
            "insert into audit_heads (chain, seq, hash) values ($1, 0, '')",
            organization.to_string()
        )?;
        self.organizations.push(organization);
        self.heads.push(Head { chain: organization.to_string(), seq: 0, hash: String::new() });
        Ok(())
    }

    /// The head of a chain that this change holds.
    pub fn head(&mut self, chain: &str) -> sqlx::Result<&mut Head> {
        self.heads.iter_mut().find(|head| head.chain == chain).ok_or(sqlx::Error::RowNotFound)
    }

    pub async fn commit(self) -> sqlx::Result<()> {
        self.tx.commit().await
    }
}

impl Lends for Change {
    fn conn(&mut self) -> Conn<'_> {
        self.tx.conn()
    }
}

/// SQLite's writer already is alone; on PostgreSQL the head's row is the lock.
async fn lock(tx: &mut Tx, chain: &str) -> sqlx::Result<Head> {
    match tx.inner {
        TxInner::Sqlite(_) => {
            fetch_one!(tx, Head, "select chain, seq, hash from audit_heads where chain = $1", chain)
        }
        TxInner::Postgres(_) => {
            fetch_one!(
                tx,
                Head,
                "select chain, seq, hash from audit_heads where chain = $1 for update",
                chain
            )
        }
    }
}
