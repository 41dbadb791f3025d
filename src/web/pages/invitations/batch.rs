//! Where one sees many invitations being sent: a bar with figures, and a result for each line.

use askama::Template;
use axum::extract::{Path, State};

use super::refused;
use crate::app::Shared;
use crate::domain::invitations::{self, Batch, LineState};
use crate::ids::BatchId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::Inside;
use crate::web::html;

/// A batch as it stands, in the page and in the piece that is asked for again and again.
struct Progress {
    path: String,
    invitations_path: String,
    batch: Batch,
    lasts: Option<String>,
    done: usize,
    total: usize,
    invited: usize,
    refused: usize,
    finished: bool,
}

impl Progress {
    async fn read(app: &Shared, inside: &Inside, id: &str) -> Result<Progress> {
        let id: BatchId = id.parse().map_err(|_| Error::NotFound)?;
        let batch = invitations::batch(&app.db, &inside.actor, id).await.map_err(refused)?;
        let (invited, refused) = (batch.count(LineState::Invited), batch.count(LineState::Refused));
        Ok(Progress {
            path: inside.path(&format!("invitations/batches/{id}")),
            invitations_path: inside.path("invitations"),
            lasts: batch.ends_at.map(|end| inside.times(app).last_minute(end)),
            done: invited + refused,
            total: batch.lines.len(),
            invited,
            refused,
            finished: batch.is_done(),
            batch,
        })
    }

    fn title(&self) -> &'static str {
        if self.finished { "Invites sent" } else { "Sending invites" }
    }

    /// "198 invited, 2 not"
    fn result(&self) -> String {
        match self.refused {
            0 => format!("{} invited", self.invited),
            refused => format!("{} invited, {refused} not", self.invited),
        }
    }
}

#[derive(Template)]
#[template(path = "invitations/batch.html")]
struct Page {
    chrome: Chrome,
    progress: Progress,
}

#[derive(Template)]
#[template(path = "invitations/_batch_polled.html")]
struct Polled {
    progress: Progress,
}

pub async fn batch(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let progress = Progress::read(&app, &inside, &id).await?;
    Ok(html::page(&Page { chrome: inside.chrome, progress }))
}

/// What the page asks for by itself while a batch is being sent.
pub async fn batch_rows(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let progress = Progress::read(&app, &inside, &id).await?;
    if !context.fragment {
        return Ok(html::redirect(&progress.path));
    }
    Ok(html::page(&Polled { progress }))
}
