//! Forms that wait for a step-up (S12).

use super::sql;
use crate::app::App;
use crate::clock::HOUR;
use crate::ids::{PendingFormId, SessionId};

/// Keeps a form for after a step-up (S12). The fields are sealed: they may hold what nobody else should read.
pub async fn keep_form(
    app: &App,
    session: SessionId,
    path: &str,
    fields: &[(String, String)],
) -> sqlx::Result<PendingFormId> {
    let id = PendingFormId::generate();
    let json = serde_json::to_vec(fields).expect("form fields are JSON");
    let sealed = app.sealer.seal(&format!("pending_forms.fields:{id}"), &json);
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::keep_form(&mut tx, id, session, path, &sealed, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// A kept form: where it goes, and its fields.
#[derive(Debug, Clone)]
pub struct KeptForm {
    pub path: String,
    pub fields: Vec<(String, String)>,
}

/// A form that this very session kept within the last hour.
pub async fn kept_form(app: &App, session: SessionId, id: PendingFormId) -> sqlx::Result<Option<KeptForm>> {
    let since = app.db.now().plus(-HOUR);
    let row = sql::kept_form(&mut app.db.read().await?, id, session, since).await?;
    Ok(row.and_then(|(path, sealed)| {
        let json = app.sealer.open(&format!("pending_forms.fields:{id}"), &sealed).ok()?;
        Some(KeptForm { path, fields: serde_json::from_slice(&json).ok()? })
    }))
}
