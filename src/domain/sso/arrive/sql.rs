use crate::clock::Timestamp;
use crate::ids::ConnectionId;
use crate::storage::{Lends, execute};

pub(super) async fn note_used(on: &mut impl Lends, id: ConnectionId, now: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "update connections set last_used_at = $2, problem = null, problem_at = null where id = $1",
        id,
        now
    )?;
    Ok(())
}

pub(super) async fn note_problem(
    on: &mut impl Lends,
    id: ConnectionId,
    problem: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(on, "update connections set problem = $2, problem_at = $3 where id = $1", id, problem, now)?;
    Ok(())
}
