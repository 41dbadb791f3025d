//! Where a way to a provider ends that led to nothing: what happened, and what to do next.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::domain::sso::{Attempt, Purpose};
use crate::web::{html, pages};

#[derive(Template)]
#[template(path = "sso/landing.html")]
pub struct LandingPage {
    pub title: &'static str,
    pub text: String,
    /// What to do next: words and an address.
    pub next: (&'static str, String),
}

impl LandingPage {
    pub fn new(title: &'static str, text: impl Into<String>, next: (&'static str, String)) -> LandingPage {
        LandingPage { title, text: text.into(), next }
    }

    pub fn answer(&self, status: StatusCode) -> Response {
        html::page_with(status, self)
    }

    pub fn led_here() -> LandingPage {
        LandingPage::new(
            "Sign in here?",
            "Another site led you here, to sign in by a provider. Go on only if that is what you want: who is signed in \
             in this browser may be somebody else afterwards.",
            // This very address, now from one of our own pages.
            ("Continue", String::new()),
        )
    }

    pub fn unknown() -> LandingPage {
        LandingPage::new(
            "This sign-in can't go on",
            "It was not begun in this browser, was used already, or took longer than ten minutes. Begin again.",
            ("Sign in", "/sign-in".to_owned()),
        )
    }

    /// What exactly went wrong is the business of whoever manages the connection: it stands in its settings.
    pub fn unreachable() -> LandingPage {
        LandingPage::new(
            "The provider can't be reached",
            "It did not answer, or what it said could not be used. Try again in a while, or sign in another way. \
             If it stays so, tell an Owner or Admin.",
            ("Sign in another way", "/sign-in".to_owned()),
        )
    }

    pub fn cancelled(attempt: &Attempt) -> LandingPage {
        LandingPage::new(
            "You were not signed in",
            "That was cancelled at the provider, or the provider did not let you in.",
            ("Try again", LandingPage::again(attempt)),
        )
    }

    pub fn refused(attempt: &Attempt, why: impl Into<String>) -> LandingPage {
        LandingPage::new("You were not signed in", why, ("Try again", LandingPage::again(attempt)))
    }

    /// The page that the way was begun on.
    fn again(attempt: &Attempt) -> String {
        match attempt.purpose {
            Purpose::SignUp => pages::sign_up::address(&attempt.next),
            Purpose::Invite | Purpose::Link | Purpose::StepUp => attempt.next.clone(),
            Purpose::SignIn | Purpose::Test => format!("/sign-in?next={}", html::query_value(&attempt.next)),
        }
    }
}
