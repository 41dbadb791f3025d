//! Downloads that are streamed: a batch is read, written and forgotten, so that a million rows take the
//! memory of a thousand.
//!
//! It goes on only for as long as its reader would be let in (R5, RES-11): each batch is read as whoever they are then.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use tokio::time::timeout;

use super::error::Error;
use super::gate::Inside;
use crate::app::Shared;
use crate::domain::access::Actor;
use crate::domain::sessions;

/// Rows that are read at once.
pub const BATCH: usize = 1_000;
/// A reader that takes nothing for this long is given up: it holds one of the few places.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a table's rows come from, batch by batch.
pub trait Batches: Send + 'static {
    /// The next rows as they stand in the file, or nothing after the last. Who reads them is who they are now: what
    /// they were as the download began may be over.
    fn next(
        &mut self,
        app: &Shared,
        reader: &Actor,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;
}

#[derive(Clone, Copy)]
pub enum Format {
    Csv,
    Json,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Json => "application/json",
        }
    }
}

/// Streams batches as a file to keep: `halden-freight-users-2026-11-22.csv`. Too many at once are turned
/// away (ASVS 15.2.2). A failure on the way cuts the connection, so that half a file is known as such.
pub async fn stream(
    app: &Shared,
    inside: &Inside,
    what: &str,
    format: Format,
    mut batches: impl Batches,
) -> Result<Response, Error> {
    let place = app.exports.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
    // The first batch before the answer's head: what fails at once is still an error page.
    let first = batches.next(app, &inside.actor).await?;
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    let (app_of_task, slug) = (app.clone(), inside.organization.slug.clone());
    let begun_by = inside.actor.clone();
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = send_all(&app_of_task, &begun_by, &mut sender, first, &mut batches).await {
            tracing::warn!(?error, slug, "an export was cut off");
            sender.abort(io::Error::other("the export was cut off"));
        }
    });
    let day = app.db.now().rfc3339().chars().take(10).collect::<String>();
    let name = format!("{}-{what}-{day}.{}", inside.organization.slug, format.ending());
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .expect("a slug and a date are a header's text");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, Body::new(body)).into_response())
}

/// Whoever began a download, as they are now, or nobody who would be let in any more.
async fn reader(app: &Shared, begun_by: &Actor) -> Result<Actor, Error> {
    let now = app.db.now();
    let session = sessions::of_request(app, &begun_by.person.token).await?.ok_or(Error::NotFound)?;
    let place = session.known_places().find(|place| place.organization.id == begun_by.organization);
    let open = place.filter(|place| place.organization.is_open() && place.member.is_active(now));
    let place = open.filter(|place| session.lacks(place, now).is_none()).ok_or(Error::NotFound)?;
    Ok(Actor { role: place.member.role, ..begun_by.clone() })
}

async fn send_all(
    app: &Shared,
    begun_by: &Actor,
    sender: &mut Sender<Bytes, io::Error>,
    first: Option<Vec<u8>>,
    batches: &mut impl Batches,
) -> Result<(), Error> {
    let mut next = first;
    while let Some(bytes) = next {
        match timeout(PATIENCE, sender.send_data(bytes.into())).await {
            Ok(Ok(())) => {}
            // Whoever read it has gone.
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(Error::Busy),
        }
        next = batches.next(app, &reader(app, begun_by).await?).await?;
    }
    Ok(())
}
