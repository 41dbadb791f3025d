//! The audit log: what is written, who reads it, and what verifying finds.

use interlock::clock::HOUR;
use interlock::domain::access::Role;
use interlock::domain::audit::{Chain, Verdict, verify};
use interlock::ids::OrganizationId;

use crate::support::database::{execute, texts};
use crate::support::page::{between, link};
use crate::support::{Answer, TestApp, Visitor, everything, on_both};

const DANA: &str = "dana@halden.example";
const NOOR: &str = "noor@quill.example";
const PASSWORD: &str = "seven plain wet stones";
const OTHER: &str = "nine green bottles hang";

/// The id of the organization behind a path, which names its chain.
async fn chain(app: &TestApp, org: &str) -> String {
    let slug = org.trim_start_matches("/o/");
    texts(app, &format!("select id from organizations where slug = '{slug}'")).await.remove(0)
}

async fn verified(app: &TestApp, chain: &str) -> Verdict {
    let chain = match chain {
        "instance" => Chain::Instance,
        id => Chain::Organization(id.parse::<OrganizationId>().expect("it is an id")),
    };
    verify(&app.app.db, chain).await.expect("the chain can be read")
}

/// A chain's rows, each as "kind | operator | target | changes | address".
async fn rows(app: &TestApp, chain: &str) -> Vec<String> {
    let query = format!(
        "select kind || ' | ' || operator_name || ' | ' || target_name || ' | ' || changes || ' | ' \
         || coalesce(address, '-') from audit_events where chain = '{chain}' order by seq"
    );
    texts(app, &query).await
}

/// The numbers of the entries on a page, newest first.
fn entries(page: &Answer) -> Vec<i64> {
    between(&page.body, "id=\"entry-", "\"").into_iter().map(|seq| seq.parse().expect("a number")).collect()
}

/// Puts a row where the next one of a chain belongs: nothing more can be written to it.
async fn block(app: &TestApp, chain: &str) {
    execute(
        app,
        &format!(
            "insert into audit_events (chain, seq, at, kind, operator_name, target_name, changes, hash) \
             select chain, seq + 1, 0, 'x', '', '', '', '' from audit_heads where chain = '{chain}'"
        ),
    )
    .await;
}

async fn unblock(app: &TestApp) {
    execute(app, "delete from audit_events where kind = 'x'").await;
}

/// Does one thing and gives the one row that it wrote.
async fn the_row(
    app: &TestApp,
    chain: &str,
    visitor: &mut Visitor,
    path: &str,
    fields: &[(&str, &str)],
) -> String {
    let before = rows(app, chain).await;
    let start = app.clock.now();
    let status = visitor.post(path, fields).await.status.as_u16();
    assert!(matches!(status, 200 | 303), "{path}: {status}");
    let mut after = rows(app, chain).await;
    assert_eq!(after.len(), before.len() + 1, "{path}: {after:#?}");
    assert_eq!(after[..before.len()], before, "{path}: what stands, stands");
    let at: i64 = texts(
        app,
        &format!("select cast(at as text) from audit_events where chain = '{chain}' order by seq desc"),
    )
    .await[0]
        .parse()
        .expect("a number");
    assert!(at > start.0 && at <= app.clock.now().0, "{path}");
    after.pop().expect("there is a row")
}

on_both! {
    /// U1, ROL-12: each change of access writes one row: operator, target, old and new, time, address.
    async fn each_change_writes_one_row(app: TestApp) {
        let mut owner = app.owner().await;
        let halden = chain(&app, &owner.org).await;
        let (users, invitations) = (format!("{}/users", owner.org), format!("{}/invitations", owner.org));
        let first = rows(&app, &halden).await;
        assert_eq!(first.len(), 2, "{first:#?}");
        assert!(
            first.iter().any(|row| row.starts_with("organization.created | Amara Okafor | Halden Freight"))
        );
        assert!(first.iter().any(|row| row.starts_with("account.created | Amara Okafor | Amara Okafor")));
        owner.address = [198, 51, 100, 7].into();

        let fields = [("email", DANA), ("role", "reviewer")];
        let row = the_row(&app, &halden, &mut owner, &invitations, &fields).await;
        assert!(row.starts_with("invitation.sent | Amara Okafor | dana@halden.example | "), "{row}");
        assert!(row.contains(r#""role":{"new":"Reviewer","old":null}"#), "{row}");
        assert!(row.contains("2026-11-29T09:00:00Z") && row.ends_with("| 198.51.100.7"), "{row}");
        let id = texts(&app, "select id from invitations").await.remove(0);
        let row = the_row(&app, &halden, &mut owner, &format!("{invitations}/{id}/mail"), &[]).await;
        assert!(row.starts_with("invitation.resent | Amara Okafor | dana@halden.example | "), "{row}");
        let row = the_row(&app, &halden, &mut owner, &format!("{invitations}/{id}/link"), &[]).await;
        assert_eq!(row, "invitation.link_copied | Amara Okafor | dana@halden.example | {} | 198.51.100.7");
        assert!(!row.contains("/invite/"));
        let row = the_row(&app, &halden, &mut owner, &format!("{invitations}/{id}/revocation"), &[]).await;
        assert_eq!(
            row,
            r#"invitation.revoked | Amara Okafor | dana@halden.example | {"role":{"new":null,"old":"Reviewer"}} | 198.51.100.7"#
        );

        // Accepting as a new person is their account and their membership: two events, in the order they happen.
        let link = app.invited(&mut owner, DANA, Role::Reviewer).await;
        let before = rows(&app, &halden).await.len();
        let mut dana = app.visitor();
        dana.address = [198, 51, 100, 8].into();
        dana.post(&link, &[("name", "Dana Kovač"), ("password", OTHER)]).await.leads_to(&owner.org);
        let accepted = rows(&app, &halden).await;
        assert_eq!(
            accepted[before..],
            [
                r#"account.created | Dana Kovač | Dana Kovač | {"email":{"new":"dana@halden.example","old":null}} | -"#,
                r#"invitation.accepted | Dana Kovač | Dana Kovač | {"email":{"new":"dana@halden.example","old":null},"role":{"new":"Reviewer","old":null}} | 198.51.100.8"#,
            ]
        );

        let id = app.id_of(&mut owner, "Dana Kovač").await;
        for (act, fields, kind, changes) in [
            (
                "role",
                &[("role", "developer")][..],
                "member.role_changed",
                r#"{"role":{"new":"Developer","old":"Reviewer"}}"#,
            ),
            ("suspension", &[], "member.suspended", r#"{"state":{"new":"suspended","old":"active"}}"#),
            ("reactivation", &[], "member.reactivated", r#"{"state":{"new":"active","old":"suspended"}}"#),
            ("sign-out", &[], "member.signed_out", "{}"),
            ("removal", &[], "member.removed", r#"{"state":{"new":"removed","old":"active"}}"#),
        ] {
            let row = the_row(&app, &halden, &mut owner, &format!("{users}/{id}/{act}"), fields).await;
            assert_eq!(row, format!("{kind} | Amara Okafor | Dana Kovač | {changes} | 198.51.100.7"));
        }
        // The ids behind the names are the people's own, and the request's number is the log's.
        let query = "select target_id from audit_events where kind like 'member.%'";
        assert!(texts(&app, query).await.iter().all(|target| *target == id));
        assert!(texts(&app, "select kind from audit_events where request is null").await.is_empty());

        // What was refused or changed nothing wrote nothing.
        let before = rows(&app, &halden).await;
        owner.post(&format!("{users}/{id}/role"), &[("role", "admin")]).await.is(404);
        owner.post(&invitations, &[("email", "x"), ("role", "member")]).await.is(422);
        let amara = app.id_of(&mut owner, "Amara Okafor").await;
        owner.post(&format!("{users}/{amara}/role"), &[("role", "member")]).await.is(409);
        owner.post(&format!("{users}/{amara}/role"), &[("role", "owner")]).await.leads_to(&users);
        assert_eq!(rows(&app, &halden).await, before);
        let whole = i64::try_from(before.len()).expect("few rows");
        assert_eq!(verified(&app, &halden).await, Verdict::Whole { rows: whole });
    }

    /// U2: an account's events are in the instance's chain with their address, and without it in the
    /// chain of each organization of the person, and of no other.
    async fn account_events_reach_the_organizations_without_an_address(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        app.sign_up("Elsewhere", "Else Where", "else@where.example").await;
        let link = app.invited(&mut owner, NOOR, Role::Member).await;
        noor.post(&link, &[]).await.leads_to(&owner.org);
        let (halden, quill, elsewhere) = (
            chain(&app, &owner.org).await,
            chain(&app, "/o/quill-works").await,
            chain(&app, "/o/elsewhere").await,
        );
        noor.address = [198, 51, 100, 9].into();
        let untouched = rows(&app, &elsewhere).await;

        let renamed = r#"account.name_changed | Noor Haddad | Noor Saleh | {"name":{"new":"Noor Saleh","old":"Noor Haddad"}} | "#;
        let row = the_row(&app, "instance", &mut noor, "/account/name", &[("name", "Noor Saleh")]).await;
        assert_eq!(row, format!("{renamed}198.51.100.9"));
        for chain in [&halden, &quill] {
            assert_eq!(rows(&app, chain).await.last(), Some(&format!("{renamed}-")));
        }
        let fields = [("current_password", PASSWORD), ("password", OTHER)];
        let row = the_row(&app, "instance", &mut noor, "/account/password", &fields).await;
        assert_eq!(row, "account.password_changed | Noor Saleh | Noor Saleh | {} | 198.51.100.9");
        assert_eq!(
            rows(&app, &halden).await.last().map(String::as_str),
            Some("account.password_changed | Noor Saleh | Noor Saleh | {} | -")
        );

        // A suspended member's account is still a member's; a removed one's is not.
        let id = app.id_of(&mut owner, "Noor Saleh").await;
        owner.post(&format!("{}/users/{id}/removal", owner.org), &[]).await;
        let before = rows(&app, &halden).await;
        let mut forgetful = app.visitor();
        forgetful.post("/forgot-password", &[("email", NOOR)]).await.leads_to("/forgot-password/sent");
        let reset = app.mail_to(NOOR).await.path("/reset/");
        forgetful.address = [198, 51, 100, 10].into();
        let row =
            the_row(&app, &quill, &mut forgetful, &reset, &[("password", "eleven red kites fly")]).await;
        assert_eq!(row, "account.password_reset | Noor Saleh | Noor Saleh | {} | -");
        assert_eq!(
            rows(&app, "instance").await.last().map(String::as_str),
            Some("account.password_reset | Noor Saleh | Noor Saleh | {} | 198.51.100.10")
        );
        assert_eq!(rows(&app, &halden).await, before);
        assert_eq!(rows(&app, &elsewhere).await, untouched);
        for chain in ["instance", &halden, &quill, &elsewhere] {
            assert!(matches!(verified(&app, chain).await, Verdict::Whole { .. }), "{chain}");
        }
        let secrets = texts(&app, "select changes || target_name from audit_events").await.concat();
        assert!(!secrets.contains(PASSWORD) && !secrets.contains(OTHER) && !secrets.contains("argon2"));
    }

    /// U5: who may read reads; filters by person and kind are in the address, and pages go back and forth.
    async fn the_page_is_filtered_and_paged(app: TestApp) {
        let mut owner = app.owner().await;
        let mut tess = app.member(&mut owner, "Tess Audit", "tess@audit.example", Role::Auditor).await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let audit = format!("{}/audit", owner.org);
        let users = format!("{}/users", owner.org);
        let (id, amara) =
            (app.id_of(&mut owner, "Dana Kovač").await, app.id_of(&mut owner, "Amara Okafor").await);
        for n in 0..110 {
            let role = if n % 2 == 0 { "developer" } else { "member" };
            owner.post(&format!("{users}/{id}/role"), &[("role", role)]).await.leads_to(&users);
        }
        dana.get(&audit).await.is(403);
        let total = rows(&app, &chain(&app, &owner.org).await).await.len();

        let newest =
            tess.get(&audit).await.ok().says("Amara Okafor Changed role Dana Kovač role: Developer → Member");
        let newest = newest.says("2026-11-22 09:00:0").says("127.0.0.1");
        let mut pages = vec![entries(&newest)];
        let mut page = newest;
        while let Some(older) = link(&page, "Older") {
            page = tess.get(&older).await.ok();
            pages.push(entries(&page));
        }
        let all = pages.concat();
        let expected: Vec<i64> = (1..=i64::try_from(total).expect("few rows")).rev().collect();
        assert_eq!(all, expected);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, total - 100]);
        assert_eq!(link(&tess.get(&audit).await.ok(), "Newer"), None);
        let mut back = vec![entries(&page)];
        while let Some(newer) = link(&page, "Newer") {
            page = tess.get(&newer).await.ok();
            back.push(entries(&page));
        }
        back.reverse();
        assert_eq!(back, pages);

        let page = tess.get(&format!("{audit}?kind=member.role_changed&person={amara}")).await.ok();
        assert_eq!(entries(&page).len(), 50);
        let older = link(&page, "Older").expect("there are more");
        assert!(
            older.contains("kind=member.role_changed") && older.contains(&format!("person={amara}")),
            "{older}"
        );
        let page = tess.get(&format!("{audit}?kind=invitation.accepted")).await.ok().says("2 entries");
        page.says("Accepted invite Tess Audit").says_not("Changed role Dana");
        // A person as operator or as target.
        let page =
            tess.get(&format!("{audit}?person={id}&kind=invitation.accepted")).await.ok().says("1 entry");
        page.says("Dana Kovač Accepted invite Dana Kovač");
        tess.get(&format!("{audit}?kind=password.reset")).await.is(400);
        tess.get(&format!("{audit}?kind=account.password_reset")).await.ok().says("Nothing matches");
        tess.get(&format!("{audit}?person=01920000-0000-7000-8000-000000000000"))
            .await
            .ok()
            .says("Nothing matches");

        let path = format!("{audit}?kind=member.role_changed");
        let table = tess.get_fragment(&path, "audit-table").await.ok();
        assert!(table.body.trim_start().starts_with("<div class=\"table-box\" id=\"audit-table\""));
        assert_eq!(entries(&table), entries(&tess.get(&path).await.ok()));
        for bad in [
            "person=x",
            "person=%27",
            "kind=%27--",
            "before=x",
            "before=1e9",
            "after=99999999999999999999",
            "kind=a&kind=b",
        ] {
            tess.get(&format!("{audit}?{bad}")).await.is(400);
        }
        tess.get(&format!("{audit}?before=-9223372036854775808")).await.ok().says("There is nothing here");
        tess.get(&format!("{audit}?after=9223372036854775807")).await.ok().says("There is nothing here");
    }

    /// V3: beyond what a select box holds the page says so, and a person who is asked for stays chosen.
    async fn whoever_is_filtered_by_can_be_chosen(app: TestApp) {
        let mut owner = app.owner().await;
        let mut tess = app.member(&mut owner, "Tess Audit", "tess@audit.example", Role::Auditor).await;
        app.member(&mut owner, "Zora Zet", "zora@halden.example", Role::Member).await;
        let audit = format!("{}/audit", owner.org);
        let (zora, halden) = (app.id_of(&mut owner, "Zora Zet").await, chain(&app, &owner.org).await);
        let chosen = |name: &str, id: &str| format!("<option value=\"{id}\" selected>{name}</option>");
        let page = owner.get(&format!("{audit}?person={zora}")).await.ok();
        assert_eq!(page.body.matches(&chosen("Zora Zet", &zora)).count(), 1);
        page.says_not("The first 200");
        let crowd: String = (0..200)
            .map(|n| {
                let id = format!("01920000-0000-7000-8000-{n:012}");
                format!(
                    "insert into users (id, email, email_canonical, name, password_changed_at, created_at) \
                     values ('{id}', 'b{n}@x.example', 'b{n}@x.example', 'Bo', 0, 0); \
                     insert into memberships (organization, user_id, role, state, joined_at, last_active_at, name, \
                     name_key, email, search) values ('{halden}', '{id}', 'member', 'active', 0, 0, 'Bo', 'bo', \
                     'b{n}@x.example', 'bo');"
                )
            })
            .collect();
        execute(&app, &crowd).await;
        let page = owner.get(&format!("{audit}?person={zora}")).await.ok();
        assert_eq!(page.body.matches(&chosen("Zora Zet", &zora)).count(), 1);
        page.says("The first 200 people by name").says("under Users");
        let page = tess.get(&audit).await.ok().says("in the export below");
        assert!(!page.body.contains(&zora));
        let nobody = "01930000-0000-7000-8000-000000000000";
        let page = owner.get(&format!("{audit}?person={nobody}")).await.ok();
        assert!(page.body.contains(&chosen("Somebody who was never a member", nobody)), "{}", page.body);
    }

    /// U4: a row that was added by SQL, before the first or after the head, is found and named.
    async fn an_added_row_is_found(app: TestApp) {
        let owner = app.owner().await;
        let halden = chain(&app, &owner.org).await;
        let why = "it was added: the head does not count it";
        for seq in [0, -5, i64::MIN, 3, 550, i64::MAX] {
            execute(
                &app,
                &format!(
                    "insert into audit_events (chain, seq, at, kind, operator_name, target_name, changes, hash) \
                     select chain, {seq}, at, kind, operator_name, 'Forged', changes, hash \
                     from audit_events where chain = '{halden}' and seq = 2"
                ),
            )
            .await;
            assert_eq!(verified(&app, &halden).await, Verdict::Broken { seq, why });
            execute(&app, "delete from audit_events where target_name = 'Forged'").await;
            assert_eq!(verified(&app, &halden).await, Verdict::Whole { rows: 2 });
        }
    }

    /// AUD-01: a change of any column by SQL is found, and the first row that was changed is named.
    async fn any_changed_column_is_found(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let halden = chain(&app, &owner.org).await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.post(&format!("{}/users/{id}/role", owner.org), &[("role", "admin")]).await;
        let total = i64::try_from(rows(&app, &halden).await.len()).expect("few rows");
        assert_eq!(total, 6);
        assert_eq!(verified(&app, &halden).await, Verdict::Whole { rows: total });

        let columns = [
            ("at", "at + 1", "it was changed"),
            ("kind", "'member.removed'", "it was changed"),
            ("operator_id", "target_id", "it was changed"),
            ("operator_id", "null", "it was changed"),
            ("operator_name", "operator_name || ' '", "it was changed"),
            ("target_id", "operator_id", "it was changed"),
            ("target_id", "null", "it was changed"),
            ("target_name", "'x' || target_name", "it was changed"),
            ("changes", "replace(changes, 'Member', 'Owner')", "it was changed"),
            ("changes", "changes || ' '", "it was changed"),
            ("address", "'203.0.113.1'", "it was changed"),
            ("address", "null", "it was changed"),
            ("request", "null", "it was changed"),
            ("request", "''", "it was changed"),
            ("hash", "upper(hash)", "it was changed"),
            ("seq", "seq + 1000", "it is missing"),
            ("chain", "'instance'", "it is missing"),
        ];
        // The last row and one in the middle: a role changed, and an invitation sent.
        for seq in [total, 3] {
            for (column, value, why) in columns {
                execute(&app, "create table kept as select * from audit_events").await;
                // Moved to the instance's chain a row needs a number that is free there.
                let also = if column == "chain" { ", seq = seq + 1000" } else { "" };
                execute(
                    &app,
                    &format!("update audit_events set {column} = {value}{also} where chain = '{halden}' and seq = {seq}"),
                )
                .await;
                let verdict = verified(&app, &halden).await;
                assert_eq!(verdict, Verdict::Broken { seq, why }, "{column} = {value}");
                execute(
                    &app,
                    "delete from audit_events; insert into audit_events select * from kept; drop table kept",
                )
                .await;
                assert_eq!(verified(&app, &halden).await, Verdict::Whole { rows: total });
            }
        }
        // Whoever makes one row good again by itself breaks the next one.
        execute(
            &app,
            &format!(
                "update audit_events set hash = '{}' where chain = '{halden}' and seq = 3",
                "0".repeat(64)
            ),
        )
        .await;
        assert_eq!(verified(&app, &halden).await, Verdict::Broken { seq: 3, why: "it was changed" });
    }

    /// AUD-02: a deleted row is named, the last one too, and so is a head that was moved.
    async fn a_deleted_row_or_a_moved_head_is_found(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let halden = chain(&app, &owner.org).await;
        let total = i64::try_from(rows(&app, &halden).await.len()).expect("few rows");
        let missing = |seq| Verdict::Broken { seq, why: "it is missing" };
        for seq in 1..=total {
            execute(&app, "create table kept as select * from audit_events").await;
            execute(&app, &format!("delete from audit_events where chain = '{halden}' and seq = {seq}"))
                .await;
            assert_eq!(verified(&app, &halden).await, missing(seq));
            // Closing the gap does not hide it.
            execute(
                &app,
                &format!(
                    "update audit_events set seq = seq - 1 where chain = '{halden}' and seq = {seq} + 1"
                ),
            )
            .await;
            assert!(
                matches!(verified(&app, &halden).await, Verdict::Broken { seq: found, .. } if found == seq)
            );
            execute(
                &app,
                "delete from audit_events; insert into audit_events select * from kept; drop table kept",
            )
            .await;
        }
        let head = |change: &str| format!("update audit_heads set {change} where chain = '{halden}'");
        let last =
            texts(&app, &format!("select hash from audit_heads where chain = '{halden}'")).await.remove(0);
        execute(&app, &head("hash = 'x'")).await;
        assert!(matches!(verified(&app, &halden).await, Verdict::Broken { seq, .. } if seq == total));
        execute(&app, &head(&format!("hash = '{last}', seq = seq + 1"))).await;
        assert_eq!(verified(&app, &halden).await, missing(total + 1));
        execute(&app, &head("seq = seq - 2")).await;
        assert!(matches!(verified(&app, &halden).await, Verdict::Broken { seq, .. } if seq == total - 1));
        execute(&app, &head("seq = seq + 1")).await;
        assert_eq!(verified(&app, &halden).await, Verdict::Whole { rows: total });
        // All rows gone at once.
        execute(&app, &format!("delete from audit_events where chain = '{halden}'")).await;
        assert_eq!(verified(&app, &halden).await, missing(1));
        // The other chain is nobody's business.
        assert!(matches!(verified(&app, "instance").await, Verdict::Whole { .. }));
    }

    /// AUD-04: of a hundred changes at once each has its row, and the numbers have no gap.
    async fn parallel_changes_leave_no_gap(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let halden = chain(&app, &owner.org).await;
        let start = rows(&app, &halden).await.len();
        let replica = if app.app.db.is_shared() { Some(app.replica().await) } else { None };
        let mut running = Vec::new();
        for n in 0..100 {
            let mut visitor = owner.clone();
            if let Some(replica) = replica.as_ref().filter(|_| n % 2 == 0) {
                visitor = replica.visitor();
                visitor.cookies = owner.cookies.clone();
                visitor.org = owner.org.clone();
            }
            let id = id.clone();
            running.push(tokio::spawn(async move {
                let (path, email) = (format!("{}/invitations", visitor.org), format!("p{n}@x.example"));
                if n % 4 == 3 {
                    let path = format!("{}/users/{id}/sign-out", visitor.org);
                    visitor.post(&path, &[]).await.status.as_u16()
                } else {
                    visitor
                        .post(&path, &[("email", email.as_str()), ("role", "member")])
                        .await
                        .status
                        .as_u16()
                }
            }));
        }
        for done in running {
            assert_eq!(done.await.expect("it does not panic"), 303);
        }
        let query = format!(
            "select cast(seq as text) as number from audit_events where chain = '{halden}' order by audit_events.seq"
        );
        let numbers = texts(&app, &query).await;
        let expected: Vec<String> = (1..=start + 100).map(|seq| seq.to_string()).collect();
        assert_eq!(numbers, expected);
        assert_eq!(texts(&app, "select id from invitations where state = 'pending'").await.len(), 75);
        assert_eq!(
            verified(&app, &halden).await,
            Verdict::Whole { rows: i64::try_from(start + 100).expect("few rows") }
        );
    }

    /// AUD-05, ROL-12, U1: a change whose row can't be written does not happen, whichever it is.
    async fn a_change_without_its_row_does_not_happen(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        app.member(&mut owner, "Sus Pended", "sus@halden.example", Role::Member).await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let halden = chain(&app, &owner.org).await;
        let (users, invitations) = (format!("{}/users", owner.org), format!("{}/invitations", owner.org));
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let suspended = app.id_of(&mut owner, "Sus Pended").await;
        owner.post(&format!("{users}/{suspended}/suspension"), &[]).await.leads_to(&users);
        let link = app.invited(&mut owner, "new@halden.example", Role::Member).await;
        let known = app.invited(&mut owner, NOOR, Role::Member).await;
        let pending =
            texts(&app, "select id from invitations where email = 'new@halden.example'").await.remove(0);
        app.clock.advance(HOUR / 2);
        owner.get(&users).await.ok();
        owner.step_up().await;

        block(&app, &halden).await;
        let before = everything(&app).await;
        for (path, fields) in [
            (format!("{users}/{id}/role"), &[("role", "owner")][..]),
            (format!("{users}/{id}/role"), &[("role", "admin")]),
            (format!("{users}/{id}/suspension"), &[]),
            (format!("{users}/{suspended}/reactivation"), &[]),
            (format!("{users}/{id}/sign-out"), &[]),
            (format!("{users}/{id}/removal"), &[]),
            (invitations.clone(), &[("email", "x@halden.example"), ("role", "member")]),
            (format!("{invitations}/{pending}/mail"), &[]),
            (format!("{invitations}/{pending}/link"), &[]),
            (format!("{invitations}/{pending}/revocation"), &[]),
        ] {
            owner.post(&path, fields).await.is(500).says("Nothing was changed");
            let toast = owner.post_fragment(&path, fields).await.is(500);
            assert!(
                toast.body.contains("toast-card") && !toast.body.contains("audit_events"),
                "{}",
                toast.body
            );
        }
        let mut new = app.visitor();
        new.post(&link, &[("name", "New Person"), ("password", OTHER)]).await.is(500);
        assert!(new.session_cookie().is_none());
        noor.post(&known, &[]).await.is(500);
        dana.post("/account/name", &[("name", "Dana Horvat")]).await.is(500);
        dana.post("/account/password", &[("current_password", PASSWORD), ("password", OTHER)]).await.is(500);
        assert_eq!(everything(&app).await, before);
        dana.get(&owner.org).await.ok().says("Dana Kovač");

        // Neither does an account's, where the instance's chain can't be written.
        unblock(&app).await;
        block(&app, "instance").await;
        let before = everything(&app).await;
        new.post(&link, &[("name", "New Person"), ("password", OTHER)]).await.is(500);
        dana.post("/account/name", &[("name", "Dana Horvat")]).await.is(500);
        let mut founder = app.visitor();
        let fields = [
            ("organization", "New Ltd"),
            ("name", "Fo Under"),
            ("email", "fo@under.example"),
            ("password", OTHER),
        ];
        founder.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        let verify = app.mail_to("fo@under.example").await.path("/verify/");
        founder.post(&verify, &[]).await.is(500);
        let mut now = everything(&app).await;
        now.retain(|line| !line.contains("fo@under.example"));
        assert_eq!(now, before);

        // And all of it works once it can be written again.
        unblock(&app).await;
        new.post(&link, &[("name", "New Person"), ("password", OTHER)]).await.leads_to(&owner.org);
        noor.post(&known, &[]).await.leads_to(&owner.org);
        dana.post("/account/name", &[("name", "Dana Horvat")]).await.leads_to("/account");
        founder.post(&verify, &[]).await.leads_to("/o/new-ltd/users");
        owner.post(&format!("{users}/{id}/role"), &[("role", "admin")]).await.leads_to(&users);
        assert!(matches!(verified(&app, &halden).await, Verdict::Whole { .. }));
        assert!(matches!(verified(&app, "instance").await, Verdict::Whole { .. }));
    }

    /// AUD-05, INV-11: nor is an invitation closed as void, or anybody told, without its row.
    async fn a_void_invite_without_its_row_stays(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let link = app.invited(&mut adil, DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Adil Brandt").await;
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await;
        block(&app, &chain(&app, &owner.org).await).await;
        let before = everything(&app).await;
        app.visitor().post(&link, &[("name", "Dana"), ("password", OTHER)]).await.is(500);
        assert_eq!(everything(&app).await, before);
        unblock(&app).await;
        app.visitor().post(&link, &[("name", "Dana"), ("password", OTHER)]).await.is(410).says("void");
        assert_ne!(everything(&app).await, before);
    }
}
