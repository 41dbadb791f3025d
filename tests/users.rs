//! `/o/{org}/users`: who is in the organization, and what is done to them.

use std::collections::BTreeSet;

use axum::http::Method;
use interlock::clock::{DAY, MINUTE};
use interlock::domain::access::Role;
use interlock::web::routes;

use crate::support::database::{execute, texts};
use crate::support::page::{between, link, without_request};
use crate::support::{Answer, TestApp, everything, on_both};

const DANA: &str = "dana@halden.example";
const NOOR: &str = "noor@quill.example";
const PASSWORD: &str = "seven plain wet stones";
/// What a member's row can be asked to do, each with its form.
const ACTS: [(&str, &[(&str, &str)]); 5] = [
    ("role", &[("role", "member")]),
    ("suspension", &[]),
    ("reactivation", &[]),
    ("sign-out", &[]),
    ("removal", &[]),
];
/// The id of nobody.
const RANDOM: &str = "01920000-0000-7000-8000-000000000000";

/// The names on a page, in its order.
fn names(page: &Answer) -> Vec<String> {
    between(&page.body, "<tr role=\"row\" id=\"user-", "</tr>")
        .into_iter()
        .map(|row| between(row, "<b>", "<")[0].trim().to_owned())
        .collect()
}

/// "role state" of a person in the owner's organization.
async fn standing(app: &TestApp, org: &str, email: &str) -> String {
    let slug = org.trim_start_matches("/o/");
    let query = format!(
        "select role || ' ' || state from memberships where email = '{email}' \
         and organization = (select id from organizations where slug = '{slug}')"
    );
    texts(app, &query).await.remove(0)
}

/// Adds `count` members to the one organization. Three share each time of joining and of activity.
pub async fn crowd(app: &TestApp, count: usize) {
    let roles = ["member", "developer", "reviewer"];
    let rows: String = (0..count)
        .map(|n| {
            let id = format!("01920000-0000-7000-8000-{n:012}");
            let (role, name, email) = (roles[n % 3], format!("Person {n:03}"), format!("p{n}@crowd.example"));
            let (joined, active) = (1_795_000_000_000_u64 + n as u64 / 3, 1_795_100_000_000_u64 - n as u64 / 3);
            format!(
                "insert into users (id, email, email_canonical, name, password_changed_at, created_at) \
                 values ('{id}', '{email}', '{email}', '{name}', 0, 0); \
                 insert into memberships (organization, user_id, role, state, joined_at, last_active_at, name, name_key, \
                 email, search) select id, '{id}', '{role}', 'active', {joined}, {active}, '{name}', lower('{name}'), \
                 '{email}', lower('{name} {email}') from organizations;"
            )
        })
        .collect();
    execute(app, &format!("{rows} update organizations set people = people + {count};")).await;
}

on_both! {
    /// R1, V3: the list is searched, filtered and sorted by its address alone.
    async fn the_list_is_searched_filtered_and_sorted(app: TestApp) {
        let mut owner = app.owner().await;
        let users = format!("{}/users", owner.org);
        owner.get(&users).await.ok().says("Invite the first people");
        app.member(&mut owner, "Dana Kovač", DANA, Role::Reviewer).await;
        app.member(&mut owner, "Łukasz Brandt", "lukasz@halden.example", Role::Developer).await;
        app.member(&mut owner, "Élodie Marsh", "elodie@marsh.example", Role::Reviewer).await;
        let id = app.id_of(&mut owner, "Łukasz Brandt").await;
        owner.post(&format!("{users}/{id}/suspension"), &[]).await.leads_to(&users);
        let gone = app.id_of(&mut owner, "Élodie Marsh").await;

        for (query, expected) in [
            ("", vec!["Amara Okafor", "Dana Kovač", "Élodie Marsh", "Łukasz Brandt"]),
            ("q=kova%C4%8D", vec!["Dana Kovač"]),
            ("q=DANA", vec!["Dana Kovač"]),
            ("q=%C3%89LODIE", vec!["Élodie Marsh"]),
            ("q=halden.example", vec!["Amara Okafor", "Dana Kovač", "Łukasz Brandt"]),
            ("q=brandt+lukasz", vec!["Łukasz Brandt"]),
            ("q=nobody", vec![]),
            ("role=reviewer", vec!["Dana Kovač", "Élodie Marsh"]),
            ("role=reviewer&q=marsh", vec!["Élodie Marsh"]),
            ("status=suspended", vec!["Łukasz Brandt"]),
            ("status=active", vec!["Amara Okafor", "Dana Kovač", "Élodie Marsh"]),
            ("status=removed", vec![]),
            ("sort=joined", vec!["Amara Okafor", "Dana Kovač", "Łukasz Brandt", "Élodie Marsh"]),
            ("sort=-joined", vec!["Élodie Marsh", "Łukasz Brandt", "Dana Kovač", "Amara Okafor"]),
        ] {
            let page = owner.get(&format!("{users}?{query}")).await.ok();
            let (mut found, mut expected) = (names(&page), expected);
            if !query.contains("sort") {
                // How letters beyond ASCII are sorted is the database's business.
                found.sort();
                expected.sort_unstable();
            }
            assert_eq!(found, expected, "{query}");
            assert!(page.text().contains("People 4"), "{query}: the count is of everyone");
        }
        owner
            .get(&format!("{users}?q=nobody"))
            .await
            .ok()
            .says("Nobody matches “nobody”")
            .says("Show everyone");
        let page = owner.get(&format!("{users}?q=%22%3E%3Cb%3E")).await.ok().says("“\"><b>”");
        assert!(!page.body.contains("\"><b>”"));

        owner.post(&format!("{users}/{gone}/removal"), &[]).await.leads_to(&users);
        assert_eq!(names(&owner.get(&format!("{users}?status=removed")).await), ["Élodie Marsh"]);
        assert_eq!(names(&owner.get(&users).await).len(), 3);
        owner.get(&users).await.ok().says("People 3");
    }

    /// V3, DOS-04: 131 people in pages of 50, forth and back in each order, nobody twice and nobody missing.
    async fn the_list_is_walked_forth_and_back(app: TestApp) {
        let mut owner = app.owner().await;
        crowd(&app, 130).await;
        let users = format!("{}/users", owner.org);
        for (sort, first) in [
            ("", "Amara Okafor"),
            ("name", "Amara Okafor"),
            ("-name", "Person 129"),
            ("joined", "Person 000"),
            ("-joined", "Amara Okafor"),
            ("active", "Person 129"),
            ("-active", "Amara Okafor"),
        ] {
            let mut pages = Vec::new();
            let mut next = Some(format!("{users}?sort={sort}"));
            let mut last = None;
            while let Some(path) = next {
                let page = owner.get(&path).await.ok().says("People 131");
                pages.push(names(&page));
                next = link(&page, "Next");
                last = Some(page);
            }
            let all: Vec<String> = pages.concat();
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 31], "{sort}");
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 131, "{sort}");
            match sort {
                "joined" | "active" => assert!(all[..3].iter().any(|name| name == first), "{sort}: {all:?}"),
                _ => assert_eq!(all[0], first, "{sort}"),
            }
            let mut back = Vec::new();
            let mut page = last.expect("there was a page");
            back.push(names(&page));
            while let Some(path) = link(&page, "Previous") {
                page = owner.get(&path).await.ok();
                back.push(names(&page));
            }
            back.reverse();
            assert_eq!(back, pages, "{sort}");
        }

        // A filter goes along with each page.
        let filtered = format!("{users}?q=crowd&role=member&status=active&sort=-name");
        let page = owner.get(&filtered).await.ok();
        assert_eq!((names(&page).len(), names(&page)[0].as_str()), (44, "Person 129"));
        let page = owner.get(&format!("{users}?q=crowd&status=active&sort=-name")).await.ok();
        let next = link(&page, "Next").expect("there is a next page");
        for part in ["q=crowd", "status=active", "sort=-name", "at="] {
            assert!(next.contains(part), "{next}");
        }
        // Sorting anew begins at the start, with the filter.
        let again = link(&owner.get(&next).await.ok(), "Joined").expect("a heading sorts");
        assert!(
            again.contains("q=crowd") && again.contains("sort=joined") && !again.contains("at="),
            "{again}"
        );

        // Whoever leaves between two pages moves nobody else.
        let first = owner.get(&users).await.ok();
        execute(&app, "update memberships set state = 'removed' where name = 'Person 010'").await;
        let second = owner.get(&link(&first, "Next").expect("there is a next page")).await.ok();
        assert_eq!(names(&second)[0], "Person 049");
    }

    /// HTX-02, V2: by htmx the same address gives the table alone; any other fragment is the page.
    async fn the_table_is_a_fragment_of_its_page(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let users = format!("{}/users", owner.org);
        let path = format!("{users}?q=dana&sort=-joined");
        let page = owner.get(&path).await.ok();
        let table = owner.get_fragment(&path, "users-table").await.ok();
        assert_eq!(table.header("vary"), "HX-Request");
        assert_eq!(page.header("vary"), "HX-Request");
        assert!(page.body.contains("<html") && !table.body.contains("<html"));
        assert!(table.body.trim_start().starts_with("<div class=\"table-box\" id=\"users-table\""));
        assert_eq!(names(&page), names(&table));
        assert!(owner.get_fragment(&path, "elsewhere").await.ok().body.contains("<html"));
        // The header gives no way around the gate.
        let refused = dana.get_fragment(&path, "users-table").await.is(403);
        assert!(!refused.body.contains("Dana") && refused.body.contains("toast"));
        let mut nobody = app.visitor();
        let refused = nobody.get_fragment(&path, "users-table").await.is(401);
        assert!(refused.header("hx-redirect").starts_with("/sign-in?next="));
        assert!(refused.body.is_empty());
    }

    /// INJ-06, DOS-04: what our pages never send is 400, and signs of patterns and queries stand for themselves.
    async fn odd_queries_do_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        let users = format!("{}/users", owner.org);
        crowd(&app, 60).await;
        execute(
            &app,
            "update memberships set name = '100%_sure', name_key = '100%_sure', search = '100%_sure p7@crowd.example' \
             where email = 'p7@crowd.example'; \
             update memberships set search = 'o''hara\\ p8@crowd.example', name = 'O''Hara' where email = 'p8@crowd.example'",
        )
        .await;
        for (q, expected) in [
            ("%25", 1),
            ("_", 1),
            ("0%25_", 1),
            ("%27", 1),
            ("%5C", 1),
            ("%22", 0),
            ("%27+or+%271%27%3D%271", 0),
            ("x%27%3B+drop+table+users%3B--", 0),
            ("p7%25crowd", 0),
            ("+++", 50),
            ("%F0%9F%98%80", 0),
        ] {
            let page = owner.get(&format!("{users}?q={q}")).await.ok();
            assert_eq!(names(&page).len(), expected, "{q}");
        }
        let long = "a".repeat(200);
        owner.get(&format!("{users}?q={long}")).await.ok();
        owner.get(&format!("{users}?q={long}a")).await.is(400);
        let many: String = (0..1_000).map(|n| format!("&p{n}=1")).collect();
        assert_eq!(names(&owner.get(&format!("{users}?q=p7{many}")).await.ok()), ["100%_sure"]);
        for bad in [
            "sort=id%3B--",
            "sort=name+desc",
            "sort=--name",
            "sort=email",
            "role=root",
            "role=Owner",
            "role=%27",
            "status=all",
            "status=%25",
            "at=1e9",
            "at=PjE",
            "at=%27%20or%201%3D1",
            "at=AAAA",
            "q=%00",
            "q=a&q=b",
        ] {
            owner.get(&format!("{users}?{bad}")).await.is(400);
        }
        // A place of one order is none of another.
        let next = link(&owner.get(&users).await.ok(), "Next").expect("there is a next page");
        owner.get(&format!("{next}&sort=joined")).await.is(400);
    }

    /// R1, R5, U1: a new role counts from the next click, in every tab.
    async fn a_role_changes_on_the_next_request(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let mut tab = dana.clone();
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        for (role, status) in [("admin", 200), ("reviewer", 403), ("admin", 200), ("auditor", 403)] {
            owner.post(&format!("{users}/{id}/role"), &[("role", role)]).await.leads_to(&users);
            dana.get(&users).await.is(status);
            tab.get_fragment(&users, "users-table").await.is(status);
        }
        owner.get(&users).await.ok().says("Dana Kovač is now an Auditor");
        dana.get(&format!("{}/audit", owner.org)).await.ok();
        // The same role again is no change.
        let before = everything(&app).await;
        owner.post(&format!("{users}/{id}/role"), &[("role", "auditor")]).await.leads_to(&users);
        assert_eq!(everything(&app).await, before);
    }

    /// ROL-11, INJ-04: a role has one spelling, and the form one field.
    async fn what_is_no_role_is_refused(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let path = format!("{}/users/{id}/role", owner.org);
        let before = everything(&app).await;
        for role in [" OWNER", "OWNER", "Admin", "admin ", "root", "[\"owner\"]", "null", "", "0", "admin\0"]
        {
            owner.post(&path, &[("role", role)]).await.is(422);
        }
        owner.post(&path, &[]).await.is(422);
        owner.post(&path, &[("role[]", "admin")]).await.is(422);
        for extra in ["id", "user_id", "organization", "state", "ends_at", "is_admin"] {
            owner.post(&path, &[("role", "admin"), (extra, "1")]).await.is(422);
        }
        owner.post(&path, &[("role", "member"), ("role", "admin")]).await.is(400);
        let json = [("content-type", "application/json")];
        owner.send(Method::POST, &path, &json, Some("{\"role\":\"admin\"}".to_owned())).await;
        for act in ["suspension", "reactivation", "sign-out", "removal"] {
            owner.post(&path.replace("/role", &format!("/{act}")), &[("id", RANDOM)]).await.is(422);
        }
        assert_eq!(everything(&app).await, before);
    }

    /// R2, ROL-05: an Admin handles whoever is within their role, and nothing of an Owner.
    async fn an_admin_can_not_touch_an_owner(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let users = format!("{}/users", owner.org);
        let (amara, own, dana) = (
            app.id_of(&mut owner, "Amara Okafor").await,
            app.id_of(&mut owner, "Adil Brandt").await,
            app.id_of(&mut owner, "Dana Kovač").await,
        );
        adil.step_up().await;
        let before = everything(&app).await;
        for (act, fields) in ACTS {
            adil.post(&format!("{users}/{amara}/{act}"), fields).await.is(403);
        }
        for question in ["suspension", "sign-out", "removal"] {
            adil.get(&format!("{users}/{amara}/{question}")).await.is(403);
        }
        for id in [&own, &dana, &amara] {
            adil.post(&format!("{users}/{id}/role"), &[("role", "owner")]).await.is(403);
        }
        assert_eq!(everything(&app).await, before);
        let row = adil.get(&users).await.ok();
        assert!(!row.body.contains(&format!("{users}/{amara}/")), "nothing is offered that would be refused");
        assert!(!row.body.contains("value=\"owner\">Owner</option></select></form>"));

        adil.post(&format!("{users}/{dana}/role"), &[("role", "admin")]).await.leads_to(&users);
        for act in ["suspension", "reactivation", "sign-out", "removal"] {
            adil.post(&format!("{users}/{dana}/{act}"), &[]).await.leads_to(&users);
        }
        assert_eq!(standing(&app, &owner.org, DANA).await, "admin removed");
    }

    /// R2, ROL-14: whoever may not manage users changes nobody, themselves least of all.
    async fn other_roles_change_nobody(app: TestApp) {
        let mut owner = app.owner().await;
        let users = format!("{}/users", owner.org);
        let amara = app.id_of(&mut owner, "Amara Okafor").await;
        for role in [Role::Developer, Role::Member, Role::Reviewer, Role::Auditor] {
            let email = format!("{}@halden.example", role.code());
            let mut person = app.member(&mut owner, &format!("Some {role}"), &email, role).await;
            let own = app.id_of(&mut owner, &format!("Some {role}")).await;
            let before = everything(&app).await;
            person.get(&users).await.is(403);
            for id in [&own, &amara, &RANDOM.to_owned()] {
                for (act, fields) in ACTS {
                    person.post(&format!("{users}/{id}/{act}"), fields).await.is(403);
                    person.post_fragment(&format!("{users}/{id}/{act}"), fields).await.is(403);
                }
                person.post(&format!("{users}/{id}/role"), &[("role", "owner")]).await.is(403);
            }
            assert_eq!(everything(&app).await, before, "{role}");
        }
    }

    /// R4, ROL-07: every mutation inside the organization answers an Auditor 403; their own account stays theirs.
    async fn an_auditor_mutates_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        let mut tess = app.member(&mut owner, "Tess Audit", "tess@audit.example", Role::Auditor).await;
        let own = app.id_of(&mut owner, "Tess Audit").await;
        let before = everything(&app).await;
        let mut tried = 0;
        for route in routes::table() {
            // The page that asks for a proof is the way in, and changes the session alone.
            if route.method == Method::GET
                || !route.path.starts_with("/o/{org}")
                || route.path == "/o/{org}/sign-in"
            {
                continue;
            }
            for id in [own.as_str(), RANDOM, "x"] {
                let path = route.path.replace("/o/{org}", &tess.org).replace("{id}", id).replace("{connection}", id).replace("{env}", "staging").replace("{environment}", id).replace("{key}", id);
                let path = path.replace("{slug}", id);
                assert!(!path.contains('{'), "{path}: this test does not know how to fill it");
                tess.send(route.method.clone(), &path, &[], Some(String::new())).await.is(403);
                tess.send(
                    route.method.clone(),
                    &path,
                    &[("hx-request", "true")],
                    Some("role=owner".to_owned()),
                )
                .await
                .is(403);
                tried += 1;
            }
        }
        assert!(tried >= 60, "{tried}");
        assert_eq!(everything(&app).await, before);
        tess.get(&format!("{}/audit", tess.org)).await.ok();
        tess.post("/account/name", &[("name", "Tess Auditor")]).await.leads_to("/account");
        tess.post("/sign-out", &[]).await.leads_to("/sign-in");
    }

    /// R3, ROL-03: there is always an active Owner, whichever way it is tried.
    async fn the_last_owner_stays(app: TestApp) {
        let mut owner = app.owner().await;
        let mut second = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        let users = format!("{}/users", owner.org);
        let (amara, sefa) =
            (app.id_of(&mut owner, "Amara Okafor").await, app.id_of(&mut owner, "Sefa Olsen").await);
        // A suspended Owner does not count.
        owner.post(&format!("{users}/{sefa}/suspension"), &[]).await.leads_to(&users);
        let before = everything(&app).await;
        for role in ["admin", "developer", "member", "reviewer", "auditor"] {
            let refused = owner.post(&format!("{users}/{amara}/role"), &[("role", role)]).await.is(409);
            refused.says("Amara Okafor is the last Owner. Make someone else an Owner first.");
        }
        owner.post(&format!("{users}/{amara}/suspension"), &[]).await.is(409);
        owner.post(&format!("{users}/{amara}/removal"), &[]).await.is(409);
        let toast =
            owner.post_fragment(&format!("{users}/{amara}/role"), &[("role", "member")]).await.is(409);
        assert!(toast.body.contains("toast-card") && !toast.body.contains("<html"));
        assert_eq!(everything(&app).await, before);

        owner.post(&format!("{users}/{sefa}/reactivation"), &[]).await.leads_to(&users);
        second.post(&format!("{users}/{amara}/role"), &[("role", "member")]).await.leads_to(&users);
        owner.get(&users).await.is(403);
        second.post(&format!("{users}/{sefa}/role"), &[("role", "member")]).await.is(409);
        second.post(&format!("{users}/{sefa}/removal"), &[]).await.is(409);
        assert_eq!(
            texts(&app, "select email from memberships where role = 'owner' and state = 'active'").await,
            ["sefa@halden.example"]
        );
    }

    /// ROL-06: whoever demotes themselves has the lower role from the next request on.
    async fn a_self_demotion_counts_at_once(app: TestApp) {
        let mut owner = app.owner().await;
        let mut second = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        let users = format!("{}/users", owner.org);
        let sefa = app.id_of(&mut owner, "Sefa Olsen").await;
        second.post(&format!("{users}/{sefa}/role"), &[("role", "reviewer")]).await.leads_to(&users);
        second.get(&users).await.is(403);
        let before = everything(&app).await;
        second.post(&format!("{users}/{sefa}/role"), &[("role", "owner")]).await.is(403);
        second
            .post(&format!("{}/invitations", owner.org), &[("email", DANA), ("role", "member")])
            .await
            .is(403);
        assert_eq!(everything(&app).await, before);
    }

    /// R2, R3, S12: making an Owner asks for a fresh proof, ends an end date, and is for active people.
    async fn making_an_owner(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let end = app.clock.now().plus(DAY);
        execute(&app, &format!("update memberships set ends_at = {} where user_id = '{id}'", end.0)).await;
        owner.get(&users).await.ok().says("hours");
        let path = format!("{users}/{id}/role");

        app.clock.advance(11 * MINUTE);
        let before = everything(&app).await;
        let asked = owner.post(&path, &[("role", "owner")]).await.location();
        let by_htmx = owner.post_fragment(&path, &[("role", "owner")]).await.ok();
        assert!(by_htmx.header("hx-redirect").starts_with("/step-up?form="));
        assert_eq!(everything(&app).await, before);
        let form = asked.strip_prefix("/step-up?form=").expect("it names the form").to_owned();
        let confirmed = owner.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.ok();
        assert!(confirmed.body.contains(&format!("action=\"{path}\"")));
        assert!(confirmed.body.contains("name=\"role\" value=\"owner\""));
        // V4: the last page before it says what it does, to whom and where.
        confirmed.says("Make Dana Kovač an Owner of Halden Freight?").says("Make Owner").says_not("Go on");
        // Another's session can't take the kept form over.
        dana.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.leads_to("/");

        owner.post(&format!("{users}/{id}/suspension"), &[]).await.leads_to(&users);
        owner.post(&path, &[("role", "owner")]).await.is(409).says("Dana Kovač is suspended");
        owner.post(&format!("{users}/{id}/reactivation"), &[]).await.leads_to(&users);
        owner.post(&path, &[("role", "owner")]).await.leads_to(&users);
        dana.get(&users).await.ok().says("Dana Kovač (you)");
        assert_eq!(
            texts(&app, &format!("select role from memberships where user_id = '{id}' and ends_at is null"))
                .await,
            ["owner"]
        );
        owner.get(&format!("{}/audit", owner.org)).await.ok().says("→ none").says("role: Member → Owner");
        app.clock.advance(2 * DAY);
        dana.sign_in(DANA, PASSWORD).await;
        dana.get(&users).await.ok();
    }

    /// R5: a membership ends at its date, to the second, without anybody's doing.
    async fn a_membership_ends_at_its_date(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Admin).await;
        let end = app.clock.now().plus(MINUTE);
        execute(&app, &format!("update memberships set ends_at = {} where email = '{DANA}'", end.0)).await;
        dana.get(&format!("{}/users", owner.org)).await.ok();
        app.clock.advance(MINUTE);
        dana.get(&format!("{}/users", owner.org)).await.is(404);
        dana.get(&owner.org).await.is(404);
        dana.post(&format!("{}/invitations", owner.org), &[("email", "x@y.example"), ("role", "member")])
            .await
            .is(404);
        dana.get("/account").await.ok();
    }

    /// R5, R8: suspension takes all at once and keeps the membership; reactivation gives it back.
    async fn a_suspended_member_opens_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Admin).await;
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner
            .get(&format!("{users}/{id}/suspension"))
            .await
            .ok()
            .says("Suspend Dana Kovač?")
            .says("in 1 open session");
        owner.post(&format!("{users}/{id}/suspension"), &[]).await.leads_to(&users);
        owner.get(&users).await.ok().says("Dana Kovač is suspended").says("Suspended");
        for path in [dana.org.clone(), users.clone(), format!("{}/sign-in", dana.org)] {
            dana.get(&path).await.is(404);
        }
        dana.get_fragment(&users, "users-table").await.is(404);
        dana.post(&format!("{users}/{id}/reactivation"), &[]).await.is(404);
        dana.get("/").await.ok().says("You are in no organization");
        dana.sign_in(DANA, PASSWORD).await.leads_to("/");
        dana.get(&users).await.is(404);

        // Once more changes nothing.
        let before = everything(&app).await;
        owner.post(&format!("{users}/{id}/suspension"), &[]).await.leads_to(&users);
        assert_eq!(everything(&app).await, before);
        owner.post(&format!("{users}/{id}/reactivation"), &[]).await.leads_to(&users);
        dana.get(&users).await.ok();
        assert_eq!(standing(&app, &owner.org, DANA).await, "admin active");
        let before = everything(&app).await;
        owner.post(&format!("{users}/{id}/reactivation"), &[]).await.leads_to(&users);
        assert_eq!(everything(&app).await, before);
    }

    /// R8, R11, SES-09, TEN-07: removal takes this organization and leaves the person and the others alone.
    async fn a_removed_person_keeps_their_other_organization(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let quill = noor.org.clone();
        let link = app.invited(&mut owner, NOOR, Role::Admin).await;
        noor.post(&link, &[]).await.leads_to(&owner.org);
        noor.post(&format!("{}/invitations", owner.org), &[("email", "one@x.example"), ("role", "member")])
            .await;
        noor.post(&format!("{}/invitations", owner.org), &[("email", "two@x.example"), ("role", "member")])
            .await;
        noor.get("/").await.ok().says("Halden Freight").says("Quill Works");
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Noor Haddad").await;

        let question = format!("{users}/{id}/removal");
        let page = owner.get(&question).await.ok().says("Remove Noor Haddad?").says("in 1 open session");
        page.says("2 are pending").says_not("Quill");
        owner.post(&question, &[]).await.leads_to(&users);
        for path in [
            owner.org.clone(),
            users.clone(),
            format!("{}/sign-in", owner.org),
            format!("{}/roles", owner.org),
        ] {
            noor.get(&path).await.is(404);
        }
        noor.get(&format!("{quill}/users")).await.ok();
        noor.get("/").await.leads_to(&quill);
        assert_eq!(standing(&app, &quill, NOOR).await, "owner active");
        assert_eq!(standing(&app, &owner.org, NOOR).await, "admin removed");

        // Nothing more can be done to whoever is gone.
        let before = everything(&app).await;
        for (act, fields) in ACTS {
            owner.post(&format!("{users}/{id}/{act}"), fields).await.is(404);
        }
        owner.get(&question).await.is(404);
        assert_eq!(everything(&app).await, before);
        owner.get(&users).await.ok().says_not("Noor");
    }

    /// R10: signed out everywhere, a person proves themselves again for this organization, and only for it.
    async fn sign_out_everywhere_asks_this_organization_again(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let quill = noor.org.clone();
        let link = app.invited(&mut owner, NOOR, Role::Admin).await;
        noor.post(&link, &[]).await.leads_to(&owner.org);
        let mut other = app.visitor();
        other.sign_in(NOOR, PASSWORD).await.leads_to("/");
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Noor Haddad").await;
        noor.get(&users).await.ok();
        let question = owner.get(&format!("{users}/{id}/sign-out")).await.ok();
        question.says("Sign Noor Haddad out everywhere?").says("in 2 open sessions");
        owner.post(&format!("{users}/{id}/sign-out"), &[]).await.leads_to(&users);

        let asked = noor.get(&format!("{users}?q=a")).await.location();
        assert_eq!(asked, format!("{}/sign-in?next=%2Fo%2Fhalden-freight%2Fusers%3Fq%3Da", owner.org));
        other.get(&users).await.leads_to(&format!("{}/sign-in", owner.org));
        let by_htmx = noor.get_fragment(&users, "users-table").await.is(401);
        assert!(by_htmx.header("hx-redirect").starts_with(&format!("{}/sign-in?next=", owner.org)));
        assert!(by_htmx.body.is_empty());
        let before = everything(&app).await;
        noor.post(&format!("{}/invitations", owner.org), &[("email", DANA), ("role", "member")])
            .await
            .leads_to(&format!("{}/sign-in", owner.org));
        assert_eq!(everything(&app).await, before);
        noor.get(&format!("{quill}/users")).await.ok();
        noor.get("/account").await.ok();

        let page = noor.get(&asked).await.ok().says("Halden Freight");
        assert!(page.body.contains("type=\"password\""));
        let sign_in = format!("{}/sign-in", owner.org);
        let next = format!("{users}?q=a");
        noor.post(&sign_in, &[("password", "a wrong password, sadly"), ("next", &next)]).await.is(422);
        noor.get(&users).await.leads_to(&sign_in);
        let old = noor.session_cookie().cloned();
        let back = noor.post(&sign_in, &[("password", PASSWORD), ("next", &next)]).await.location();
        assert_eq!(back, next);
        assert_ne!(noor.session_cookie().cloned(), old, "a proof gives the session another cookie");
        noor.get(&users).await.ok();
        // The other browser proves itself on its own.
        other.get(&users).await.leads_to(&sign_in);
        other.get(&format!("{quill}/users")).await.ok();
        // And nobody is led off this server.
        let away =
            other.post(&sign_in, &[("password", PASSWORD), ("next", "//evil.example")]).await.location();
        assert_eq!(away, owner.org);
        // An Owner may sign themselves out, and is asked like anyone.
        let amara = app.id_of(&mut owner, "Amara Okafor").await;
        owner.post(&format!("{users}/{amara}/sign-out"), &[]).await.leads_to(&users);
        owner.get(&users).await.leads_to(&sign_in);
    }

    /// TEN-01, R11: ids of another organization answer exactly as unknown ones.
    async fn another_organizations_people_are_not_there(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let theirs = app.id_of(&mut noor, "Noor Haddad").await;
        let users = format!("{}/users", owner.org);
        let before = everything(&app).await;
        for (act, fields) in ACTS {
            let unknown =
                without_request(&owner.post(&format!("{users}/{RANDOM}/{act}"), fields).await.is(404));
            for id in [theirs.as_str(), "x", "%27", &theirs.to_uppercase()] {
                assert_eq!(
                    without_request(&owner.post(&format!("{users}/{id}/{act}"), fields).await.is(404)),
                    unknown
                );
            }
            let unknown = owner.post_fragment(&format!("{users}/{RANDOM}/{act}"), fields).await.is(404);
            let foreign = owner.post_fragment(&format!("{users}/{theirs}/{act}"), fields).await.is(404);
            assert_eq!(without_request(&foreign), without_request(&unknown));
        }
        for question in ["suspension", "sign-out", "removal"] {
            let unknown = without_request(&owner.get(&format!("{users}/{RANDOM}/{question}")).await.is(404));
            assert_eq!(
                without_request(&owner.get(&format!("{users}/{theirs}/{question}")).await.is(404)),
                unknown
            );
        }
        // And the organization itself is not there for those outside.
        let unknown = without_request(&owner.get("/o/no-such-place/users").await.is(404));
        assert_eq!(without_request(&owner.get("/o/quill-works/users").await.is(404)), unknown);
        owner.post(&format!("/o/quill-works/users/{theirs}/removal"), &[]).await.is(404);
        assert_eq!(everything(&app).await, before);
    }

    /// TEN-03: the organization is in the path; nothing else names another.
    async fn nothing_but_the_path_names_the_organization(app: TestApp) {
        let mut owner = app.owner().await;
        app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let users = format!("{}/users", owner.org);
        let plain = owner.get(&users).await.ok();
        owner.cookies.insert("org".to_owned(), "quill-works".to_owned());
        for header in ["x-org-id", "x-organization", "x-original-url", "x-rewrite-url", "x-forwarded-host"] {
            let answer =
                owner.send(Method::GET, &users, &[(header, "/o/quill-works/users")], None).await.ok();
            assert_eq!(names(&answer), names(&plain));
        }
        for query in ["org=quill-works", "organization=quill-works", "org_id=1"] {
            let answer = owner.get(&format!("{users}?{query}")).await.ok();
            assert_eq!(names(&answer), ["Amara Okafor"]);
        }
    }

    /// TEN-05: search, order and counts of one organization know nothing of another.
    async fn nothing_of_another_organization_shines_through(app: TestApp) {
        let mut owner = app.owner().await;
        let users = format!("{}/users", owner.org);
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        app.invited(&mut noor, "pending@quill.example", Role::Member).await;
        app.member(&mut noor, "Nils Quill", "nils@quill.example", Role::Member).await;
        for path in [
            users.clone(),
            format!("{users}?q=quill"),
            format!("{users}?q=noor&sort=-joined"),
            format!("{users}?status=removed"),
            format!("{}/invitations", owner.org),
            format!("{}/audit", owner.org),
        ] {
            let page = owner.get(&path).await.ok().says_not("Noor").says_not("Nils").says_not("nils@");
            assert!(!page.text().contains("pending@quill"), "{path}");
        }
        owner.get(&users).await.ok().says("People 2").says("Pending invites 0");
        noor.get(&format!("{}/users", noor.org)).await.ok().says("People 2").says("Pending invites 1");
    }

    /// V3: an act without scripts leads back to the view of the list that it was begun in, and nowhere else.
    async fn acts_keep_the_view_of_the_list(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let page = owner.get(&format!("{users}?q=dana+k&role=member")).await.ok();
        let view = "?list=q%3Ddana%2Bk%26role%3Dmember";
        assert!(page.body.contains(&format!("action=\"{users}/{id}/role{view}\"")), "{}", page.body);
        for (act, fields) in [("role", &[("role", "reviewer")][..]), ("suspension", &[]), ("reactivation", &[])] {
            let done = owner.post(&format!("{users}/{id}/{act}{view}"), fields).await.is(303);
            assert_eq!(done.location(), format!("{users}?q=dana+k&role=member"), "{act}");
        }
        let asked = owner.get(&format!("{users}/{id}/suspension{view}")).await.ok();
        assert!(asked.body.contains(&format!("href=\"{users}?q=dana+k&#38;role=member\"")), "{}", asked.body);
        for odd in ["%2F%2Fevil.example", "q%3D%0d%0aX%3A+y", "sort%3D%25", "q%3Da%26q%3Db"] {
            let fields = [("role", "member")];
            let done = owner.post(&format!("{users}/{id}/role?list={odd}"), &fields).await.is(303).location();
            assert!(done == users || done.starts_with(&format!("{users}?")), "{odd}: {done}");
        }
        // One's own role is a word in the list, and a form on one's own page.
        let amara = app.id_of(&mut owner, "Amara Okafor").await;
        let page = owner.get(&users).await.ok();
        assert!(!page.body.contains(&format!("{users}/{amara}/role")), "{}", page.body);
        let own = owner.get(&format!("{users}/{amara}")).await.ok();
        assert!(own.body.contains(&format!("{users}/{amara}/role?from=person")), "{}", own.body);
    }

    /// V2, HTX-01: by htmx an act answers with its row and a toast, and an error with a toast alone.
    async fn acts_by_htmx_answer_with_the_row(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let row = format!("<tr role=\"row\" id=\"user-{id}\">");
        for (act, fields, said, shown) in [
            (
                "role",
                &[("role", "developer")][..],
                "Dana Kovač is now a Developer",
                "value=\"developer\" selected",
            ),
            ("suspension", &[], "Dana Kovač is suspended", ">Suspended<"),
            ("reactivation", &[], "Dana Kovač is active again", ">Active<"),
            ("sign-out", &[], "Dana Kovač is signed out of Halden Freight", ">Active<"),
        ] {
            let answer = owner.post_fragment(&format!("{users}/{id}/{act}"), fields).await.ok().says(said);
            assert!(answer.body.contains(&row) && answer.body.contains(shown), "{act}: {}", answer.body);
            assert!(answer.body.contains("id=\"toasts\" hx-swap-oob=\"beforeend\""));
            assert!(!answer.body.contains("<html"));
            assert_eq!(answer.header("hx-trigger"), "close-dialog");
            assert_eq!(answer.header("hx-redirect"), "");
        }
        // Whoever is removed is off the list, and what became of what they left is said on it.
        let answer = owner.post_fragment(&format!("{users}/{id}/removal"), &[]).await.ok();
        assert_eq!(answer.header("hx-redirect"), users);
        owner.get(&users).await.ok().says("Dana Kovač is removed");
        for (path, fields, status) in [
            (format!("{users}/{id}/role"), &[("role", "admin")][..], 404),
            (format!("{users}/x/removal"), &[], 404),
            (format!("{users}/{}/removal", app.id_of(&mut owner, "Amara Okafor").await), &[], 409),
            (format!("{users}/{id}/role"), &[("role", "root")], 422),
            (format!("{users}/{id}/role"), &[("rolle", "root")], 422),
        ] {
            let answer = owner.post_fragment(&path, fields).await.is(status);
            assert!(answer.body.contains("toast-card") && !answer.body.contains("<html"), "{}", answer.body);
            assert!(!answer.body.contains("<tr"));
        }
        let mut nobody = app.visitor();
        let answer = nobody.post_fragment(&format!("{users}/{id}/removal"), &[]).await.is(401);
        assert!(answer.header("hx-redirect").starts_with("/sign-in") && answer.body.is_empty());
        // A question is a dialog by htmx and a page without.
        let second = app.member(&mut owner, "Second Person", "second@halden.example", Role::Member).await;
        let id = app.id_of(&mut owner, "Second Person").await;
        assert!(second.session_cookie().is_some());
        for question in ["suspension", "sign-out"] {
            let path = format!("{users}/{id}/{question}");
            let dialog = owner.get_fragment(&path, "dialog-slot").await.ok();
            assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"));
            assert!(dialog.body.contains(&format!("hx-post=\"{path}\"")));
            let page = owner.get(&path).await.ok();
            assert!(page.body.contains("<html") && page.body.contains(&format!("action=\"{path}\"")));
        }
    }
}
