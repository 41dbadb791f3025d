//! How a person reads times, and how pages look to them (V1): on a page of its own, since most of it is the
//! list of the world's time zones.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::profile::saved;
use crate::app::Shared;
use crate::domain::account;
use crate::domain::values::{Theme, TimeZone};
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::forms::{Field, Form};
use crate::web::gate::SignedIn;
use crate::web::html::{self, Rendered};

#[derive(Template)]
#[template(path = "account/preferences.html")]
struct Preferences {
    chrome: Chrome,
    time_zone: Field,
    zones: &'static Rendered,
    theme: Field,
}

/// The time zones of one part of the world: `("Europe/Berlin", "Berlin")`.
struct Zones {
    region: String,
    zones: Vec<(String, String)>,
}

/// The choice of every time zone, rendered once: there are more than 500. An option ends where the next
/// one begins.
static ZONES: LazyLock<Rendered> = LazyLock::new(|| {
    let mut groups: Vec<Zones> = Vec::new();
    for name in TimeZone::names() {
        let (region, place) = name.split_once('/').unwrap_or(("Everywhere", &name));
        let zone = (name.clone(), place.replace('_', " ").replace('/', ", "));
        match groups.iter_mut().find(|group| group.region == region) {
            Some(group) => group.zones.push(zone),
            None => groups.push(Zones { region: region.to_owned(), zones: vec![zone] }),
        }
    }
    html::piece(&ZoneOptions { groups })
});

#[derive(Template)]
#[template(path = "account/_zones.html")]
struct ZoneOptions {
    groups: Vec<Zones>,
}

pub async fn preferences(signed_in: SignedIn) -> Response {
    let person = &signed_in.person;
    let (time_zone, theme) = (Field::new(person.time_zone.as_str()), Field::new(person.theme.code()));
    html::page(&Preferences { time_zone, zones: &ZONES, theme, chrome: signed_in.chrome })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    time_zone: String,
    theme: String,
}

pub async fn set_preferences(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Form(typed): Form<Typed>,
) -> Result {
    let (mut time_zone, mut theme) = (Field::new(&typed.time_zone), Field::new(&typed.theme));
    let parsed = (time_zone.parse::<TimeZone>(), theme.parse::<Theme>());
    let (Some(zone), Some(chosen)) = parsed else {
        let page = Preferences { time_zone, zones: &ZONES, theme, chrome: signed_in.chrome };
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    account::set_preferences(&app, &signed_in.person, &zone, chosen).await?;
    Ok(saved(&app, "Your time zone and theme are saved"))
}
