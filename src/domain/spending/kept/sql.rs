use sqlx::QueryBuilder;

use crate::clock::Timestamp;
use crate::domain::spending::sql::{KEPT, ROWS, delete_by_ids};
use crate::ids::OrganizationId;
use crate::storage::{Lends, on_either};

#[derive(sqlx::FromRow)]
pub(in crate::domain::spending) struct AnswerRow {
    pub id: String,
    pub question: String,
    /// Empty in a row that was made just now.
    pub answer: String,
    pub answered_at: Timestamp,
}

/// Locks rows for answers, making those that are missing, in the order in which they are given.
pub(in crate::domain::spending) async fn lock_answers(
    on: &mut impl Lends,
    asked: &[(&str, OrganizationId, &str)],
    now: Timestamp,
) -> sqlx::Result<Vec<AnswerRow>> {
    let mut found = Vec::new();
    for rows in asked.chunks(ROWS) {
        let some: Vec<AnswerRow> = on_either!(on, |e| {
            let mut query = QueryBuilder::new(
                "insert into limit_answers (id, organization, question, answer, answered_at) ",
            );
            query.push_values(rows, |mut row, (id, organization, question)| {
                row.push_bind(*id).push_bind(*organization).push_bind(*question).push("''").push_bind(now);
            });
            query.push(
                " on conflict (id) do update set answer = limit_answers.answer \
                 returning id, question, answer, answered_at",
            );
            query.build_query_as().persistent(rows.len() <= KEPT).fetch_all(e).await
        })?;
        found.extend(some);
    }
    Ok(found)
}

pub(in crate::domain::spending) async fn save_answers(
    on: &mut impl Lends,
    answers: &[&AnswerRow],
) -> sqlx::Result<()> {
    for rows in answers.chunks(ROWS) {
        on_either!(on, |e| {
            let mut query = QueryBuilder::new(
                "update limit_answers set question = v.column2, answer = v.column3, answered_at = v.column4 from (",
            );
            query.push_values(rows, |mut row, answer| {
                row.push_bind(answer.id.as_str())
                    .push_bind(answer.question.as_str())
                    .push_bind(answer.answer.as_str())
                    .push_bind(answer.answered_at);
            });
            query.push(") as v where limit_answers.id = v.column1");
            query.build().persistent(rows.len() <= KEPT).execute(e).await.map(|_| ())
        })?;
    }
    Ok(())
}

pub(in crate::domain::spending) async fn drop_answers(on: &mut impl Lends, ids: &[&str]) -> sqlx::Result<()> {
    delete_by_ids(on, "delete from limit_answers where id in (", ids).await
}
