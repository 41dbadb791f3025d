//! A team's own maintainers (R9).

use crate::app::Shared;
use crate::config::percent_decoded;
use crate::domain::access::{Actor, Denied};
use crate::domain::teams;
use crate::web::error::Error;

/// R9: refuses whoever neither manages teams nor maintains the one that the address names, be it there or not.
pub(super) async fn check(app: &Shared, actor: &Actor, path: &str) -> Result<(), Error> {
    match teams::opens(&mut app.db.read().await?, actor, &team_in(path)).await? {
        true => Ok(()),
        false => Err(Denied.into()),
    }
}

/// The team that the address names: `/o/{org}/teams/{slug}/…`.
fn team_in(path: &str) -> String {
    let mut parts = path.strip_prefix("/o/").unwrap_or_default().split('/').skip(1);
    let slug = parts.next().filter(|part| *part == "teams").and_then(|_| parts.next());
    slug.map(percent_decoded).unwrap_or_default()
}
