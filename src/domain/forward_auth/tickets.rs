//! From Interlock's host to a tool's: a ticket that works once, within a minute, at that host, and in the browser that
//! asked for it. Else somebody could be signed in as whoever sent them a link.

use super::sql::Pass;
use super::{Address, sql};
use crate::app::App;
use crate::clock::MINUTE;
use crate::secrets::{Token, TokenHash};

/// How long a ticket works.
pub const BACK_WITHIN: i64 = MINUTE;

/// What a ticket gave.
#[derive(Debug)]
pub struct Redeemed {
    /// The cookie of the tool's host.
    pub cookie: Token,
    /// Where the browser wanted to go: a path there.
    pub back: String,
}

/// Makes a ticket for a tool that somebody was found to be let into by this. `state` is the hash of what a cookie at
/// the tool's host holds.
pub async fn ticket(app: &App, of: Pass, to: &Address, state: &str) -> sqlx::Result<Token> {
    let token = Token::generate();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::insert_ticket(&mut tx, &token.hash(), of, &to.host, &to.rest, state, now).await?;
    tx.commit().await?;
    Ok(token)
}

/// Takes a ticket for a session at the tool's host, which lives as long as the session or link that the ticket is of.
/// What the browser had there before is over.
pub async fn redeem(
    app: &App,
    host: &str,
    ticket: &TokenHash,
    state: &TokenHash,
    before: Option<&TokenHash>,
) -> sqlx::Result<Option<Redeemed>> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let made_after = now.plus(-BACK_WITHIN);
    let used = sql::use_ticket(&mut tx, ticket, host, state.as_str(), made_after, now).await?;
    let redeemed = match used {
        Some((of, back)) => {
            if let Some(before) = before {
                sql::end_session(&mut tx, before, host).await?;
            }
            let cookie = Token::generate();
            sql::insert_session(&mut tx, &cookie.hash(), of, host, now).await?;
            Some(Redeemed { cookie, back })
        }
        None => None,
    };
    tx.commit().await?;
    Ok(redeemed)
}

/// The origin of the tools at a host; nothing, where there are none.
pub async fn is_tool_host(app: &App, host: &str) -> sqlx::Result<Option<String>> {
    let found = sql::is_tool_host(&mut app.db.read().await?, host).await?;
    Ok(found.and_then(|(url,)| Address::parse(&url).ok()).map(|address| address.origin()))
}

/// Signs a browser out at a tool's host, and nowhere else.
pub async fn end_session(app: &App, host: &str, cookie: &TokenHash) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    sql::end_session(&mut tx, cookie, host).await?;
    tx.commit().await
}
