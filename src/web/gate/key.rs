//! What stands before `/v1`: a key that works, and is of a kind that opens the route (K1, K3).

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::domain::access::{Actor, Capability};
use crate::domain::api_keys::{self, Caller, KeyScope};
use crate::domain::organizations::Organization;
use crate::domain::throttle::Rate;
use crate::web::api;
use crate::web::api::once;
use crate::web::api::problem::Problem;
use crate::web::context::Context;

/// The person whom an admin key acts for, with what the key has of what they may.
#[derive(Clone, Debug)]
pub struct Acting {
    pub actor: Actor,
    pub organization: Organization,
}

/// Lets a request in, with whose key it came with, or says why not. A cookie makes no difference.
pub(super) async fn check(app: &Shared, scope: KeyScope, mut request: Request, next: Next) -> Response {
    let mut rate = None;
    let mut response = match admit(app, scope, &mut request, &mut rate).await {
        Err(problem) => problem.into_response(),
        Ok(()) if matches!(scope, KeyScope::Manages(_)) && once::is_asked(&request) => {
            Box::pin(once::run(app, request, next)).await
        }
        Ok(()) => next.run(request).await,
    };
    if let Some(rate) = rate {
        say(&rate, &mut response);
    }
    response
}

async fn admit(
    app: &Shared,
    scope: KeyScope,
    request: &mut Request,
    rate: &mut Option<Rate>,
) -> Result<(), Problem> {
    over_https(app, request)?;
    let context = request.extensions().get::<Context>().cloned().expect("the frame is around every route");
    let secret = api::secret(request.headers())?;
    let caller = api_keys::authenticate(app, &secret, &context.origin).await?;
    app.calls.count(&caller, app.db.now());
    // What is checked has limits of its own, and is asked all the time.
    if scope != KeyScope::Check {
        let spent = app.api_rates.spend(caller.counted_by(), app.db.now());
        *rate = Some(spent);
        if spent.exceeded {
            return Err(Problem::too_fast(&spent));
        }
    }
    caller.kind.opens(scope)?;
    // No text of ours holds a NUL, and PostgreSQL fails on one.
    if request.uri().path_and_query().is_some_and(|address| address.as_str().contains("%00")) {
        return Err(Problem::of_status(axum::http::StatusCode::BAD_REQUEST));
    }
    if let KeyScope::Manages(capability) = scope {
        let acting = Box::pin(acting(app, &caller, capability, &context)).await?;
        request.extensions_mut().insert(acting);
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

async fn acting(
    app: &Shared,
    caller: &Caller,
    capability: Capability,
    context: &Context,
) -> Result<Acting, Problem> {
    let (actor, organization) = api_keys::acting(app, caller, &context.origin).await?;
    actor.may(capability)?;
    Ok(Acting { actor, organization })
}

/// A key that went over the network in clear is told so, and not led on to where it would go again (ASVS 4.1.2). Behind
/// a proxy, its word alone says how the request came.
fn over_https(app: &Shared, request: &Request) -> Result<(), Problem> {
    let came_by = request.headers().get("x-forwarded-proto").map(HeaderValue::as_bytes);
    match came_by {
        Some(b"http") if app.config.base_url.is_https() => Err(Problem::plain_http()),
        _ => Ok(()),
    }
}

/// How fast the key may go on (draft-ietf-httpapi-ratelimit-headers).
fn say(rate: &Rate, response: &mut Response) {
    let Rate { most, left, seconds, .. } = rate;
    let headers = response.headers_mut();
    for (name, value) in [
        ("ratelimit-policy", format!("\"key\";q={most};w=60")),
        ("ratelimit", format!("\"key\";r={left};t={seconds}")),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
