//! What an organization asks of sessions is asked of everyone, on their next request, wherever they stand.

use axum::http::Method;
use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::access::Role;
use interlock::web::routes::{self, Access};

use crate::support::database::execute;
use crate::support::factors::Phone;
use crate::support::{PASSWORD, TestApp, Visitor, everything, on_both};

const ORG: &str = "/o/halden-freight";
const SECURITY: &str = "/o/halden-freight/settings/security";
const AMARA: &str = "amara@halden.example";
const JONAS: &str = "jonas@halden.example";
const DANA: &str = "dana@halden.example";
const ENROL: &str = "/account/mfa/enrol";
const JSON: (&str, &str) = ("accept", "application/json");

/// Halden Freight, whose Owner has a factor, and Jonas, an Admin there without one, who owns Quill Works.
async fn two_organizations(app: &TestApp) -> (Visitor, Phone, Visitor) {
    let mut owner = app.owner().await;
    let mut jonas = app.sign_up("Quill Works", "Jonas Lindqvist", JONAS).await;
    let link = app.invited(&mut owner, JONAS, Role::Admin).await;
    jonas.post(&link, &[]).await.leads_to(ORG);
    jonas.org = ORG.to_owned();
    let phone = owner.enable_mfa(&app.clock).await;
    (owner, phone, jonas)
}

/// The Owner requires any factor, from now on or from a day.
async fn require(owner: &mut Visitor, day: Option<&str>) {
    let when = if day.is_some() { "date" } else { "now" };
    let fields = [
        ("required", "yes"),
        ("factors", "any"),
        ("when", when),
        ("day", day.unwrap_or_default()),
        ("confirmed", "yes"),
    ];
    owner.post(&format!("{SECURITY}/mfa"), &fields).await.leads_to(SECURITY);
}

/// Sets what an organization asks, without its page: `mfa = 'passkey'`.
async fn set(app: &TestApp, slug: &str, what: &str) {
    execute(app, &format!("update organizations set {what} where slug = '{slug}'")).await;
}

/// Of factors, all sessions have proofs alone that are older than any organization takes.
async fn forget_proofs(app: &TestApp) {
    execute(
        app,
        "update session_proofs set at = 1 where kind in ('totp', 'recovery_code', 'passkey', 'remembered_device')",
    )
    .await;
}

/// Each live session has a proof of one kind, of this moment.
async fn prove(app: &TestApp, kind: &str) {
    let now = app.clock.now().0;
    execute(
        app,
        &format!(
            "insert into session_proofs (session, kind, connection, at) \
             select id, '{kind}', '', {now} from sessions where ended_at is null \
             on conflict (session, kind, connection) do update set at = excluded.at"
        ),
    )
    .await;
}

fn asks_to_enrol(path: &str) -> String {
    format!("{ENROL}?organization=halden-freight&next={}", in_a_query(path))
}

/// A path as the value of a query.
fn in_a_query(path: &str) -> String {
    url::form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

on_both! {
    /// M3, MFA-06, HTX-02: from the next request on nothing of the organization is reachable without a factor,
    /// by any route, as a page, a fragment or for a program; nothing is done, and nothing is told.
    async fn nothing_is_reachable_without_a_factor(app: TestApp) {
        let (mut owner, _, mut jonas) = two_organizations(&app).await;
        jonas.get(&format!("{ORG}/users")).await.ok();
        require(&mut owner, None).await;
        owner.get(&format!("{ORG}/users")).await.ok();

        let before = everything(&app).await;
        let inside = routes::table().into_iter().filter(|route| {
            route.path.starts_with("/o/{org}") && !matches!(route.access, Access::Proving | Access::Door)
        });
        for route in inside {
            let path = route.path.replace("/o/{org}", ORG).replace("{id}", "01a20000-0000-7000-8000-000000000000").replace("{batch}", "01a20000-0000-7000-8000-000000000000");
            let body = (route.method == Method::POST).then(String::new);
            // An Admin has no right to some of these: a factor is asked for before that is judged.
            let page = jonas.send(route.method.clone(), &path, &[], body.clone()).await.is(303);
            assert!(page.location().starts_with(ENROL) && page.body.is_empty(), "{path}: {}", page.location());
            let fragment = jonas.send(route.method.clone(), &path, &[("hx-request", "true")], body.clone()).await.is(403);
            assert!(fragment.header("hx-redirect").starts_with(ENROL) && fragment.body.is_empty(), "{path}");
            let program = jonas.send(route.method.clone(), &path, &[JSON], body).await.is(403);
            assert!(program.body.contains(r#""code":"mfa_required""#) && !program.body.contains("Amara"), "{path}: {}", program.body);
        }
        assert_eq!(everything(&app).await, before, "nothing was done");

        // Where it leads back to: the page itself, or the one that a fragment stands on.
        assert_eq!(jonas.get(&format!("{ORG}/users?q=dana")).await.location(), asks_to_enrol("/o/halden-freight/users?q=dana"));
        let stands = [("hx-request", "true"), ("hx-current-url", "http://localhost:3000/o/halden-freight/invitations/new")];
        let fragment = jonas.send(Method::POST, &format!("{ORG}/invitations"), &stands, Some("email=x@halden.example&role=member".to_owned())).await.is(403);
        assert_eq!(fragment.header("hx-redirect"), asks_to_enrol("/o/halden-freight/invitations/new"));
        // Their own account and their other organization stay open.
        jonas.get("/o/quill-works/users").await.ok();
        jonas.get("/account").await.ok();
        jonas.post("/o/quill-works/settings", &[("name", "Quill Works"), ("slug", "quill-works")]).await.is(303);
        jonas.get(&asks_to_enrol("/o/halden-freight/users")).await.ok().says("Halden Freight requires a second step");

        jonas.enable_mfa(&app.clock).await;
        jonas.get(&format!("{ORG}/users")).await.ok();
        jonas.post(&format!("{ORG}/invitations"), &[("email", "x@halden.example"), ("role", "member")]).await.leads_to(&format!("{ORG}/invitations"));
    }

    /// M5: whoever has a factor that this session has not proven is asked for it, and not for another one; a
    /// code proves it, and a recovery code does.
    async fn an_unproven_factor_is_challenged(app: TestApp) {
        let (mut owner, phone, mut jonas) = two_organizations(&app).await;
        let other = jonas.enable_mfa(&app.clock).await;
        owner.step_up_with(&phone).await;
        require(&mut owner, None).await;
        forget_proofs(&app).await;
        let challenge = format!("{ORG}/sign-in");
        for visitor in [&mut owner, &mut jonas] {
            let asked = visitor.get(&format!("{ORG}/roles")).await.is(303).location();
            assert_eq!(asked, format!("{challenge}?next={}", in_a_query("/o/halden-freight/roles")));
            let fragment = visitor.get_fragment(&format!("{ORG}/users"), "users-table").await.is(403);
            assert!(fragment.header("hx-redirect").starts_with(&challenge));
            let program = visitor.send(Method::GET, &format!("{ORG}/users.csv"), &[JSON], None).await.is(403);
            assert!(program.body.contains("mfa_required"));
        }
        owner.get(&challenge).await.ok().says("6-digit code");
        // The password is no factor.
        owner.post(&challenge, &[("password", PASSWORD)]).await.is(422);
        owner.prove(&phone).await;
        owner.get(&format!("{ORG}/roles")).await.ok();
        let code = other.recovery_codes[0].clone();
        jonas.post(&challenge, &[("code", &code), ("with", "recovery"), ("next", "/o/halden-freight/roles")]).await.leads_to(&format!("{ORG}/roles"));
        jonas.get(&format!("{ORG}/roles")).await.ok();
    }

    /// M6: where passkeys alone count, a code and a recovery code open the enrolment, and nothing else; whoever
    /// has a passkey is asked for it.
    async fn passkeys_only(app: TestApp) {
        let (_, _, mut jonas) = two_organizations(&app).await;
        jonas.enable_mfa(&app.clock).await;
        set(&app, "halden-freight", "mfa = 'passkey'").await;
        for proof in ["recovery_code", "remembered_device"] {
            prove(&app, proof).await;
            assert_eq!(jonas.get(&format!("{ORG}/roles")).await.is(303).location(), asks_to_enrol("/o/halden-freight/roles"));
        }
        jonas.get(ENROL).await.ok();
        execute(&app, &format!("update users set has_passkey = true where email = '{JONAS}'")).await;
        jonas.get(&format!("{ORG}/roles")).await.leads_to(&format!("{ORG}/sign-in"));
        prove(&app, "passkey").await;
        jonas.get(&format!("{ORG}/roles")).await.ok();
        jonas.get("/o/quill-works/users").await.ok();
    }

    /// S7, M3: a remembered device stands in for a factor where the organization allows that, and not where
    /// one asks for passkeys.
    async fn remembered_devices(app: TestApp) {
        let (_, _, mut jonas) = two_organizations(&app).await;
        jonas.enable_mfa(&app.clock).await;
        set(&app, "halden-freight", "mfa = 'any'").await;
        forget_proofs(&app).await;
        jonas.get(&format!("{ORG}/roles")).await.is(303);
        prove(&app, "remembered_device").await;
        jonas.get(&format!("{ORG}/roles")).await.ok();
        set(&app, "halden-freight", "remembers_devices = false").await;
        jonas.get(&format!("{ORG}/roles")).await.leads_to(&format!("{ORG}/sign-in"));
        set(&app, "halden-freight", "remembers_devices = true, mfa = 'passkey'").await;
        jonas.get(&format!("{ORG}/roles")).await.leads_to(ENROL);
    }

    /// M4: until its date whoever lacks a factor sees a banner, and is not interrupted; from then on they are.
    /// What was asked for before is asked for until then.
    async fn a_grace_period(app: TestApp) {
        let (mut owner, _, mut jonas) = two_organizations(&app).await;
        require(&mut owner, Some("2026-12-01")).await;
        let banner = "Halden Freight requires multi-factor authentication from 1 December 2026, 00:00";
        let page = jonas.get(&format!("{ORG}/users")).await.ok().says(banner);
        assert!(page.body.contains("/account/mfa/enrol?organization=halden-freight"));
        jonas.get(&format!("{ORG}/users.csv")).await.ok();
        owner.get(&format!("{ORG}/users")).await.ok().says_not("requires multi-factor authentication from");
        jonas.get("/o/quill-works/users").await.ok().says_not("Halden Freight requires");

        app.clock.advance(8 * DAY + 14 * HOUR);
        jonas.sign_in(JONAS, PASSWORD).await.is(303);
        jonas.get(&format!("{ORG}/users")).await.ok().says(banner);
        app.clock.advance(HOUR);
        jonas.get(&format!("{ORG}/users")).await.leads_to(ENROL);
        jonas.get("/o/quill-works/users").await.ok();

        // Any factor now, and passkeys from tomorrow.
        let from = app.clock.now().0 + DAY;
        set(&app, "halden-freight", &format!("mfa = 'passkey', mfa_from = {from}, mfa_before = 'any'")).await;
        jonas.get(&format!("{ORG}/users")).await.leads_to(ENROL);
        jonas.enable_mfa(&app.clock).await;
        jonas.get(&format!("{ORG}/users")).await.ok().says("Halden Freight requires a passkey from");
        forget_proofs(&app).await;
        jonas.get(&format!("{ORG}/users")).await.leads_to(&format!("{ORG}/sign-in"));
    }

    /// INV-15: whoever accepts an invite is a member, and comes in once they have a factor.
    async fn accepting_an_invite(app: TestApp) {
        let (mut owner, phone, _) = two_organizations(&app).await;
        owner.step_up_with(&phone).await;
        require(&mut owner, None).await;
        let link = app.invited(&mut owner, DANA, Role::Member).await;
        let mut dana = app.visitor();
        dana.post(&link, &[("name", "Dana Kovač"), ("password", PASSWORD)]).await.leads_to(ORG);
        dana.org = ORG.to_owned();
        assert_eq!(dana.get(ORG).await.is(303).location(), asks_to_enrol("/o/halden-freight"));
        dana.get_fragment(&format!("{ORG}/roles"), "main").await.is(403);
        dana.enable_mfa(&app.clock).await;
        dana.get(&format!("{ORG}/roles")).await.ok();
    }

    /// R10: signed out everywhere by an Admin, a session's factor counts no more than its password.
    async fn proofs_after_voids_factors(app: TestApp) {
        let (mut owner, phone, mut jonas) = two_organizations(&app).await;
        let other = jonas.enable_mfa(&app.clock).await;
        owner.step_up_with(&phone).await;
        require(&mut owner, None).await;
        let id = app.id_of(&mut owner, "Jonas Lindqvist").await;
        owner.post(&format!("{ORG}/users/{id}/sign-out"), &[]).await.is(303);
        jonas.get(&format!("{ORG}/roles")).await.leads_to(&format!("{ORG}/sign-in"));
        jonas.post(&format!("{ORG}/sign-in"), &[("password", PASSWORD)]).await.is(303);
        jonas.get(&format!("{ORG}/roles")).await.leads_to(&format!("{ORG}/sign-in"));
        jonas.prove(&other).await;
        jonas.get(&format!("{ORG}/roles")).await.ok();
        jonas.get("/o/quill-works/users").await.ok();
    }

    /// S10: each organization has its own limits; the session lives as long as the longest, in its list too.
    async fn session_limits(app: TestApp) {
        let (mut owner, _, mut jonas) = two_organizations(&app).await;
        let (hour, month) = (HOUR, 30 * DAY);
        set(&app, "halden-freight", &format!("session_idle = {hour}, session_absolute = {hour}")).await;
        set(&app, "quill-works", &format!("session_idle = {month}, session_absolute = {month}")).await;
        jonas.sign_in(JONAS, PASSWORD).await.is(303);
        owner.sign_in(AMARA, PASSWORD).await.is(303);
        let page = jonas.get("/account/sessions").await.ok().says("after 30 days without a click, and after 30 days in all.");
        page.says("Halden Freight asks you to sign in again after 1 hour without a click there, and after 1 hour in all.");
        // In all, whatever is clicked.
        for _ in 0..5 {
            jonas.get(&format!("{ORG}/roles")).await.ok();
            app.clock.advance(12 * MINUTE);
        }
        jonas.get(&format!("{ORG}/roles")).await.leads_to(&format!("{ORG}/sign-in"));
        jonas.get("/o/quill-works/users").await.ok();
        // Without a click there.
        set(&app, "halden-freight", &format!("session_absolute = {}", 24 * hour)).await;
        jonas.post(&format!("{ORG}/sign-in"), &[("password", PASSWORD)]).await.is(303);
        jonas.get(&format!("{ORG}/roles")).await.ok();
        app.clock.advance(61 * MINUTE);
        jonas.get("/o/quill-works/users").await.ok();
        jonas.get(&format!("{ORG}/roles")).await.leads_to(&format!("{ORG}/sign-in"));

        app.clock.advance(20 * DAY);
        jonas.get("/o/quill-works/users").await.ok();
        jonas.get("/account/sessions").await.ok().says("This session");
        app.clock.advance(10 * DAY);
        jonas.get("/o/quill-works/users").await.leads_to("/sign-in");

        // Alone where an hour is the limit.
        let mut dana = app.visitor();
        execute(&app, "update organizations set session_idle = 3600000, session_absolute = 3600000").await;
        dana.sign_in(JONAS, PASSWORD).await.is(303);
        dana.get("/account/sessions").await.ok().says("after 1 hour without a click, and after 1 hour in all.");
        app.clock.advance(61 * MINUTE);
        dana.get("/account").await.leads_to("/sign-in");
    }

    /// S6: whoever signs in with a password that is too short for an organization is asked for a longer one
    /// on the next click in there, and nowhere else.
    async fn a_short_password(app: TestApp) {
        let (_, _, mut jonas) = two_organizations(&app).await;
        jonas.sign_in(JONAS, PASSWORD).await.is(303);
        jonas.get(&format!("{ORG}/roles")).await.ok();
        set(&app, "halden-freight", "shortest_password = 24").await;
        let asked = jonas.get(&format!("{ORG}/roles")).await.is(303).location();
        assert_eq!(asked, format!("/account/password?organization=halden-freight&next={}", in_a_query("/o/halden-freight/roles")));
        jonas.get(&asked).await.ok().says("Halden Freight asks for at least 24 characters.");
        jonas.get("/o/quill-works/users").await.ok();
        let change = |password| [("current_password", PASSWORD), ("password", password), ("organization", "halden-freight"), ("next", "/o/halden-freight/roles")];
        jonas.post("/account/password", &change("eight green glass boats")).await.is(422).says("at least 24 characters");
        jonas.post("/account/password", &change("eight green glass boats and a harbour")).await.leads_to(&format!("{ORG}/roles"));
        jonas.get(&format!("{ORG}/roles")).await.ok();
    }
}
