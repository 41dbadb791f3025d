//! Every route × everyone: the table is the matrix (ROL-01, TEN-01, HTX-01, HTX-02, HTX-05, HTX-07).
//! A new route is covered on the day that it is added.

mod keys;
mod sso;

use axum::http::Method;
use interlock::domain::access::{Capability, Role};
use interlock::domain::{audit, organizations};
use interlock::web::routes::{self, Access, Route};

use crate::support::database::execute;
use crate::support::{Answer, PASSWORD, TestApp, Visitor, database, on_both};

/// Everyone who may come to a door.
struct People {
    nobody: Visitor,
    members: Vec<(Role, Visitor)>,
    stranger: Visitor,
    suspended: Visitor,
    removed: Visitor,
    /// Ids for the paths: a plain member, a pending invitation, a batch of them, the organization.
    target: String,
    invitation: String,
    batch: String,
    organization: String,
    org: String,
}

async fn people(app: &TestApp) -> People {
    let mut owner = app.owner().await;
    let mut members = Vec::new();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Owner) {
        let email = format!("{}@halden.example", role.code());
        members.push((role, app.member(&mut owner, &format!("The {role}"), &email, role).await));
    }
    let suspended = app.member(&mut owner, "Sus Pended", "suspended@halden.example", Role::Admin).await;
    let removed = app.member(&mut owner, "Rem Oved", "removed@halden.example", Role::Admin).await;
    let mut target = app.member(&mut owner, "Tar Get", "target@halden.example", Role::Member).await;
    target.enable_mfa(&app.clock).await;
    app.invited(&mut owner, "pending@halden.example", Role::Member).await;
    let page = owner.get(&format!("{}/invitations", owner.org)).await.ok().body;
    let invitation =
        page.split("id=\"invitation-").nth(1).expect("an invitation is pending")[..36].to_owned();
    let many = [("emails", "one@halden.example, two@halden.example"), ("role", "member")];
    let sent = owner.post(&format!("{}/invitations/batches", owner.org), &many).await.location();
    let batch = sent.rsplit('/').next().expect("it leads to the batch").to_owned();
    for (name, noun) in [("Sus Pended", "suspension"), ("Rem Oved", "removal")] {
        let id = app.id_of(&mut owner, name).await;
        owner.post(&format!("{}/users/{id}/{noun}", owner.org), &[]).await.is(303);
    }
    let target = app.id_of(&mut owner, "Tar Get").await;
    owner.post(&format!("{}/teams", owner.org), &[("name", "Tar Get")]).await.is(303);
    let team = format!("{}/teams/tar-get", owner.org);
    owner.post(&format!("{team}/members"), &[("people", &target)]).await.leads_to(&team);
    connect(app).await;
    open_resources(app).await;
    configure(app).await;
    give_keys(app).await;
    permit(app).await;
    let organization = database::only(database::texts(app, "select id from organizations").await);
    let org = owner.org.clone();
    members.push((Role::Owner, owner));
    let stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
    let nobody = app.visitor();
    People { nobody, members, stranger, suspended, removed, target, invitation, batch, organization, org }
}

const RESOURCE: &str = "01a20000-0000-7000-8000-00000000000e";
const LINK: &str = "01a20000-0000-7000-8000-00000000000f";
const REQUEST: &str = "01a20000-0000-7000-8000-000000000010";

/// A resource of the Developer's in Live and one in staging, each with a link and a request, and a team.
async fn open_resources(app: &TestApp) {
    execute(
        app,
        "insert into environments (organization, slug, name, color, created_at) \
         select id, 'staging', 'Staging', 'blue', 0 from organizations where slug = 'halden-freight'; \
         insert into teams (id, organization, slug, name, name_key, created_at) \
         select '01a20000-0000-7000-8000-000000000011', id, 'target-team', 'Target team', 'target team', 0 \
         from organizations where slug = 'halden-freight'",
    )
    .await;
    for (environment, digit) in [("production", '0'), ("staging", '1')] {
        let id = |of: &str| format!("{}{digit}{}", &of[..14], &of[15..]);
        let (resource, link, request) = (id(RESOURCE), id(LINK), id(REQUEST));
        execute(
            app,
            &format!(
                "insert into resources (id, organization, environment, key, kind, name, name_key, description, creator, \
                 audience, created_at, changed_at) select '{resource}', o.id, '{environment}', 'target/key', 'tool', \
                 'Target', 'target', '', u.id, 'Unlisted', 0, 0 from organizations o, users u \
                 where o.slug = 'halden-freight' and u.email = 'developer@halden.example'; \
                 insert into resource_links (id, organization, resource, token_hash, name, created_at) \
                 select '{link}', organization, id, '{link}', 'A link', 0 from resources where id = '{resource}'; \
                 insert into access_requests (id, organization, resource, user_id, note, created_at) \
                 select '{request}', r.organization, r.id, u.id, '', 0 from resources r, users u \
                 where r.id = '{resource}' and u.email = 'target@halden.example'"
            ),
        )
        .await;
    }
}

const PERMISSION: &str = "01a20000-0000-7000-8000-000000000012";

const CONNECTION: &str = "01a20000-0000-7000-8000-00000000000c";
const DOMAIN: &str = "01a20000-0000-7000-8000-00000000000d";

/// A provider that nobody answers for, and a domain.
async fn connect(app: &TestApp) {
    execute(
        app,
        &format!(
            "insert into connections (id, organization, kind, name, issuer, client_id, client_secret, created_at, changed_at) \
             select '{CONNECTION}', id, 'oidc', 'Tar Get', 'http://127.0.0.1:1', 'x', 'x', 0, 0 from organizations; \
             insert into domains (id, organization, connection, domain, record, created_at) \
             select '{DOMAIN}', organization, id, 'target.example', 'x', 0 from connections"
        ),
    )
    .await;
}

/// A resource that every reader of resources knows of, in production and in an environment, and an empty environment.
async fn configure(app: &TestApp) {
    execute(
        app,
        "insert into environments (organization, slug, name, color, created_at) \
         select id, 'empty', 'Tar Get', 'blue', 0 from organizations",
    )
    .await;
}

const KEY: &str = "01a20000-0000-7000-8000-000000000012";
const AGENT: &str = "01a20000-0000-7000-8000-000000000013";

/// A shared agent, and a development key of the Developer's, which each who has keys' pages sees.
async fn give_keys(app: &TestApp) {
    execute(
        app,
        &format!(
            "insert into agents (id, organization, name, name_key, created_at) \
             select '{AGENT}', id, 'Tar Get', 'tar get', 0 from organizations where slug = 'halden-freight'; \
             insert into api_keys (id, organization, kind, family, name, owner, environment, token_hash, shown, created_at) \
             select '{KEY}', o.id, 'development', '{KEY}', 'Tar Get', u.id, 'development', 'x', 'x', 0 \
             from organizations o, users u where o.slug = 'halden-freight' and u.email = 'developer@halden.example'"
        ),
    )
    .await;
}

/// A permission that no key uses.
async fn permit(app: &TestApp) {
    execute(
        app,
        &format!(
            "insert into permissions (id, organization, name, name_key, scopes, created_at, changed_at) \
             select '{PERMISSION}', id, 'Tar Get', 'tar get', '{{\"source_type:target\": []}}', 0, 0 from organizations"
        ),
    )
    .await;
}

impl People {
    /// A route's path with ids that are there.
    fn path(&self, route: &Route) -> String {
        let id = match route.path {
            path if path.contains("/invitations/") => &self.invitation,
            path if path.contains("/permissions/") => PERMISSION,
            path if path.contains("/organizations/") => &self.organization,
            path if path.contains("/domains/") => DOMAIN,
            path if path.contains("/keys/") => KEY,
            path if path.contains("/agents/") => AGENT,
            path if path.contains("/links/") => &within_environment(LINK, path),
            path if path.contains("/requests/") => &within_environment(REQUEST, path),
            _ => &self.target,
        };
        route
            .path
            .replace("/o/{org}", &self.org)
            .replace("{env}", "staging")
            .replace("{key}", "target%2Fkey")
            .replace("{id}", id)
            .replace("{slug}", "tar-get")
            .replace("{batch}", &self.batch)
            .replace("/settings/sso/{connection}", &format!("/settings/sso/{CONNECTION}"))
            .replace("{environment}", "empty")
            .replace("{token}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            .replace("{name}", "nothing.css")
            .replace("{mail}", "nothing")
            .replace("{kind}", "invitation")
    }
}

/// The id of what stands in for it in the path's environment.
fn within_environment(id: &str, path: &str) -> String {
    let digit = if path.contains("/e/{env}") { '1' } else { '0' };
    format!("{}{digit}{}", &id[..14], &id[15..])
}

/// A request that changes nothing even where it is let in: its form has a field that no form has.
async fn knock(visitor: &mut Visitor, route: &Route, path: &str) -> Answer {
    match route.method {
        Method::GET => visitor.get(path).await,
        _ => visitor.send(route.method.clone(), path, &[], Some("no_such_field=1".to_owned())).await,
    }
}

async fn knock_as_fragment(visitor: &mut Visitor, route: &Route, path: &str) -> Answer {
    match route.method {
        Method::GET => visitor.get_fragment(path, "users-table").await,
        _ => {
            let form = Some("no_such_field=1".to_owned());
            visitor.send(route.method.clone(), path, &[("hx-request", "true")], form).await
        }
    }
}

/// As a program asks, which reads no pages.
async fn knock_as_program(visitor: &mut Visitor, route: &Route, path: &str) -> Answer {
    let body = (route.method != Method::GET).then(|| "no_such_field=1".to_owned());
    visitor.send(route.method.clone(), path, &[("accept", "application/json")], body).await
}

fn is_inside(access: Access) -> bool {
    matches!(
        access,
        Access::Proving
            | Access::Door
            | Access::Member
            | Access::Needs(_)
            | Access::Maintains
            | Access::Polls(_)
            | Access::Reopens
    )
}

fn may(role: Role, access: Access) -> bool {
    match access {
        Access::Needs(capability) | Access::Polls(capability) => role.may(capability),
        Access::Reopens => role.may(Capability::DeleteOrganization),
        // Nobody maintains the team here.
        Access::Maintains => role.may(Capability::ManageTeams),
        _ => true,
    }
}

/// Let in, to a page that may have nothing of this name.
#[track_caller]
fn assert_let_in_somehow(answer: &Answer, route: &Route) {
    let status = answer.status.as_u16();
    assert!(matches!(status, 200 | 303 | 404 | 422), "{} answers {status}", route.path);
    assert!(
        !answer.header("location").contains("mfa/enrol") && !answer.header("location").starts_with("/o/")
    );
}

/// Let in: a page, a way on, or a form that is refused for its field alone.
#[track_caller]
fn assert_let_in(answer: &Answer, route: &Route, who: &str) {
    let status = answer.status.as_u16();
    let right = match route.method {
        Method::GET => matches!(status, 200 | 303),
        _ => status == 422,
    };
    assert!(right, "{who}: {} {} answers {status}: {}", route.method, route.path, answer.text());
}

on_both! {
    /// ROL-01: nobody who is signed out gets past a door, by page or by fragment, and nothing is in the answer.
    async fn the_signed_out_are_sent_to_sign_in(app: TestApp) {
        let mut people = people(&app).await;
        for route in routes::table() {
            let path = people.path(&route);
            if route.access == Access::Door {
                // It looks alike whether there is an organization or none.
                knock(&mut people.nobody, &route, &path).await.ok().says("Continue").says_not("Halden");
                continue;
            }
            if !is_inside(route.access) && !matches!(route.access, Access::SignedIn | Access::Own) {
                let answer = knock(&mut people.nobody, &route, &path).await;
                assert!(!answer.status.is_server_error() && answer.status != 403, "{} {}", route.method, route.path);
                continue;
            }
            let answer = knock(&mut people.nobody, &route, &path).await.is(303).leads_to("/sign-in");
            assert!(answer.body.is_empty());
            let answer = knock_as_fragment(&mut people.nobody, &route, &path).await.is(401);
            assert!(answer.header("hx-redirect").starts_with("/sign-in"), "{}", route.path);
            assert!(answer.body.is_empty());
        }
    }

    /// ROL-01, ROL-07, R4: each role gets what the table says, and a refusal says nothing of what is there.
    async fn each_role_gets_what_the_table_says(app: TestApp) {
        let mut people = people(&app).await;
        let mut members = std::mem::take(&mut people.members);
        for route in routes::table().iter().filter(|route| is_inside(route.access)) {
            let path = people.path(route);
            for (role, visitor) in &mut members {
                let answer = knock(visitor, route, &path).await;
                if may(*role, route.access) {
                    assert_let_in(&answer, route, role.name());
                } else {
                    answer.is(403);
                    knock_as_fragment(visitor, route, &path).await.is(403).says_not("Tar Get");
                    // The same for an id that is not there: a refused role learns nothing (8.4.1).
                    let unknown = path.replace(&people.target, "01a20000-0000-7000-8000-000000000000");
                    knock(visitor, route, &unknown).await.is(403);
                }
            }
        }
    }

    /// TEN-01, R8: to anyone who is not an active member the organization is not there.
    async fn outsiders_find_nothing(app: TestApp) {
        let mut people = people(&app).await;
        for route in routes::table().iter().filter(|route| is_inside(route.access)) {
            let path = people.path(route);
            let unknown = path.replace(&people.org, "/o/no-such-organization");
            for visitor in [&mut people.stranger, &mut people.suspended, &mut people.removed] {
                let there = knock(visitor, route, &path).await.is(404);
                let not_there = knock(visitor, route, &unknown).await.is(404);
                let without_id = |answer: &Answer| answer.text().split("request").next().map(str::to_owned);
                assert_eq!(without_id(&there), without_id(&not_there), "{}", route.path);
                knock_as_fragment(visitor, route, &path).await.is(404);
            }
        }
    }

    /// S11: whoever has given the first proof only is nobody, but for the challenge: by page, fragment and program.
    async fn half_a_sign_in_opens_the_challenge_alone(app: TestApp) {
        let mut people = people(&app).await;
        let mut owner = people.members.pop().expect("the Owner is last").1;
        owner.enable_mfa(&app.clock).await;
        let mut half = app.visitor();
        half.sign_in(&owner.email, PASSWORD).await.leads_to("/sign-in/challenge");
        let held = half.cookies.clone();
        for route in routes::table() {
            // Signing out is what it may do; a cookie that it takes back is given again.
            half.cookies = held.clone();
            let path = people.path(&route);
            if route.access == Access::Half {
                assert_let_in(&knock(&mut half, &route, &path).await, &route, "half-finished");
                knock(&mut people.nobody, &route, &path).await.is(303).leads_to("/sign-in");
            } else if route.access == Access::Door {
                knock(&mut half, &route, &path).await.ok().says("Continue").says_not("Halden");
            } else if is_inside(route.access) || matches!(route.access, Access::SignedIn | Access::Own) {
                knock(&mut half, &route, &path).await.is(303).leads_to("/sign-in");
                let answer = knock_as_fragment(&mut half, &route, &path).await.is(401);
                assert!(answer.header("hx-redirect").starts_with("/sign-in") && answer.body.is_empty());
                knock_as_program(&mut half, &route, &path).await.is(401).says("sign_in_required");
            }
        }
    }

    /// M3, M5, MFA-06, MFA-07: once an organization asks for a factor, a member without one gets nowhere inside it, whatever
    /// their role, and is sent to enrol. One whose session has proven no factor of those that they have is asked for it
    /// wherever they go (S8, S11). What an account shows of itself and other people's organizations stay open.
    async fn who_owes_a_factor_gets_nowhere(app: TestApp) {
        let mut people = people(&app).await;
        let mut members = std::mem::take(&mut people.members);
        let org = people.org.clone();
        let unproven = members.iter_mut().find(|(role, _)| *role == Role::Admin).expect("there is an Admin");
        // As if a session from before had lived on: it holds a factor's owner, and not its proof.
        let mut before = app.visitor();
        before.sign_in("admin@halden.example", PASSWORD).await.leads_to("/");
        unproven.1.enable_mfa(&app.clock).await;
        execute(&app, "update sessions set ended_at = null").await;
        unproven.1.cookies = before.cookies;
        let slug = org.trim_start_matches("/o/");
        execute(&app, &format!("update organizations set mfa = 'any' where slug = '{slug}'")).await;
        for route in routes::table() {
            let path = people.path(&route);
            for (role, visitor) in &mut members {
                if route.access == Access::SignedIn {
                    assert_let_in_somehow(&knock(visitor, &route, &path).await, &route);
                }
                if !is_inside(route.access) || matches!(route.access, Access::Proving | Access::Door) {
                    continue;
                }
                let asked = if *role == Role::Admin { "/step-up" } else { "/account/mfa/enrol" };
                let answer = knock(visitor, &route, &path).await.is(303).leads_to(asked);
                assert!(answer.body.is_empty());
                let answer = knock_as_fragment(visitor, &route, &path).await.is(403);
                assert!(answer.header("hx-redirect").starts_with(asked) && answer.body.is_empty());
                knock_as_program(visitor, &route, &path).await.is(403).says("mfa_required").says_not("Tar Get");
            }
            if is_inside(route.access) {
                let elsewhere = path.replace(&org, &people.stranger.org);
                let answer = knock(&mut people.stranger, &route, &elsewhere).await;
                assert!(!answer.header("location").contains("mfa"), "{elsewhere}");
            }
        }
    }

    /// HTX-05, SES-14: whatever does not come from our own pages changes nothing.
    async fn other_sites_may_not_post(app: TestApp) {
        let mut people = people(&app).await;
        let mut owner = people.members.pop().expect("the Owner is last").1;
        // What a key opens no browser can send.
        let by_browser = |route: &&Route| route.method != Method::GET && !matches!(route.access, Access::Key(_));
        for route in routes::table().iter().filter(by_browser) {
            let path = people.path(route);
            for origin in [Some("https://evil.example".to_owned()), Some("null".to_owned()), None] {
                owner.origin = origin;
                owner.post(&path, &[]).await.is(403);
                owner.post_fragment(&path, &[]).await.is(403);
            }
            owner.origin = Some(owner.own_origin().to_owned());
            owner.headers.push(("sec-fetch-site".to_owned(), "cross-site".to_owned()));
            owner.post(&path, &[]).await.is(403);
            owner.headers.pop();
        }
        owner.get(&format!("{}/users", people.org)).await.ok().says("Tar Get");
    }

    /// K1: cookies open nothing under /v1, whoever's they are, and only a key does.
    async fn no_cookie_opens_the_api(app: TestApp) {
        let mut people = people(&app).await;
        let mut knocked = 0;
        for route in routes::table() {
            // What the API is may be known by anyone.
            let is_open = route.path == "/v1/openapi.json";
            assert_eq!(route.path.starts_with("/v1/"), is_open || matches!(route.access, Access::Key(_)), "{}", route.path);
            if !matches!(route.access, Access::Key(_)) {
                continue;
            }
            let path = people.path(&route);
            for (_, visitor) in &mut people.members {
                knock(visitor, &route, &path).await.is(401);
                knock_as_fragment(visitor, &route, &path).await.is(401);
                knock_as_program(visitor, &route, &path).await.is(401);
            }
            knock(&mut people.nobody, &route, &path).await.is(401);
            knocked += 1;
        }
        assert!(knocked > 0);
    }

    /// HTX-07, INV-13: looking changes nothing, by GET and by HEAD.
    async fn looking_changes_nothing(app: TestApp) {
        let mut people = people(&app).await;
        let slug = people.org.trim_start_matches("/o/").to_owned();
        let mut reader = app.app.db.read().await.expect("the database answers");
        let organization = organizations::by_slug(&mut reader, &slug).await.expect("it answers").expect("it is there");
        let before = audit::head(&mut reader, organization.id).await.expect("there is a head");
        drop(reader);
        let mails = app.mails().await.len();
        let mut owner = people.members.pop().expect("the Owner is last").1;
        for route in routes::table().iter().filter(|route| route.method == Method::GET) {
            let path = people.path(route);
            let get = owner.get(&path).await;
            let head = owner.send(Method::HEAD, &path, &[], None).await;
            assert_eq!(get.status, head.status, "{}", route.path);
            assert!(head.body.is_empty());
        }
        let mut reader = app.app.db.read().await.expect("the database answers");
        assert_eq!(audit::head(&mut reader, organization.id).await.expect("there is a head"), before);
        drop(reader);
        assert_eq!(app.mails().await.len(), mails);
        owner.get(&format!("{}/invitations", people.org)).await.ok().says("pending@halden.example");
    }

    /// ASVS 3.4, 3.3, 4.1.4, 14.2.2: headers, cookies and methods of every answer.
    async fn every_answer_is_dressed(app: TestApp) {
        let mut people = people(&app).await;
        let mut owner = people.members.pop().expect("the Owner is last").1;
        for route in routes::table() {
            let path = people.path(&route);
            for answer in [knock(&mut owner, &route, &path).await, knock(&mut people.nobody, &route, &path).await] {
                let policy = answer.header("content-security-policy");
                assert!(policy.starts_with("default-src 'none'"), "{}: {policy}", route.path);
                assert_eq!(answer.header("x-content-type-options"), "nosniff");
                assert_eq!(answer.header("referrer-policy"), "no-referrer");
                let kept = if route.path == "/v1/openapi.json" { "public, max-age=300" } else { "no-store" };
                assert_eq!(answer.header("cache-control"), kept, "{}", route.path);
                assert!(answer.header("vary").contains("HX-Request"));
                assert!(answer.headers.get("access-control-allow-origin").is_none());
                assert!(answer.headers.get("server").is_none());
                for cookie in answer.headers.get_all("set-cookie") {
                    let cookie = cookie.to_str().expect("a cookie is text");
                    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"));
                    assert!(!cookie.contains("Domain"));
                }
            }
            let table = routes::table();
            let is_there = |method: &Method| table.iter().any(|other| other.path == route.path && other.method == *method);
            for method in [Method::PUT, Method::TRACE, Method::DELETE, Method::PATCH] {
                if is_there(&method) {
                    assert!(route.path.starts_with("/v1/"), "browsers send no {method}: {}", route.path);
                    continue;
                }
                let answer = owner.send(method, &path, &[], None).await.is(405);
                assert!(answer.header("allow").contains(route.method.as_str()), "{}", route.path);
            }
        }
    }
}

/// The table of roles has a door for every line that is built, and no door opens to a capability by mistake.
#[test]
fn every_change_inside_an_organization_needs_a_capability() {
    for route in routes::table() {
        if route.path.starts_with("/o/{org}") && route.method == Method::POST {
            // Signing in to the organization is the person's own, an Auditor's too.
            let own = route.path == "/o/{org}/sign-in"
                || (route.path.ends_with("/resources/{key}/ask")
                    && route.access == Access::Needs(Capability::AskApproval));
            let changing = [
                Capability::ManageUsers,
                Capability::ManageTeams,
                Capability::ManageSettings,
                Capability::DeleteOrganization,
                Capability::WriteResources,
                Capability::WritePermissions,
                Capability::ChangeAccess,
                Capability::OwnDevelopmentKey,
                Capability::ManageLiveKeys,
            ];
            let manages = match route.access {
                Access::Needs(capability) => changing.contains(&capability),
                access => matches!(access, Access::Reopens | Access::Maintains),
            };
            assert!(own || manages, "POST {} is open to {:?}", route.path, route.access);
        }
    }
}

/// INJ-05: no organization is called as a part of Interlock is.
#[test]
fn every_first_segment_is_reserved() {
    use interlock::domain::values::{Slug, SlugError};

    for route in routes::table() {
        let segment = route.path.split('/').nth(1).unwrap_or_default();
        let refused = segment.parse::<Slug>().is_err_and(|error| {
            error == SlugError::Reserved || segment.len() < 2 || segment.contains(['{', '.'])
        });
        assert!(refused, "an organization could be called {segment}");
    }
}
