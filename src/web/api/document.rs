//! The OpenAPI document, at `/v1/openapi.json`. What an operation takes and gives is written at its handler; what is
//! true of all of them, and who may call each, is made of the table of routes: so it can't say something else.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::{OpenApi, ToSchema};

use super::{access, audit, checks, invitations, keys, permissions, resources, teams, users};
use crate::app::Shared;
use crate::domain::access::TABLE;
use crate::domain::api_keys::{KeyScope, Kind};
use crate::secrets::sha256_hex;
use crate::web::gate::Access;
use crate::web::routes::{self, Route};

/// Each handler of `/v1` has its line here, and a test walks both.
#[derive(OpenApi)]
#[openapi(
    paths(
        access::check, access::check_many,
        checks::check, checks::check_many, checks::renew, checks::release,
        keys::list, keys::current, keys::mint,
        permissions::list, permissions::create, permissions::get, permissions::change, permissions::delete,
        users::list, users::show, users::invite, users::change_role, users::suspend, users::reactivate, users::remove,
        invitations::list, invitations::show, invitations::resend, invitations::revoke,
        teams::list, teams::create, teams::show, teams::change, teams::delete,
        teams::members, teams::put_member, teams::remove_member,
        resources::list, resources::create, resources::show, resources::change, resources::archive,
        resources::unarchive, resources::access, resources::put_access,
        audit::list,
        serve,
    ),
    components(schemas(ProblemDetails)),
    tags(
        (name = "Access", description = "May this person do this with that resource?"),
        (name = "Checks", description = "May this key do that now? Limits are spent, and places held."),
        (name = "Keys", description = "What a key is, and ephemeral ones made from it."),
        (name = "Permissions", description = "What keys may do, and how often."),
        (name = "Users", description = "Who is in the organization, and as what."),
        (name = "Invitations", description = "Who was invited, and has not come yet."),
        (name = "Teams", description = "Whom access is granted to together."),
        (name = "Resources", description = "What access is controlled to, and who has it."),
        (name = "Audit", description = "Who changed what about access."),
        (name = "About", description = "The API itself."),
    )
)]
struct Operations;

/// Why a request was not done (RFC 9457).
#[derive(ToSchema)]
#[schema(as = Problem, example = json!({"type": "urn:interlock:problem:invalid", "status": 422,
    "title": "The body can't be taken", "detail": "role is missing.",
    "errors": [{"pointer": "/role", "detail": "role is missing."}]}))]
#[expect(dead_code, reason = "these are the document's words for what a problem is written as")]
struct ProblemDetails {
    /// A name that never changes.
    #[schema(pattern = "^urn:interlock:problem:[a-z-]+$")]
    r#type: String,
    /// The status of the answer.
    status: u16,
    title: String,
    /// What happened, and what to change.
    detail: String,
    /// Each value that is wrong.
    errors: Option<Vec<FaultOfProblem>>,
}

/// One value that is wrong.
#[derive(ToSchema)]
#[schema(as = Fault)]
#[expect(dead_code, reason = "these are the document's words for what a problem is written as")]
struct FaultOfProblem {
    /// Where it is in the body, as a JSON pointer; `?name` is in the address.
    #[schema(example = "/role")]
    pointer: String,
    /// What to change.
    detail: String,
}

const ABOUT: &str = "Interlock knows who is in an organization, what each of them may open, and what happened.\n\n\
    A key opens the API, as `Authorization: Bearer il_…`: an Owner or Admin makes keys under Keys in the dashboard. Each \
    operation says which kinds of key open it. Ids of another organization are answered as unknown ones.\n\n\
    Refusals are problem details (RFC 9457), with a `type` that never changes. Lists come in pages: follow `Link`, or send \
    `next_cursor` as `cursor`. Times are RFC 3339 in UTC. Every answer has an `X-Request-Id`; the audit log has it too.";
const OF_KEY: &str = "An API key. Live keys begin with `il_live_`, development keys with `il_dev_`, ephemeral keys with \
    `il_temp_` and admin keys with `il_admin_`.";
const OF_IDEMPOTENCY: &str = "A name of your own for this request, such as a UUID. The same request with the same name is \
    done once within 24 hours, and answered alike, with `Idempotency-Replayed: true`.";

/// The whole document, but for where the server is.
pub fn value() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut document = serde_json::to_value(Operations::openapi()).unwrap_or_default();
        document["info"] = json!({
            "title": "Interlock", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
        });
        let components = &mut document["components"];
        components["securitySchemes"] =
            json!({"key": {"type": "http", "scheme": "bearer", "bearerFormat": "il_…", "description": OF_KEY}});
        components["headers"] = headers();
        for route in routes::table() {
            let operation = document.pointer_mut(&pointer(&route));
            if let Some(operation) = operation.and_then(Value::as_object_mut) {
                complete(operation, &route);
            }
        }
        document
    })
}

/// Where a route's operation is in the document.
fn pointer(route: &Route) -> String {
    let path = route.path.replace('~', "~0").replace('/', "~1");
    format!("/paths/{path}/{}", route.method.as_str().to_lowercase())
}

fn headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "X-Request-Id": text("The request's number, which the server's log and the audit log have too."),
        "Link": text("The next page (RFC 8288), if there is one."),
        "Location": text("Where what was made is."),
        "RateLimit": text("What is left of this minute: `\"key\";r=598;t=37`."),
        "RateLimit-Policy": text("How many requests a key makes a minute: `\"key\";q=600;w=60`."),
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
        "WWW-Authenticate": text("`Bearer`."),
    })
}

/// Which kinds of key open a route; nobody needs one for the others.
pub fn opened_by(access: Access) -> Vec<Kind> {
    match access {
        Access::Key(scope) => Kind::ALL.into_iter().filter(|kind| kind.opens(scope).is_ok()).collect(),
        _ => Vec::new(),
    }
}

/// The same in a sentence.
fn who_may(access: Access) -> String {
    let kinds: Vec<&str> = opened_by(access).into_iter().map(Kind::in_words).collect();
    match access {
        Access::Key(KeyScope::Manages(capability)) => {
            let row = TABLE.iter().find(|row| row.capability == capability);
            let what = row.map_or("do this", |row| row.what);
            format!("An admin API key, while whoever made it may {what}.")
        }
        Access::Key(_) => match kinds.as_slice() {
            [rest @ .., last] if !rest.is_empty() => capital(&format!("{} or {last}.", rest.join(", "))),
            kinds => capital(&format!("{}.", kinds.concat())),
        },
        _ => "Anyone, without a key.".to_owned(),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What holds for every operation of this access, beside what its handler says.
fn complete(operation: &mut Map<String, Value>, route: &Route) {
    let is_open = !matches!(route.access, Access::Key(_));
    let manages = matches!(route.access, Access::Key(KeyScope::Manages(_)));
    let is_rated = !is_open && route.access != Access::Key(KeyScope::Check);
    let may_repeat = manages && route.method == Method::POST;
    operation.insert("security".to_owned(), if is_open { json!([]) } else { json!([{"key": []}]) });
    let kinds: Vec<&str> = opened_by(route.access).into_iter().map(Kind::code).collect();
    operation.insert("x-opened-by".to_owned(), json!(kinds));
    operation.insert("x-who-may".to_owned(), json!(who_may(route.access)));
    if may_repeat {
        let header = json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": OF_IDEMPOTENCY,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}});
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        parameters.as_array_mut().expect("parameters are a list").push(header);
    }
    let has_body = operation.contains_key("requestBody");
    let is_in = |place: &str| {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        parameters.is_some_and(|list| list.iter().any(|one| one["in"] == place))
    };
    let (in_path, in_query) = (is_in("path"), is_in("query"));
    let is_list = operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(|list| list.iter().any(|one| one["name"] == "cursor"));
    let answers = operation.entry("responses").or_insert_with(|| json!({}));
    let answers = answers.as_object_mut().expect("responses are an object");
    let mut say = |holds: bool, status: &str, text: &str| {
        if holds {
            let answer = answers.entry(status).or_insert_with(|| json!({}));
            let before = answer["description"].as_str().unwrap_or_default().to_owned();
            let text = if before.is_empty() {
                text.to_owned()
            } else {
                format!("{}; {text}", before.trim_end_matches('.'))
            };
            answer["description"] = json!(text);
        }
    };
    say(has_body, "400", "`malformed-json`: the body is no JSON, or names a field twice");
    say(!is_open, "400", "`malformed`, `two-authorizations`");
    say(
        !is_open,
        "401",
        "`no-key`, `unknown-key`, `revoked-key`, `expired-key`, `key-too-old`, `key-owner-gone`",
    );
    say(route.access == Access::Key(KeyScope::Check), "401", "`used-up-key`");
    say(!is_open, "403", "`wrong-key`, `denied`, `key-owner-role`, `mfa-required`, `address`, `plain-http`");
    say(manages, "403", "`step-up-needed`: a person has to do this, in the dashboard");
    say(in_path && !is_open, "404", "`not-found`: the key's organization has nothing of this name");
    say(may_repeat, "409", "`idempotency-in-flight`, `idempotency-lost`");
    say(has_body, "413", "`too-large`: a body has at most 64 kB");
    say(has_body, "415", "`not-json`");
    say(has_body || in_query, "422", "`invalid`: `errors` says what to change");
    say(may_repeat, "422", "`idempotency-mismatch`: the `Idempotency-Key` was another request's");
    say(!is_open, "429", if is_rated { "`too-many-requests`, `too-many-tries`" } else { "`too-many-tries`" });
    say(true, "500", "`failed`: something went wrong on the server");
    say(true, "503", "`busy`: try again in a few seconds");
    for (status, answer) in answers {
        dress(status, answer, is_list, is_rated);
    }
}

/// An answer's headers, and the body of a refusal.
fn dress(status: &str, answer: &mut Value, is_list: bool, is_rated: bool) {
    let is_refusal = status.starts_with(['4', '5']);
    if is_refusal && answer.get("content").is_none() {
        answer["content"] =
            json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    }
    let names = [
        ("X-Request-Id", true),
        ("Link", is_list && status == "200"),
        ("Location", status == "201"),
        ("RateLimit", is_rated && status != "401"),
        ("RateLimit-Policy", is_rated && status != "401"),
        ("Retry-After", matches!(status, "429" | "503")),
        ("WWW-Authenticate", status == "401"),
    ];
    for (name, _) in names.into_iter().filter(|(_, holds)| *holds) {
        answer["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
    }
}

/// The document as it is served, and what tells it from another.
fn text(app: &Shared) -> (String, HeaderValue) {
    let mut document = value().clone();
    let url = app.config.base_url.as_str().trim_end_matches('/');
    document["servers"] = json!([{"url": url}]);
    let text = document.to_string();
    let tag = format!("\"{}\"", &sha256_hex(text.as_bytes())[..32]);
    (text, HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\"")))
}

/// Read this document
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "getDocument", tag = "About",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json",
        body = serde_json::Value), (status = 304, description = "It is the one that `If-None-Match` names")))]
pub async fn serve(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let (text, tag) = text(&app);
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| *known == tag);
    let about =
        [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))];
    if is_known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (content_type, about, text).into_response()
}
