//! The same doors for whoever comes by an organization's provider, or would have to (S8, S9, O4).

use interlock::domain::access::Role;
use interlock::web::routes::{self, Access};
use serde_json::json;

use super::{
    People, assert_let_in, assert_let_in_somehow, is_inside, knock, knock_as_fragment, knock_as_program, may,
    people,
};
use crate::support::database::execute;
use crate::support::forger::Forger;
use crate::support::sso::Connection;
use crate::support::{PASSWORD, TestApp, Visitor, fresh_schema};

/// The organization with a provider, and an Admin whose session holds nothing but its word.
struct Vouched {
    app: TestApp,
    people: People,
    /// Ends with the test.
    _forger: Forger,
    connection: Connection,
    by_provider: Visitor,
}

async fn vouched(database: Option<String>) -> Vouched {
    let forger = Forger::start().await;
    let app = TestApp::with(database, &[("INTERLOCK_OUTBOUND_ALLOW", &forger.url)]).await;
    let people = people(&app).await;
    let connection = Connection::new(&app, &people.org, "oidc", &forger.url).await;
    connection.domain(&app, "halden.example", true).await;
    let mut by_provider = app.visitor();
    let admin = json!({ "sub": "admin", "email": "admin@halden.example" });
    connection.come(&app, &forger, &mut by_provider, &admin).await.leads_to(&people.org);
    Vouched { app, people, _forger: forger, connection, by_provider }
}

/// S8, TEN-05: a session by a provider alone opens its organization as the person's role allows, of the account
/// what is harmless, and of other organizations not even that they are there.
async fn a_session_by_a_provider_alone(mut world: Vouched) {
    let elsewhere = world.people.stranger.org.clone();
    let slug = elsewhere.trim_start_matches("/o/").to_owned();
    for route in routes::table() {
        let path = world.people.path(&route);
        let visitor = &mut world.by_provider;
        match route.access {
            Access::Own => {
                knock(visitor, &route, &path).await.is(303).leads_to("/step-up");
                let answer = knock_as_fragment(visitor, &route, &path).await.is(401);
                assert!(answer.header("hx-redirect").starts_with("/step-up") && answer.body.is_empty());
            }
            Access::SignedIn => assert_let_in_somehow(&knock(visitor, &route, &path).await, &route),
            access if is_inside(access) => {
                let answer = knock(visitor, &route, &path).await;
                if may(Role::Admin, access) {
                    assert_let_in(&answer, &route, "by provider");
                } else {
                    answer.is(403);
                }
                for (org, slug) in [(&elsewhere, slug.as_str()), (&"/o/nowhere".to_owned(), "nowhere")] {
                    let path = path.replace(&world.people.org, org);
                    let answer = knock(visitor, &route, &path).await.says_not("Brightwater");
                    if access == Access::Door {
                        answer.ok().says("Continue");
                    } else {
                        answer.is(303).leads_to(&format!("/o/{slug}/sign-in"));
                        knock_as_fragment(visitor, &route, &path).await.is(401);
                        knock_as_program(visitor, &route, &path).await.is(401).says("sign_in_required");
                    }
                }
            }
            _ => {}
        }
    }
}

/// S9, O4, SSO-15: where single sign-on is required, a password opens nothing inside, for whatever role; break-glass
/// people with a factor come in everywhere.
async fn where_single_sign_on_is_required(mut world: Vouched) {
    let mut members = std::mem::take(&mut world.people.members);
    let (app, org) = (&world.app, world.people.org.clone());
    let door = format!("{org}/sign-in");
    let mut owner = members.pop().expect("the Owner is last").1;
    let phone = owner.enable_mfa(&app.clock).await;
    execute(app, "update memberships set break_glass = true where role in ('owner', 'developer')").await;
    execute(app, &format!("update organizations set sso_required = true where slug = '{}'", &org[3..])).await;
    let mut glass = app.visitor();
    glass.sign_in_with("amara@halden.example", PASSWORD, &phone).await.is(303);
    for route in routes::table() {
        let path = world.people.path(&route);
        if !is_inside(route.access) {
            continue;
        }
        assert_let_in(&knock(&mut glass, &route, &path).await, &route, "by break-glass");
        let passes = matches!(route.access, Access::Door | Access::Proving);
        for (role, visitor) in members.iter_mut().filter(|_| !passes) {
            // A Developer is named for break-glass, without a factor.
            let answer = knock(visitor, &route, &path).await.is(303).leads_to(&door);
            assert!(answer.body.is_empty(), "{role}");
            knock_as_fragment(visitor, &route, &path).await.is(401);
            knock_as_program(visitor, &route, &path).await.is(401).says_not("Tar Get");
        }
        let answer = knock(&mut world.by_provider, &route, &path).await;
        assert!(!passes || answer.status != 303, "{path}");
        assert_eq!(answer.status == 403, !may(Role::Admin, route.access), "{path}");
    }
    // With its connection the proof goes.
    world.connection.set(app, "enabled = false").await;
    world.by_provider.get(&org).await.leads_to("/sign-in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_by_a_provider_alone_sqlite() {
    a_session_by_a_provider_alone(vouched(None).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_by_a_provider_alone_postgres() {
    a_session_by_a_provider_alone(vouched(Some(fresh_schema().await)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_single_sign_on_is_required_sqlite() {
    where_single_sign_on_is_required(vouched(None).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_single_sign_on_is_required_postgres() {
    where_single_sign_on_is_required(vouched(Some(fresh_schema().await)).await).await;
}
