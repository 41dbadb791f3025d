//! What was mailed to a person lately, and how its delivery went: neither texts nor links.

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::app::Shared;
use crate::mail::{self as outbox, Arrived, Delivery, Place};
use crate::web::chrome::Chrome;
use crate::web::error::{Error, Result};
use crate::web::gate::SignedIn;
use crate::web::html::{self, Moment};

const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "account/mail.html")]
struct Mails {
    chrome: Chrome,
    rows: Vec<Row>,
    first: bool,
    older: Option<String>,
}

struct Row {
    subject: String,
    kind: &'static str,
    at: Moment,
    state: &'static str,
    tone: &'static str,
    why: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    before: String,
}

pub async fn mail(State(app): State<Shared>, signed_in: SignedIn, Query(asked): Query<Asked>) -> Result {
    let before = match asked.before.as_str() {
        "" => None,
        place => Some(
            place.parse::<Place>().map_err(|_| Error::Malformed("There is no such place in the list."))?,
        ),
    };
    let email = signed_in.person.email.to_ascii_lowercase();
    let page = outbox::lately(&app.db, &email, before.as_ref(), PAGE).await?;
    let times = signed_in.times(&app);
    let row = |mail: Arrived| {
        let (state, tone, why) = match mail.delivery {
            Delivery::Queued => ("Queued", "none", String::new()),
            Delivery::Retrying(why) => ("Trying again", "warn", why),
            Delivery::Sent => ("Sent", "ok", String::new()),
            Delivery::Failed(why) => ("Failed", "bad", why),
        };
        Row {
            subject: mail.subject,
            kind: in_words(&mail.kind),
            at: times.moment(mail.created_at),
            state,
            tone,
            why,
        }
    };
    Ok(html::page(&Mails {
        older: page.older.map(|place| format!("/account/mail?before={place}")),
        rows: page.mails.into_iter().map(row).collect(),
        first: before.is_none(),
        chrome: signed_in.chrome,
    }))
}

/// What a mail was for.
fn in_words(kind: &str) -> &'static str {
    match kind {
        "sign_up_confirm" | "sign_up_known" | "sign_up_closed" => "Signing up",
        "password_reset" | "password_reset_unknown" | "password_reset_by_provider" => {
            "Setting a new password"
        }
        "password_changed" => "Notice: your password changed",
        "factor_added" | "factor_removed" | "factors_reset" => "Notice: your factors changed",
        "recovery_codes_replaced" | "recovery_code_used" => "Notice: your recovery codes",
        "sign_in_method_linked" | "sign_in_method_unlinked" => "Notice: your sign-in methods",
        "new_device" => "Notice: a new sign-in",
        "email_change_confirm" => "Confirming a new address",
        "email_change_taken" => "Notice: your address was asked for",
        "email_change_asked" | "email_changed_from" | "email_changed_to" | "email_change_undone" => {
            "Notice: your address changes"
        }
        "invitation" => "Invite",
        "invitation_notice" => "Notice: you are appointed Auditor",
        "invitation_code" => "Code for an invite",
        "invitation_asked" | "invitation_void" => "About an invite of yours",
        "membership_ended" => "Notice: a membership ended",
        "membership_ending" | "membership_end_changed" => "Notice: a membership's end",
        "mfa_required_from" | "mfa_required" | "mfa_planned" => {
            "Notice: a factor that an organization asks for"
        }
        "break_glass_used" | "break_glass_named" | "sso_required" | "sso_lifted" | "domain_failing"
        | "mfa_lifted" => "Notice: how an organization of yours is opened",
        "organization_handed_over" | "organization_closed" | "organization_reopened" => {
            "Notice: an organization of yours"
        }
        "step_up_code" => "Code to confirm that it is you",
        "identity_refused" => "Notice: a sign-in by the provider was refused",
        "access_asked" => "Somebody asks for access",
        "identity_linked" => "Notice: the provider signs you in",
        "key_ending" => "Notice: an API key ends soon",
        "resource_changed" => "Notice: a resource of yours changed",
        _ => "Notice",
    }
}
