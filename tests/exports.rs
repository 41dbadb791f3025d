//! Lists as files: inert in a spreadsheet, whole, streamed, and nobody else's.

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::access::Role;
use interlock::domain::{audit, organizations};
use tower::ServiceExt;

use crate::support::resources::{New, resource};
use crate::support::{Answer, PASSWORD, TestApp, Visitor, database, on_both};

/// The rows of a CSV file, by the names of its columns.
fn table(answer: &Answer) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(answer.body.as_bytes());
    let head = reader.headers().expect("there is a head").clone();
    let pairs = |row: csv::StringRecord| {
        head.iter().zip(row.iter()).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|row| pairs(row.expect("a row parses"))).collect()
}

fn column(rows: &[Vec<(String, String)>], name: &str) -> Vec<String> {
    let cell = |row: &Vec<(String, String)>| row.iter().find(|(column, _)| column == name).cloned();
    rows.iter().map(|row| cell(row).unwrap_or_else(|| panic!("there is a column {name}")).1).collect()
}

/// Four who are active, one suspended, one removed, and two invitations.
async fn people(app: &TestApp) -> Visitor {
    let mut owner = app.owner().await;
    for (name, email, role) in [
        ("=cmd|' /C calc'!A0", "calc@halden.example", Role::Member),
        ("@SUM(A1:A9)", "+sum@halden.example", Role::Developer),
        ("Brandt, Łukasz \"Lu\"", "lukasz@halden.example", Role::Developer),
        ("Sus Pended", "suspended@halden.example", Role::Member),
        ("Rem Oved", "removed@halden.example", Role::Member),
    ] {
        app.member(&mut owner, name, email, role).await;
    }
    for (name, noun) in [("Sus Pended", "suspension"), ("Rem Oved", "removal")] {
        let id = app.id_of(&mut owner, name).await;
        owner.post(&format!("{}/users/{id}/{noun}", owner.org), &[]).await.is(303);
    }
    app.invited(&mut owner, "=1+1@halden.example", Role::Reviewer).await;
    app.invited(&mut owner, "dana@halden.example", Role::Auditor).await;
    owner
}

/// So many members beside.
async fn crowd(app: &TestApp, count: usize) {
    let id = if app.app.db.is_shared() { "lpad(i::text, 12, '0')" } else { "printf('%012d', i)" };
    let crowd = format!(
        "insert into users (id, email, email_canonical, name, password_changed_at, created_at) \
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {count}) \
         select '01a20000-0000-7000-8000-' || {id}, 'p' || i || '@crowd.example', \
         'p' || i || '@crowd.example', 'P ' || i, 0, 0 from n"
    );
    database::execute(app, &crowd).await;
    database::execute(
        app,
        "insert into memberships (organization, user_id, role, state, joined_at, last_active_at, name, name_key, \
         email, search) select o.id, u.id, 'member', 'active', 1, 1, u.name, lower(u.name), u.email, u.email \
         from users u cross join organizations o where u.email like 'p%@crowd.example'",
    )
    .await;
}

/// A file that is on its way.
async fn begun(app: &TestApp, reader: &Visitor, path: &str) -> Body {
    let cookie = format!("interlock={}", reader.session_cookie().expect("they are signed in"));
    let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty());
    let answer = app.router.clone().oneshot(request.expect("it is a request")).await;
    let answer = answer.expect("the router answers");
    assert_eq!(answer.status().as_u16(), 200, "{path}");
    answer.into_body()
}

/// How many pieces still come of a file, and whether it ends as a whole one does.
async fn rest(mut body: Body) -> (usize, bool) {
    let mut pieces = 0;
    while let Some(piece) = body.frame().await {
        if piece.is_err() {
            return (pieces, false);
        }
        pieces += 1;
    }
    (pieces, true)
}

on_both! {
    /// AUD-08, V3: what people are called opens inert, and comes back as it was.
    async fn hostile_names_open_inert(app: TestApp) {
        let mut owner = people(&app).await;
        let csv = owner.get(&format!("{}/users.csv", owner.org)).await.ok();
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(
            csv.header("content-disposition"),
            "attachment; filename=\"halden-freight-users-2026-11-22.csv\""
        );
        let rows = table(&csv);
        assert_eq!(
            column(&rows, "name"),
            ["'=cmd|' /C calc'!A0", "'@SUM(A1:A9)", "Amara Okafor", "Brandt, Łukasz \"Lu\"", "Sus Pended"]
        );
        assert_eq!(column(&rows, "email")[1], "'+sum@halden.example");
        assert_eq!(column(&rows, "state")[4], "suspended");
        assert_eq!(column(&rows, "joined")[2], "2026-11-22T09:00:00Z");

        let invitations = table(&owner.get(&format!("{}/invitations.csv", owner.org)).await.ok());
        assert_eq!(column(&invitations, "email"), ["dana@halden.example", "'=1+1@halden.example"]);
        assert_eq!(column(&invitations, "role"), ["auditor", "reviewer"]);
        assert_eq!(column(&invitations, "mail"), ["sent", "sent"]);

        let audit = table(&owner.get(&format!("{}/audit.csv", owner.org)).await.ok());
        assert!(column(&audit, "target").contains(&"'=cmd|' /C calc'!A0".to_owned()));
        for rows in [rows, invitations, audit] {
            for (name, cell) in rows.into_iter().flatten() {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name}: {cell}");
            }
        }
    }

    /// V3, U5: a file holds what the page's filters show, from the beginning.
    async fn filters_stay(app: TestApp) {
        let mut owner = people(&app).await;
        let org = owner.org.clone();
        let page = owner.get(&format!("{org}/users?role=developer&sort=-name")).await.ok();
        let link = crate::support::page::link(&page, "Export as CSV").expect("the list has a file");
        let rows = table(&owner.get(&link).await.ok());
        assert_eq!(column(&rows, "name"), ["Brandt, Łukasz \"Lu\"", "'@SUM(A1:A9)"]);
        let removed = table(&owner.get(&format!("{org}/users.csv?status=removed")).await.ok());
        assert_eq!(column(&removed, "name"), ["Rem Oved"]);
        let nobody = table(&owner.get(&format!("{org}/users.csv?q=nobody-at-all")).await.ok());
        assert!(nobody.is_empty());
        owner.get(&format!("{org}/users.csv?sort=shoe-size")).await.is(400);

        let page = owner.get(&format!("{org}/audit?kind=member.removed")).await.ok();
        let link = crate::support::page::link(&page, "Export as CSV").expect("the log has a file");
        let rows = table(&owner.get(&link).await.ok());
        assert_eq!(column(&rows, "target"), ["Rem Oved"]);
        app.clock.advance(8 * DAY);
        owner.sign_in("amara@halden.example", crate::support::PASSWORD).await;
        let rows = table(&owner.get(&format!("{org}/invitations.csv")).await.ok());
        assert_eq!(column(&rows, "state"), ["expired", "expired"]);
    }

    /// U2, U5: the log as JSON holds what the hashes cover, and ends where the chain ends.
    async fn the_log_as_json_is_the_chain(app: TestApp) {
        let mut owner = people(&app).await;
        let json = owner.get(&format!("{}/audit.json", owner.org)).await.ok();
        let rows: Vec<serde_json::Value> = serde_json::from_str(&json.body).expect("it is JSON");
        let mut reader = app.app.db.read().await.expect("the database answers");
        let organization = organizations::by_slug(&mut reader, "halden-freight").await.expect("it answers");
        let organization = organization.expect("it is there").id;
        let (seq, hash) = audit::head(&mut reader, organization).await.expect("there is a head");
        assert_eq!(rows[0]["seq"], seq);
        assert_eq!(rows[0]["hash"], hash.as_str());
        assert_eq!(rows.len(), usize::try_from(seq).expect("it is small"));
        assert!(rows.iter().any(|row| row["kind"] == "member.removed" && row["target"] == "Rem Oved"));
        let none = owner.get(&format!("{}/audit.json?kind=member.left", owner.org)).await.ok();
        assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&none.body).expect("it is JSON").len(), 0);
    }

    /// U5: thousands of rows come in pieces, each of which is forgotten once it is sent, and none twice.
    async fn many_rows_are_streamed(app: TestApp) {
        let owner = people(&app).await;
        let count = 5_500;
        crowd(&app, count).await;
        let mut body = begun(&app, &owner, &format!("{}/users.csv", owner.org)).await;
        let (mut whole, mut frames) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let data = frame.expect("it is not cut off").into_data().expect("it is data");
            assert!(data.len() < 256 * 1024, "a piece of {} bytes", data.len());
            whole.extend_from_slice(&data);
            frames += 1;
        }
        assert_eq!(frames, 6);
        let mut reader = csv::Reader::from_reader(whole.as_slice());
        let mut ids: Vec<String> = reader.records().map(|row| row.expect("it parses")[0].to_owned()).collect();
        assert_eq!(ids.len(), count + 5);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count + 5);
    }

    /// RES-11, R5: whoever is demoted, suspended, removed or signed out while a file is on its way gets no more of it, and
    /// what they have is no whole file.
    async fn a_file_ends_as_its_readers_access_does(app: TestApp) {
        const EMAIL: &str = "ad@halden.example";
        let mut owner = people(&app).await;
        let org = owner.org.clone();
        app.member(&mut owner, "Ad Min", EMAIL, Role::Admin).await;
        let id = app.id_of(&mut owner, "Ad Min").await;
        crowd(&app, 5_500).await;
        resource(&app, New { audience: "entire-organization", ..New::default() }).await;
        for path in ["users.csv", "resources/refunds/why.csv"] {
            for act in ["nothing", "role", "suspension", "removal", "sign-out", "their own sign-out"] {
                let mut ad = app.visitor();
                ad.sign_in(EMAIL, PASSWORD).await.is(303);
                let mut body = begun(&app, &ad, &format!("{org}/{path}")).await;
                body.frame().await.expect("there is a piece").expect("it is not cut off");
                match act {
                    "nothing" => {}
                    "their own sign-out" => drop(ad.post("/sign-out", &[]).await.is(303)),
                    "role" => drop(owner.post(&format!("{org}/users/{id}/role"), &[("role", "member")]).await.is(303)),
                    act => drop(owner.post(&format!("{org}/users/{id}/{act}"), &[]).await.is(303)),
                }
                let (more, whole) = rest(body).await;
                match act {
                    "nothing" => assert!(whole && more == 5, "{path}: {more}"),
                    // One piece waits to be taken, and one to be sent: both were read before.
                    _ => assert!(!whole && more <= 2, "{path}, {act}: {more}"),
                }
                database::execute(&app, &format!("update memberships set role = 'admin', state = 'active' where user_id = '{id}'")).await;
                app.clock.advance(MINUTE);
            }
        }
    }

    /// TEN-05, ROL-01: a file holds one organization, for who may read it.
    async fn a_file_is_one_organizations(app: TestApp) {
        let owner = people(&app).await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let files = ["users.csv", "invitations.csv", "audit.csv", "audit.json"];
        for file in files {
            stranger.get(&format!("{}/{file}", owner.org)).await.is(404);
            stranger.get(&format!("{}/{file}", stranger.org)).await.ok().says_not("halden.example");
        }
    }

    /// ASVS 15.2.2: so many at once, and no more.
    async fn too_many_at_once_are_turned_away(app: TestApp) {
        let mut owner = people(&app).await;
        let places = u32::try_from(app.app.exports.available_permits()).expect("there are few");
        let held = app.app.exports.acquire_many(places).await.expect("they are free");
        let path = format!("{}/users.csv", owner.org);
        let answer = owner.get(&path).await.is(503).says("Interlock is very busy");
        assert!(!answer.header("retry-after").is_empty());
        drop(held);
        owner.get(&path).await.ok();
        app.clock.advance(HOUR);
        owner.get(&path).await.ok();
    }
}
