//! A test sign-in at a connection: what it has brought back, and what that means. It signs nobody in.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::Arrival;
use crate::app::Shared;
use crate::domain::sso::{
    self, BeginError, ConnectionKind, Landing, Purpose, ReturnError, Trial, TrialError,
};
use crate::domain::values::Theme;
use crate::ids::ConnectionId;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::Visitor;
use crate::web::html;

#[derive(Template)]
#[template(path = "sso/test.html")]
struct Page {
    theme: Theme,
    title: &'static str,
    text: String,
    good: bool,
    facts: Vec<Fact>,
    claims: Vec<(String, String)>,
    back: String,
}

/// What a claim means here, and whether that is as it has to be.
struct Fact {
    tone: &'static str,
    what: &'static str,
    text: String,
}

/// `/o/{org}/settings/sso/{connection}/test`: leads to the provider, or says why that could not begin.
pub async fn begin(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    connection: ConnectionId,
    landing: Landing<'_>,
    theme: Theme,
) -> Result {
    match super::begin(app, context, headers, Some(connection), landing).await {
        Ok(response) => Ok(response),
        Err(BeginError::NotFound) => Err(Error::NotFound),
        Err(BeginError::Throttled(throttled)) => Err(throttled.into()),
        Err(BeginError::Database(error)) => Err(error.into()),
        Err(error @ (BeginError::Provider(_) | BeginError::Broken)) => {
            Ok(not_working(theme, &error.to_string(), landing.next))
        }
    }
}

/// The page asks a question, and this is its answer: 200.
fn not_working(theme: Theme, why: &str, back: &str) -> Response {
    html::page(&Page {
        theme,
        title: "The test failed",
        text: why.to_owned(),
        good: false,
        facts: Vec::new(),
        claims: Vec::new(),
        back: back.to_owned(),
    })
}

/// What went wrong on the way of a test; any other way's errors are given back.
pub(super) fn failed(visitor: &Visitor, error: ReturnError) -> std::result::Result<Result, ReturnError> {
    let theme = visitor.person.as_ref().map_or(Theme::default(), |person| person.theme);
    match error {
        ReturnError::Provider(attempt, error) if attempt.purpose == Purpose::Test => {
            Ok(Ok(not_working(theme, &error.to_string(), &attempt.next)))
        }
        ReturnError::Cancelled(attempt) if attempt.purpose == Purpose::Test => {
            let why = "It was cancelled at the provider, or the provider did not let you in: look at the redirect URI \
                       and at who may use the application there.";
            Ok(Ok(not_working(theme, why, &attempt.next)))
        }
        error => Err(error),
    }
}

pub(super) async fn arrive(arrival: Arrival<'_>) -> Result {
    let Arrival { app, visitor, attempt, claims, .. } = arrival;
    let theme = visitor.person.as_ref().map_or(Theme::default(), |person| person.theme);
    match sso::judge_trial(app, visitor.person.as_ref(), &attempt, &claims).await {
        Ok(trial) => {
            let good = trial.works();
            let (title, text) = said(&trial);
            Ok(html::page(&Page {
                theme,
                title,
                text,
                facts: facts(&trial),
                claims: claims.all,
                back: attempt.next,
                good,
            }))
        }
        Err(error @ TrialError::Foreign) => {
            let page = Page {
                theme,
                title: "This test can’t be shown",
                text: error.to_string(),
                good: false,
                facts: Vec::new(),
                claims: Vec::new(),
                back: "/".to_owned(),
            };
            Ok(html::page_with(StatusCode::FORBIDDEN, &page))
        }
        Err(TrialError::Database(error)) => Err(error.into()),
    }
}

/// What the test says on the whole.
fn said(trial: &Trial) -> (&'static str, String) {
    let name = &trial.organization.name;
    match &trial.domain {
        _ if trial.works() => (
            "The test worked",
            format!("People like this one can sign in to {name}. The test signed nobody in."),
        ),
        Some(domain) if trial.answers() => (
            "Only linked people come in like this yet",
            format!(
                "The provider answered as it has to. Verify {} before you require single sign-on, and test again: \
                 over a domain that is not verified a test does not count for that. It signed nobody in.",
                domain.domain
            ),
        ),
        _ => (
            "Nobody comes in like this yet",
            format!(
                "The provider answered, but a sign-in like this one does not open {name}. The test signed nobody in."
            ),
        ),
    }
}

/// What the claims mean, each as it would be judged.
fn facts(trial: &Trial) -> Vec<Fact> {
    let fact = |good: bool, what, text: String| Fact { tone: if good { "ok" } else { "bad" }, what, text };
    let email = trial.email.as_deref().unwrap_or("none came");
    let verified = match (trial.verified, trial.connection.kind) {
        (true, _) => format!("{email}: the provider says that it is verified."),
        (false, ConnectionKind::Entra) => format!(
            "{email}: Entra does not say that the tenant owns its domain. Add the optional claim xms_edov to the ID \
             token."
        ),
        (false, _) => {
            format!("{email}: the provider does not say that it is verified (email_verified: true).")
        }
    };
    let domain = match &trial.domain {
        None => {
            "It is on none of this connection’s domains: the sign-in is refused. Add the domain.".to_owned()
        }
        Some(domain) if trial.vouched => format!("It is on {}, which is verified.", domain.domain),
        Some(domain) => {
            format!("It is on {}, which is not verified: only who is linked already comes in.", domain.domain)
        }
    };
    let mfa = match (trial.multi_factor, trial.connection.enforces_mfa) {
        (true, true) => "The provider asked for more than one factor, and says so: it counts as MFA.",
        (true, false) => {
            "The provider asked for more than one factor. It does not count as MFA here: the connection does not say that \
             the provider enforces it."
        }
        (false, true) => {
            "The provider does not say in amr or acr that it asked for more than one factor: it does not count as MFA, \
             and people are asked for a factor of their own where one is required."
        }
        (false, false) => "It does not count as MFA.",
    };
    let mut facts = Vec::new();
    match trial.connection.kind {
        ConnectionKind::Google => facts.push(fact(
            true,
            "Workspace",
            format!(
                "hd is {}, as it has to be.",
                trial.connection.hosted_domain.as_deref().unwrap_or_default()
            ),
        )),
        ConnectionKind::Entra => {
            facts.push(fact(true, "Tenant", "tid is this connection’s tenant, as it has to be.".to_owned()));
        }
        ConnectionKind::Oidc => {
            facts.push(fact(true, "Issuer", format!("iss is {}, as it has to be.", trial.connection.issuer)));
        }
    }
    facts.push(fact(trial.verified, "Email", verified));
    facts.push(fact(trial.vouched, "Domain", domain));
    facts.push(Fact { tone: "none", what: "MFA", text: mfa.to_owned() });
    facts
}
