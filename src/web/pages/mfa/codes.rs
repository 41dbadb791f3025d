//! Recovery codes: shown this once, to copy, keep as a file or print.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{Asked, refusal};
use crate::app::Shared;
use crate::domain::access::Person;
use crate::domain::factors::{self, FactorError};
use crate::domain::values::Theme;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::SignedIn;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};

/// The card with the codes.
pub struct Codes {
    codes: Vec<String>,
    next: String,
    /// How many other sessions ended with the first factor.
    ended: u64,
    email: String,
    /// The step before this one, where there was one: new codes for an old factor are no step.
    first_step: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "mfa/codes.html")]
struct CodesPage {
    theme: Theme,
    card: Codes,
}

#[derive(Template)]
#[template(path = "mfa/_codes_swapped.html")]
struct CodesFragment {
    card: Codes,
}

impl Codes {
    pub(super) fn page(
        first_step: Option<&'static str>,
        context: &Context,
        person: &Person,
        codes: Vec<String>,
        next: &str,
        ended: u64,
    ) -> Response {
        let card = Codes { codes, next: next.to_owned(), ended, email: person.email.clone(), first_step };
        if context.fragment {
            html::page(&CodesFragment { card })
        } else {
            html::page(&CodesPage { theme: person.theme, card })
        }
    }

    /// One a line, as they are copied.
    fn lines(&self) -> String {
        self.codes.join("\n")
    }

    /// What is kept as a file: an address that holds it all, so that no page has to have the codes again.
    fn file(&self) -> String {
        let text = format!("Interlock recovery codes of {}\r\nEach works once.\r\n\r\n", self.email);
        let text = text + &self.codes.join("\r\n") + "\r\n";
        let bytes = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        format!("data:text/plain;charset=utf-8,{bytes}")
    }

    fn ended_in_words(&self) -> String {
        html::count(self.ended.try_into().unwrap_or(0), "other session")
    }
}

#[derive(Template)]
#[template(path = "mfa/regenerate.html")]
struct Regenerate {
    chrome: Chrome,
    left: i64,
}

pub async fn confirm_regenerate(State(app): State<Shared>, signed_in: SignedIn) -> Result {
    if !signed_in.person.factors.any() {
        return Err(Error::NotFound);
    }
    let left = factors::overview(&app.db, signed_in.person.user).await?.codes_left;
    Ok(html::page(&Regenerate { chrome: signed_in.chrome, left }))
}

pub async fn regenerate(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    match factors::regenerate(&app, &signed_in.person).await {
        Ok(codes) => Ok(Codes::page(None, &context, &signed_in.person, codes, "/account/mfa", 0)),
        Err(FactorError::StepUp(_)) => {
            let act =
                Act { what: "Make new recovery codes: the old ones stop working", verb: "Make new codes" };
            step_up::ask(&app, &context, &signed_in.person, &act, "/account/mfa/recovery-codes", &[]).await
        }
        Err(error) => Err(refusal(error)),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kept {
    kept: String,
    next: String,
}

/// Goes on once the codes are kept. They are not shown again: whoever has not kept them makes new ones.
pub async fn kept(Form(typed): Form<Kept>) -> Response {
    let asked = Asked { next: typed.next, ..Asked::default() };
    if typed.kept.is_empty() {
        return html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &NotKept { next: asked.next().to_owned() });
    }
    html::redirect(asked.next())
}

#[derive(Template)]
#[template(path = "mfa/not_kept.html")]
struct NotKept {
    next: String,
}
