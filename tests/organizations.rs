//! `/organizations`, `/account/organizations` and the switcher: being in several organizations.

use axum::http::Method;
use interlock::clock::{DAY, MINUTE};
use interlock::domain::access::Role;

use crate::support::database::{count, execute, only, texts};
use crate::support::page::{between, link};
use crate::support::{TestApp, Visitor, everything, on_both, refuses_bad_forms};

const NOOR: &str = "noor@quill.example";
const RANDOM: &str = "01920000-0000-7000-8000-000000000000";

/// Noor, the Owner of Quill Works, who also joins the owner's organization.
async fn noor(app: &TestApp, owner: &mut Visitor, role: Role) -> Visitor {
    let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
    if role == Role::Owner {
        owner.step_up().await;
    }
    let link = app.invited(owner, NOOR, role).await;
    noor.post(&link, &[]).await.leads_to(&owner.org);
    noor
}

/// Where the person leaves the organization of this slug.
async fn leaving(app: &TestApp, org: &str) -> String {
    let slug = org.trim_start_matches("/o/");
    let id = only(texts(app, &format!("select id from organizations where slug = '{slug}'")).await);
    format!("/account/organizations/{id}/leaving")
}

/// What the switcher offers: paths in its order.
fn switcher(page: &str) -> Vec<String> {
    let menu = between(page, "id=\"org-menu\"", "</div>").remove(0);
    between(menu, "<a href=\"", "\"").into_iter().map(str::to_owned).collect()
}

on_both! {
    /// S2: whoever has an account makes another organization, and is its Owner; both stand in the switcher.
    async fn another_organization(app: TestApp) {
        let mut owner = app.owner().await;
        let page = owner.get("/organizations/new").await.ok();
        page.says("No Owner or Admin can set, see or reset them").says("Once you are in more than one, only whoever runs");
        owner.post("/organizations", &[("name", " Nordlicht  Reederei ")]).await.leads_to("/o/nordlicht-reederei/users");
        let page = owner.get("/o/nordlicht-reederei/users").await.ok();
        let page = page.says("Nordlicht Reederei is ready, and you are its Owner").says("Invite the first people");
        assert_eq!(
            switcher(&page.body),
            ["/o/halden-freight", "/o/nordlicht-reederei", "/account/organizations", "/organizations/new"]
        );
        let menu = between(&page.body, "id=\"org-menu\"", "</div>").remove(0).to_owned();
        assert_eq!(menu.matches("<span class=\"under\">Owner</span>").count(), 2);
        owner.get("/").await.ok().says("Choose where to go.").says("Nordlicht Reederei Owner");
        let audit = owner.get("/o/nordlicht-reederei/audit").await.ok();
        audit.says("Created the organization").says("slug: nordlicht-reederei").says("1 entry");
        // The same name again is another organization, under a slug of its own.
        owner.post("/organizations", &[("name", "Nordlicht Reederei")]).await.leads_to("/o/nordlicht-reederei-2/users");
        assert_eq!(texts(&app, "select cast(people as text) from organizations").await, ["1", "1", "1"]);
    }

    /// INJ-01, INJ-03, INJ-04: a name that can't be one is kept in its field, and no organization is made.
    async fn a_name_that_cannot_be_one_makes_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        let before = everything(&app).await;
        let long = "n".repeat(101);
        for (name, why) in [
            ("", "Enter a name."),
            (" \t ", "Enter a name."),
            (&long, "at most 100 characters"),
            ("Hal\u{202E}den", "characters that can't be shown"),
            ("Hal\0den", "characters that can't be shown"),
            ("www.evil.example", "can't hold a web address"),
            ("--", "at least one letter or digit"),
        ] {
            let page = owner.post("/organizations", &[("name", name)]).await.is(422).says(why);
            assert!(page.body.contains(&format!("value=\"{name}\"")), "{name:?} is not kept");
        }
        refuses_bad_forms(&app, &mut owner, "/organizations", &[("name", "Nordlicht")]).await;
        assert_eq!(everything(&app).await, before);
        owner.post("/organizations", &[("name", "<i>Nord</i>")]).await.leads_to("/o/i-nord-i/users");
        let page = owner.get("/account/organizations").await.ok().says("<i>Nord</i>");
        assert!(!page.body.contains("<i>Nord"), "{}", page.body);
    }

    /// ASVS 2.4.1: one person makes ten organizations a day.
    async fn ten_organizations_a_day(app: TestApp) {
        let mut owner = app.owner().await;
        for n in 0..10 {
            owner.post("/organizations", &[("name", &format!("Number {n}"))]).await.is(303);
        }
        let answer = owner.post("/organizations", &[("name", "Too many")]).await.is(429).says("Too many tries");
        assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 80_000));
        assert_eq!(count(&app, "organizations").await, 11);
        app.clock.advance(DAY);
        owner.sign_in("amara@halden.example", crate::support::PASSWORD).await.leads_to("/");
        owner.post("/organizations", &[("name", "Next day")]).await.is(303);
    }

    /// TEN-04: the Owner of one is a Member of the other, in every tab, whichever they came from.
    async fn each_request_is_judged_in_its_own_organization(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = noor(&app, &mut owner, Role::Member).await;
        let target = app.id_of(&mut owner, "Amara Okafor").await;
        for _ in 0..2 {
            noor.get("/o/quill-works/users").await.ok().says("Quill Works").says_not("Amara Okafor");
            noor.get("/o/halden-freight/users").await.is(403);
            noor.get("/o/halden-freight/settings").await.is(403);
            noor.get("/o/quill-works/settings").await.ok();
        }
        // A person of the other organization has no id here, whatever the asker is there.
        for org in ["/o/quill-works", "/o/halden-freight"] {
            let path = format!("{org}/users/{target}/suspension");
            let refusal = noor.post(&path, &[]).await;
            assert_eq!(refusal.status, if org == "/o/quill-works" { 404 } else { 403 });
        }
        assert_eq!(count(&app, "memberships where state <> 'active'").await, 0);
    }

    /// TEN-03: nothing but the address says which organization it is.
    async fn nothing_else_names_the_organization(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = noor(&app, &mut owner, Role::Member).await;
        let quill = only(texts(&app, "select id from organizations where slug = 'quill-works'").await);
        noor.cookies.insert("org".to_owned(), quill.clone());
        for header in ["x-org-id", "x-organization", "x-tenant", "x-original-url", "x-rewrite-url"] {
            for value in [quill.as_str(), "/o/quill-works/users"] {
                noor.send(Method::GET, "/o/halden-freight/users", &[(header, value)], None).await.is(403);
            }
        }
        for query in ["org=quill-works", "organization=quill-works", "tenant=quill-works"] {
            noor.get(&format!("/o/halden-freight/users?{query}")).await.is(403);
        }
        noor.post("/o/halden-freight/settings?org=quill-works", &[("name", "Mine"), ("slug", "mine")]).await.is(403);
    }

    /// TEN-05: search, counts and filters of one organization have no trace of another.
    async fn nothing_of_another_shows(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = noor(&app, &mut owner, Role::Admin).await;
        app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        app.invited(&mut owner, "pending@halden.example", Role::Member).await;
        let page = noor.get("/o/quill-works/users?q=dana").await.ok().says("Nobody matches");
        page.says("People 1").says("Pending invites 0").says_not("halden.example");
        for path in ["users?sort=-active", "users?role=member", "invitations", "audit"] {
            let page = noor.get(&format!("/o/quill-works/{path}")).await.ok();
            page.says_not("Dana").says_not("halden.example").says_not("Amara");
        }
        noor.get("/o/halden-freight/users?q=dana").await.ok().says("Dana Kovač").says("People 3");
    }

    /// TEN-07, R8: leaving ends the membership and nothing else; an Auditor may too (R4).
    async fn leaving_one_touches_no_other(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = noor(&app, &mut owner, Role::Auditor).await;
        let page = noor.get("/account/organizations").await.ok();
        page.says("Halden Freight Auditor").says("Quill Works Owner");
        let path = leaving(&app, "/o/halden-freight").await;
        noor.get("/account/organizations").await.ok();
        let page = noor.get(&path).await.ok().says("Leave Halden Freight?");
        page.says("You stop being an Auditor of Halden Freight at once, in 1 open session.").says_not("invite that");
        refuses_bad_forms(&app, &mut noor, &path, &[]).await;
        noor.post(&path, &[]).await.leads_to("/account/organizations");
        let page = noor.get("/account/organizations").await.ok().says("You have left Halden Freight");
        assert_eq!(switcher(&page.body), ["/o/quill-works", "/account/organizations", "/organizations/new"]);
        noor.get("/o/halden-freight").await.is(404);
        noor.get("/o/quill-works/users").await.ok();
        let audit = owner.get("/o/halden-freight/audit?kind=member.left").await.ok();
        audit.says("Noor Haddad Left Noor Haddad state: active → removed").says("1 entry");
        owner.get("/o/halden-freight/users").await.ok().says("People 1");
        let query = "select role || state || coalesce(state_by, '-') from memberships where email = 'noor@quill.example'";
        let mut standing = texts(&app, query).await;
        standing.sort();
        assert_eq!(standing, ["auditorremoved-", "owneractive-"]);
        // Gone is gone: a second time, by an old form, there is nothing to leave.
        noor.post(&path, &[]).await.is(404);
        noor.get(&path).await.is(404);
    }

    /// V4, I4: leaving says how many of one's invites stop working, and then they do.
    async fn invites_of_whoever_leaves_become_void(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = noor(&app, &mut owner, Role::Admin).await;
        noor.org = owner.org.clone();
        let first = app.invited(&mut noor, "one@halden.example", Role::Member).await;
        let path = leaving(&app, &owner.org).await;
        noor.get(&path).await.ok().says("1 pending invite that you sent stops working until someone else resends it.");
        app.invited(&mut noor, "two@halden.example", Role::Member).await;
        noor.get(&path).await.ok().says("2 pending invites that you sent stop working until someone else resends them.");
        noor.post(&path, &[]).await.is(303);
        app.visitor().get(&first).await.is(410).says("This invite is void");
    }

    /// R3, ROL-03: the last Owner can't leave, and is told what to do instead.
    async fn the_last_owner_stays(app: TestApp) {
        let mut owner = app.owner().await;
        let path = leaving(&app, &owner.org).await;
        let page = owner.get(&path).await.ok().says("You are the last Owner of Halden Freight. Hand it over or delete it");
        assert!(!page.body.contains(&format!("action=\"{path}\"")));
        assert_eq!(link(&page, "Open the settings").as_deref(), Some("/o/halden-freight/settings"));
        let before = everything(&app).await;
        owner.post(&path, &[]).await.is(409).says("You are the last Owner of Halden Freight");
        assert_eq!(everything(&app).await, before);
        // A suspended Owner is none.
        let mut noor = noor(&app, &mut owner, Role::Owner).await;
        execute(&app, "update memberships set state = 'suspended' where email = 'noor@quill.example' and organization = \
                       (select id from organizations where slug = 'halden-freight')").await;
        owner.post(&path, &[]).await.is(409);
        noor.post(&path, &[]).await.is(404);
        execute(&app, "update memberships set state = 'active'").await;
        owner.post(&path, &[]).await.leads_to("/account/organizations");
        owner.get("/").await.ok().says("You are in no organization").says("New organization");
        owner.get("/account/organizations").await.ok().says("You are in no organization");
        noor.post(&path, &[]).await.is(409);
    }

    /// TEN-01, ASVS 8.2.2: an organization that one is not in is left like one that is not there.
    async fn strangers_leave_nothing(app: TestApp) {
        let owner = app.owner().await;
        let mut stranger = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let path = leaving(&app, &owner.org).await;
        let before = everything(&app).await;
        for id in [path.as_str(), &format!("/account/organizations/{RANDOM}/leaving"), "/account/organizations/x/leaving"] {
            stranger.get(id).await.is(404);
            stranger.post(id, &[]).await.is(404);
        }
        app.visitor().get(&path).await.leads_to("/sign-in");
        assert_eq!(everything(&app).await, before);
    }

    /// The switcher and the choice show what opens: no membership that has ended.
    async fn what_has_ended_is_not_offered(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = noor(&app, &mut owner, Role::Member).await;
        execute(&app, &format!("update memberships set ends_at = {} where role = 'member'", app.clock.now().0 + MINUTE)).await;
        noor.get("/").await.ok().says("Halden Freight");
        app.clock.advance(2 * MINUTE);
        noor.get("/").await.leads_to("/o/quill-works");
        noor.get("/o/halden-freight").await.is(404);
    }
}

on_both! {
    with &[("INTERLOCK_SIGN_UP", "closed")];

    /// S2: closing sign-up ends making organizations, the switcher's entry and the page included.
    async fn a_closed_house_makes_no_organizations(app: TestApp) {
        let token = interlock::domain::sign_up::prepare_setup(&app.app).await.expect("the database answers");
        let token = token.expect("nobody has an account yet");
        let mut owner = app.visitor();
        let fields = [
            ("organization", "Halden Freight"),
            ("name", "Amara Okafor"),
            ("email", "amara@halden.example"),
            ("password", crate::support::PASSWORD),
        ];
        owner.post(&format!("/setup/{}", token.expose()), &fields).await.is(303);
        let page = owner.get("/o/halden-freight/users").await.ok().says_not("New organization");
        assert_eq!(switcher(&page.body), ["/o/halden-freight", "/account/organizations"]);
        owner.get("/account/organizations").await.ok().says_not("New organization");
        let before = everything(&app).await;
        owner.get("/organizations/new").await.is(403).says("Sign-up is closed here");
        owner.post("/organizations", &[("name", "Another")]).await.is(403).says("whoever runs this server adds");
        owner.post("/organizations", &[("name", "")]).await.is(403);
        assert_eq!(everything(&app).await, before);
    }
}
