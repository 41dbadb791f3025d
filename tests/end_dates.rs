//! `/o/{org}/users/{id}/end-date`, and memberships that end by themselves.

use interlock::clock::{DAY, HOUR};
use interlock::domain::access::Role;
use interlock::domain::audit::{Chain, Verdict, verify};
use interlock::domain::leaving;

use crate::support::database::{count, execute, only, texts};
use crate::support::{PASSWORD, TestApp, Visitor, everything, on_both, refuses_bad_forms};

const DANA: &str = "dana@halden.example";

async fn end_due(app: &TestApp) {
    leaving::end_due(&app.app).await.expect("memberships can be ended");
}

/// Dana, whose membership ends on a day, invited by Adil, who is an Admin.
async fn dana(app: &TestApp, owner: &mut Visitor, last_day: &str) -> Visitor {
    let mut adil = app.member(owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
    let path = format!("{}/invitations", owner.org);
    adil.post(&path, &[("email", DANA), ("role", "member"), ("ends", last_day)]).await.leads_to(&path);
    let link = app.mail_to(DANA).await.path("/invite/");
    let mut dana = app.visitor();
    dana.post(&link, &[("name", "Dana Kovač"), ("password", PASSWORD)]).await.leads_to(&owner.org);
    dana.org = owner.org.clone();
    dana
}

async fn sign_in(visitor: &mut Visitor, email: &str) {
    visitor.sign_in(email, PASSWORD).await.is(303);
}

/// Subjects of the mails to an address about its end.
async fn told(app: &TestApp, to: &str) -> Vec<String> {
    let about_an_end = |subject: &String| subject.contains("membership of");
    app.mails()
        .await
        .into_iter()
        .filter(|mail| mail.to == to)
        .map(|mail| mail.subject)
        .filter(about_an_end)
        .collect()
}

on_both! {
    /// R5: from its end date on a membership opens nothing, whether or not anything has noticed; then it
    /// is removed, audited and counted, and what the person had sent is void.
    async fn a_membership_ends_on_its_day(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = dana(&app, &mut owner, "2026-12-31").await;
        app.clock.advance(39 * DAY + 14 * HOUR);
        sign_in(&mut dana, DANA).await;
        dana.get(&dana.org.clone()).await.ok();
        end_due(&app).await;
        let state = format!("select state from memberships where email = '{DANA}'");
        assert_eq!(only(texts(&app, &state).await), "active");

        app.clock.advance(HOUR);
        dana.get(&dana.org.clone()).await.is(404);
        let before = only(texts(&app, "select cast(people as text) from organizations").await);
        end_due(&app).await;
        end_due(&app).await;
        assert_eq!(only(texts(&app, &state).await), "removed");
        assert_eq!((before.as_str(), only(texts(&app, "select cast(people as text) from organizations").await).as_str()), ("3", "2"));
        let rows = "select operator_name || ' ' || target_name || changes from audit_events where kind = 'member.ended'";
        let row = only(texts(&app, rows).await);
        assert!(row.starts_with("Interlock Dana Kovač") && row.contains(r#""new":"removed""#), "{row}");
        sign_in(&mut owner, "amara@halden.example").await;
        owner.get(&format!("{}/users?status=removed", owner.org)).await.ok().says("Dana Kovač");
        owner.get(&format!("{}/audit", owner.org)).await.ok().says("Membership ended");
        // Only a new invitation brings them back, with nothing of the old end.
        let link = app.invited(&mut owner, DANA, Role::Member).await;
        sign_in(&mut dana, DANA).await;
        dana.post(&link, &[]).await.leads_to(&owner.org);
        assert_eq!(count(&app, &format!("memberships where email = '{DANA}' and ends_at is null and end_notice = 0")).await, 1);
        for id in texts(&app, "select id from organizations").await {
            let chain = Chain::Organization(id.parse().expect("it is an id"));
            assert!(matches!(verify(&app.app.db, chain).await, Ok(Verdict::Whole { .. })));
        }
    }

    /// I1: a mail a week and a day before, once each, to the person and to whoever invited them, in their own time.
    async fn an_end_is_told_before(app: TestApp) {
        let mut owner = app.owner().await;
        dana(&app, &mut owner, "2026-12-31").await;
        execute(&app, &format!("update users set time_zone = 'Europe/Berlin' where email = '{DANA}'")).await;
        app.clock.advance(32 * DAY);
        end_due(&app).await;
        assert_eq!(told(&app, DANA).await, [""; 0]);
        app.clock.advance(DAY);
        for _ in 0..3 {
            end_due(&app).await;
        }
        let said = "Your membership of Halden Freight ends on 1 January 2027";
        assert_eq!(told(&app, DANA).await, [said]);
        let mail = app.mail_to(DANA).await;
        assert!(mail.text.contains("until 1 January 2027, 00:59 (Europe/Berlin)"), "{}", mail.text);
        assert_eq!(told(&app, "adil@halden.example").await, ["Dana Kovač’s membership of Halden Freight ends on 31 December 2026"]);
        let link = app.mail_to("adil@halden.example").await.path("/o/");
        app.clock.advance(6 * DAY);
        for _ in 0..3 {
            end_due(&app).await;
        }
        assert_eq!(told(&app, DANA).await, [said; 2]);
        assert_eq!(told(&app, "adil@halden.example").await.len(), 2);
        // The mail's link leads to where the date is changed.
        sign_in(&mut owner, "amara@halden.example").await;
        owner.get(&link).await.ok().says("End date of Dana Kovač");
    }

    /// I1: whoever comes within the last week knows it from their invitation; an inviter who manages
    /// users no more hears nothing; a suspended person hears nothing.
    async fn not_everybody_is_told(app: TestApp) {
        let mut owner = app.owner().await;
        dana(&app, &mut owner, "2026-11-27").await;
        end_due(&app).await;
        assert_eq!(told(&app, DANA).await, [""; 0]);
        app.clock.advance(5 * DAY);
        sign_in(&mut owner, "amara@halden.example").await;
        let adil = app.id_of(&mut owner, "Adil Brandt").await;
        owner.post(&format!("{}/users/{adil}/role", owner.org), &[("role", "member")]).await.is(303);
        end_due(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 1);
        assert_eq!(told(&app, "adil@halden.example").await, [""; 0]);

        let id = app.id_of(&mut owner, "Adil Brandt").await;
        owner.post(&format!("{}/users/{id}/end-date", owner.org), &[("ends", "2026-12-31")]).await.is(303);
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await.is(303);
        app.clock.advance(34 * DAY);
        end_due(&app).await;
        assert_eq!(told(&app, "adil@halden.example").await, ["Your membership of Halden Freight now ends on 31 December 2026"]);
        // Suspended or not, it ends.
        app.clock.advance(DAY);
        end_due(&app).await;
        assert_eq!(count(&app, "memberships where state = 'removed'").await, 2);
    }

    /// R5, U1: setting, moving and clearing the date, from old to new, with a mail each time; told anew before the new one.
    async fn an_end_date_is_changed(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let path = format!("{users}/{id}/end-date");
        owner.get(&path).await.ok().says("End date of Dana Kovač").says("Last day");
        let dialog = owner.get_fragment(&path, "dialog-slot").await.ok();
        assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"));

        owner.post(&path, &[("ends", "2026-12-31")]).await.leads_to(&users);
        owner.get(&users).await.ok().says("Dana Kovač’s membership lasts until 31 December 2026, 23:59").says("Ends in 40 days");
        assert!(owner.get(&path).await.ok().body.contains("value=\"2026-12-31\""));
        let settled = everything(&app).await;
        owner.post(&path, &[("ends", "2026-12-31")]).await.leads_to(&users);
        assert_eq!(everything(&app).await, settled, "the same day changes nothing");

        app.clock.advance(34 * DAY);
        end_due(&app).await;
        sign_in(&mut owner, "amara@halden.example").await;
        let row = owner.post_fragment(&path, &[("ends", "2027-01-31")]).await.ok();
        assert_eq!(row.header("hx-trigger"), "close-dialog");
        row.says("lasts until 31 January 2027, 23:59").says("They get a mail that says so.");
        app.clock.advance(31 * DAY);
        end_due(&app).await;
        sign_in(&mut owner, "amara@halden.example").await;
        owner.post(&path, &[("ends", "")]).await.leads_to(&users);
        owner.get(&users).await.ok().says("Dana Kovač’s membership has no end date");
        assert_eq!(told(&app, DANA).await, [
            "Your membership of Halden Freight now ends on 31 December 2026",
            "Your membership of Halden Freight ends on 31 December 2026",
            "Your membership of Halden Freight now ends on 31 January 2027",
            "Your membership of Halden Freight ends on 31 January 2027",
            "Your membership of Halden Freight has no end date any more",
        ]);
        let rows = "select changes from audit_events where kind = 'member.end_date_changed' order by seq";
        let old_new = |old: &str, new: &str| format!(r#"{{"end date":{{"new":{new},"old":{old}}}}}"#);
        let (year, february) = (r#""2027-01-01T00:00:00Z""#, r#""2027-02-01T00:00:00Z""#);
        assert_eq!(texts(&app, rows).await, [old_new("null", year), old_new(year, february), old_new(february, "null")]);
        app.clock.advance(60 * DAY);
        end_due(&app).await;
        assert_eq!(count(&app, "memberships where state = 'active'").await, 2);
    }

    /// R2, R3, R8: whose date nobody may set, what is no date, and who is not there.
    async fn end_dates_that_are_refused(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        let users = format!("{}/users", owner.org);
        let path = |id: &str| format!("{users}/{id}/end-date");
        let dana = path(&app.id_of(&mut owner, "Dana Kovač").await);
        let sefa = path(&app.id_of(&mut owner, "Sefa Olsen").await);
        let own = path(&app.id_of(&mut owner, "Adil Brandt").await);
        let before = everything(&app).await;
        for (ends, said) in [
            ("2026-11-21", "This day is over"),
            ("2040-01-01", "within 5 years"),
            ("tomorrow", "Enter a day as year-month-day"),
        ] {
            let page = owner.post(&dana, &[("ends", ends)]).await.is(422).says(said);
            assert!(page.body.contains(&format!("value=\"{ends}\"")), "what was typed stays");
            let dialog = owner.post_fragment(&dana, &[("ends", ends)]).await.is(422).says(said);
            assert_eq!(dialog.header("hx-retarget"), "#dialog-slot");
        }
        owner.post(&sefa, &[("ends", "2026-12-31")]).await.is(422).says("An Owner's membership has no end date");
        // An Admin moves no Owner's date, and nobody their own.
        adil.post(&sefa, &[("ends", "2026-12-31")]).await.is(403);
        adil.get(&sefa).await.is(403);
        for ends in ["", "2026-12-31"] {
            adil.post(&own, &[("ends", ends)]).await.is(409).says("You can't do this to yourself");
        }
        owner.post(&path("01920000-0000-7000-8000-000000000000"), &[("ends", "")]).await.is(404);
        assert_eq!(everything(&app).await, before);
        refuses_bad_forms(&app, &mut owner, &dana, &[("ends", "2026-11-21")]).await;
        // The menu of a row has the date among its acts, but for an Owner. One's own row has none.
        for (path, entries) in [(&dana, 1), (&own, 1), (&sefa, 0)] {
            let menu = owner.get(&path.replace("/end-date", "/menu")).await.ok();
            assert_eq!(menu.body.matches("/end-date\" hx-get").count(), entries, "{path}");
        }
        adil.get(&own.replace("/end-date", "/menu")).await.is(404);

        // What has ended does not come back by another date.
        owner.post(&dana, &[("ends", "2026-11-22")]).await.is(303);
        app.clock.advance(DAY);
        sign_in(&mut owner, "amara@halden.example").await;
        owner.post(&dana, &[("ends", "2026-12-31")]).await.is(404);
        end_due(&app).await;
        owner.post(&dana, &[("ends", "")]).await.is(404);
        owner.get(&dana).await.is(404);
    }

    /// R3: making someone an Owner clears their end date, and nothing ends it then.
    async fn an_owner_does_not_end(app: TestApp) {
        let mut owner = app.owner().await;
        dana(&app, &mut owner, "2026-11-25").await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.step_up().await;
        owner.post(&format!("{}/users/{id}/role", owner.org), &[("role", "owner")]).await.is(303);
        app.clock.advance(10 * DAY);
        end_due(&app).await;
        assert_eq!(count(&app, "memberships where role = 'owner' and state = 'active' and ends_at is null").await, 2);
        assert_eq!(told(&app, DANA).await, [""; 0]);
    }

    /// I1, R5: workers of several processes at once end and tell each once.
    async fn workers_at_once_end_each_once(app: TestApp) {
        let mut owner = app.owner().await;
        dana(&app, &mut owner, "2026-12-31").await;
        let replica = if app.app.db.is_shared() { Some(app.replica().await) } else { None };
        for days in [34, 5, 1] {
            app.clock.advance(days * DAY);
            let working: Vec<_> = (0..6)
                .map(|n| {
                    let app = replica.as_ref().filter(|_| n % 2 == 1).unwrap_or(&app).app.clone();
                    tokio::spawn(async move { leaving::end_due(&app).await })
                })
                .collect();
            for worker in working {
                worker.await.expect("a worker does not panic").expect("the database answers");
            }
        }
        assert_eq!(told(&app, DANA).await.len(), 2);
        assert_eq!(count(&app, "audit_events where kind = 'member.ended'").await, 1);
        assert_eq!(only(texts(&app, "select cast(people as text) from organizations").await), "2");
    }
}
