//! `/o/{org}/users/{id}`: a member's own page.

use interlock::clock::{DAY, HOUR};
use interlock::domain::access::Role;

use crate::support::database::execute;
use crate::support::page::{link, without_request};
use crate::support::{PASSWORD, TestApp, Visitor, everything, on_both};

const DANA: &str = "dana@halden.example";
const NOOR: &str = "noor@quill.example";

async fn page_of(app: &TestApp, reader: &mut Visitor, name: &str) -> String {
    let id = app.id_of(reader, name).await;
    format!("{}/users/{id}", reader.org)
}

on_both! {
    /// R1, R8: what someone is, since when, and by whom, with the way there from the list.
    async fn a_page_says_what_someone_is_and_since_when(app: TestApp) {
        let mut owner = app.owner().await;
        let mut sefa = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Admin).await;
        app.member(&mut sefa, "Dana Kovač", DANA, Role::Member).await;
        let page = page_of(&app, &mut owner, "Dana Kovač").await;
        let list = owner.get(&format!("{}/users", owner.org)).await.ok();
        assert!(list.body.contains(&format!("<a class=\"title\" href=\"{page}\"><b>Dana Kovač")), "{}", list.body);
        let first = owner.get(&page).await.ok().says("Dana Kovač").says(DANA).says("Member");
        let first = first.says("Since just now , by Sefa Olsen").says("Invited by Sefa Olsen").says("Membership ends Never");
        assert!(link(&first, "Sefa Olsen").is_some_and(|to| to.starts_with(&format!("{}/users/", owner.org))));

        app.clock.advance(2 * HOUR);
        owner.post(&format!("{page}/role"), &[("role", "reviewer")]).await.is(303);
        owner.post(&format!("{page}/suspension"), &[]).await.is(303);
        app.clock.advance(3 * HOUR);
        let now = owner.get(&page).await.ok().says("Since 3 hours ago , by Amara Okafor");
        let now = now.says("Suspended Since 3 hours ago , by Amara Okafor").says("Joined 5 hours ago");
        now.says("None: they can't open Halden Freight").says("Reactivate");
        owner.post(&format!("{page}/reactivation"), &[]).await.is(303);
        owner.get(&page).await.ok().says("Active Since just now , by Amara Okafor");

        // Nobody gave it to who made the organization.
        let own = page_of(&app, &mut owner, "Amara Okafor").await;
        let own = owner.get(&own).await.ok().says("(you)").says("Invited by Nobody").says("Joined 5 hours ago");
        assert!(!own.text().contains(", by"), "{}", own.text());
        assert!(link(&own, "Remove").is_none() && link(&own, "Sign out everywhere").is_none());
    }

    /// R8: who has left has a page for their history, and nothing can be done to them on it.
    async fn who_has_left_has_a_page(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let page = page_of(&app, &mut owner, "Dana Kovač").await;
        owner.post(&format!("{page}/removal"), &[]).await.is(303);
        app.clock.advance(2 * HOUR);
        let gone = owner.get(&page).await.ok().says("Removed Since 2 hours ago , by Amara Okafor");
        let gone = gone.says("Accepted invite").says("Removed");
        assert!(link(&gone, "Remove").is_none() && !gone.body.contains("name=\"role\""), "{}", gone.body);
        // Where nobody of the organization did it: the person, their end date, the sysadmin.
        for (change, said) in [
            ("state_by = null", "Removed Since 2 hours ago , by themselves"),
            ("state_by = null, ends_at = state_since", "Removed Since 2 hours ago , by Interlock, on their end date"),
            ("state = 'suspended', state_by = null", "Suspended Since 2 hours ago , by the sysadmin"),
            ("state = 'suspended', role_by = null, role_since = state_since", "Since 2 hours ago , by the sysadmin"),
        ] {
            execute(&app, &format!("update memberships set {change} where email = '{DANA}'")).await;
            owner.get(&page).await.ok().says(said);
        }
    }

    /// R10, S9, TEN-05: the sessions are those that open this organization, and of their use elsewhere nothing shows.
    async fn only_sessions_that_open_the_organization_are_shown(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let quill = noor.org.clone();
        let link = app.invited(&mut owner, NOOR, Role::Admin).await;
        noor.post(&link, &[]).await.leads_to(&owner.org);
        noor.get(&format!("{}/users", owner.org)).await.ok();
        let page = page_of(&app, &mut owner, "Noor Haddad").await;
        let shown = owner.get(&page).await.ok();
        shown.says("Firefox on Linux 127.0.0.1, signed in just now , last seen here just now").says_not("Quill");

        // Busy elsewhere for an hour: here it was seen an hour ago.
        let mut phone = app.visitor();
        phone.address = [203, 0, 113, 20].into();
        phone.sign_in(NOOR, PASSWORD).await.leads_to("/");
        app.clock.advance(HOUR);
        noor.get(&format!("{quill}/users")).await.ok();
        phone.get(&format!("{quill}/users")).await.ok();
        let shown = owner.get(&page).await.ok().says("last seen here 1 hour ago");
        shown.says("203.0.113.20, signed in 1 hour ago , not used here yet");

        // Eight hours without a click in here, though busy elsewhere: it opens this organization no more.
        for _ in 0..7 {
            app.clock.advance(HOUR);
            noor.get(&format!("{quill}/users")).await.ok();
        }
        owner.sign_in("amara@halden.example", PASSWORD).await.leads_to("/");
        owner.get(&page).await.ok().says("None is open now.").says_not("203.0.113.20");
        noor.get(&format!("{}/users", owner.org)).await.leads_to(&format!("{}/sign-in", owner.org));
        noor.get(&format!("{quill}/users")).await.ok();

        // A new proof opens it; signed out everywhere, older ones don't.
        noor.post(&format!("{}/sign-in", owner.org), &[("password", PASSWORD)]).await.is(303);
        owner.get(&page).await.ok().says("signed in just now").says_not("None is open");
        owner.get(&format!("{page}/sign-out")).await.ok().says("in 1 open session");
        owner.post(&format!("{page}/sign-out"), &[]).await.is(303);
        owner.get(&page).await.ok().says("None is open now.");
        noor.get(&format!("{quill}/users")).await.ok();
    }

    /// I7, I4: what they have sent: pending, expired and void ones, and those that were accepted.
    async fn what_someone_has_sent_is_shown(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let page = page_of(&app, &mut owner, "Adil Brandt").await;
        owner.get(&page).await.ok().says("They have invited nobody.");
        app.member(&mut adil, "Dana Kovač", DANA, Role::Developer).await;
        app.invited(&mut adil, "late@halden.example", Role::Member).await;
        app.invited(&mut owner, "other@halden.example", Role::Member).await;
        owner.get(&format!("{}/users", owner.org)).await.ok();
        let shown = owner.get(&page).await.ok().says("dana@halden.example Accepted just now Developer Accepted");
        let shown = shown.says("late@halden.example Ends in 7 days Member Pending").says_not("other@halden.example");
        assert!(link(&shown, DANA).is_some_and(|to| to.starts_with(&format!("{}/users/", owner.org))));
        owner.post(&format!("{page}/suspension"), &[]).await.is(303);
        owner.get(&page).await.ok().says("late@halden.example Ends in 7 days Member Void");
        app.clock.advance(8 * DAY);
        owner.sign_in("amara@halden.example", PASSWORD).await.leads_to("/");
        owner.get(&page).await.ok().says("late@halden.example Ended 29 November Member Expired");
    }

    /// U1: their last rows, as operator or as target, and the way to all of them.
    async fn their_last_rows_are_shown(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let dana = app.member(&mut adil, "Dana Kovač", DANA, Role::Developer).await;
        assert!(dana.session_cookie().is_some());
        let page = page_of(&app, &mut owner, "Adil Brandt").await;
        owner.post(&format!("{page}/role"), &[("role", "owner")]).await.leads_to("/step-up");
        let shown = owner.get(&page).await.ok();
        let shown = shown.says("Sent invite Adil Brandt → dana@halden.example").says("Times in UTC");
        let shown = shown.says("Accepted invite Adil Brandt").says("2026-11-22 09:00:0");
        // What Dana did herself is not Adil's.
        let records = shown.text().split("The last changes").nth(1).map(str::to_owned).expect("the panel is there");
        assert!(!records.contains("Dana"), "{records}");
        let all = link(&shown, "See all in the audit log").expect("there is a way");
        assert!(all.starts_with(&format!("{}/audit?person=", owner.org)), "{all}");
        owner.get(&all).await.ok().says("Sent invite");

        // Twenty at most, the newest first.
        for role in ["reviewer", "developer"].repeat(12) {
            owner.post(&format!("{page}/role"), &[("role", role)]).await.is(303);
        }
        let shown = owner.get(&page).await.ok().says("role: Reviewer → Developer");
        let records = shown.body.split("id=\"records\"").nth(1).expect("the panel is there");
        assert_eq!(records.matches("<li>").count(), 20);
    }

    /// V2: what is done on the page leads back to it, by htmx and without.
    async fn acts_on_the_page_lead_back_to_it(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let page = page_of(&app, &mut owner, "Dana Kovač").await;
        let shown = owner.get(&page).await.ok();
        assert!(shown.body.contains(&format!("action=\"{page}/role?from=person\"")));
        owner.post(&format!("{page}/role?from=person"), &[("role", "developer")]).await.leads_to(&page);
        owner.get(&page).await.ok().says("Dana Kovač is now a Developer");
        for (noun, said) in [("suspension", "Dana Kovač is suspended"), ("sign-out", "Dana Kovač is signed out of")] {
            let act = format!("{page}/{noun}?from=person");
            let asked = owner.get(&act).await.ok();
            assert!(asked.body.contains(&format!("action=\"{act}\"")) && asked.body.contains(&format!("href=\"{page}\"")));
            let dialog = owner.get_fragment(&act, "dialog-slot").await.ok();
            assert!(dialog.body.contains(&format!("hx-post=\"{act}\" hx-target=\"this\"")), "{}", dialog.body);
            let done = owner.post_fragment(&act, &[]).await.ok();
            assert_eq!(done.header("hx-redirect"), page);
            owner.get(&page).await.ok().says(said);
        }
        owner.post(&format!("{page}/reactivation?from=person"), &[]).await.leads_to(&page);
        // A step-up comes back to the page as well.
        app.clock.advance(HOUR);
        let ask = owner.post(&format!("{page}/role?from=person"), &[("role", "owner")]).await.leads_to("/step-up");
        let form = ask.location().split_once('=').expect("it has a form").1.to_owned();
        let done = owner.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.ok();
        assert!(done.body.contains(&format!("action=\"{page}/role?from=person\"")), "{}", done.body);
        owner.post(&format!("{page}/role?from=elsewhere"), &[("role", "member")]).await.leads_to(&format!(
            "{}/users",
            owner.org
        ));
    }

    /// TEN-01, R2, R5: ids of other organizations are not there; whoever may not read users gets no page, and
    /// an Admin is offered nothing that they may not do.
    async fn a_page_is_for_those_who_may_read_it(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let mut sam = app.member(&mut owner, "Sam Whitfield", "sam@audit.example", Role::Auditor).await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let theirs = app.id_of(&mut noor, "Noor Haddad").await;
        let users = format!("{}/users", owner.org);
        let before = everything(&app).await;
        let unknown = owner.get(&format!("{users}/01920000-0000-7000-8000-000000000000")).await.is(404);
        for id in [theirs.as_str(), "x", "%27"] {
            let foreign = owner.get(&format!("{users}/{id}")).await.is(404);
            assert_eq!(without_request(&foreign), without_request(&unknown));
        }
        let amara = page_of(&app, &mut owner, "Amara Okafor").await;
        sam.get(&amara).await.is(403).says_not("Amara");
        noor.get(&amara).await.is(404);
        let seen = adil.get(&amara).await.ok().says("Amara Okafor");
        assert!(!seen.body.contains("name=\"role\"") && link(&seen, "Remove").is_none(), "{}", seen.body);
        assert_eq!(everything(&app).await, before);
        // A right that is gone is gone on the next request.
        let own = page_of(&app, &mut owner, "Adil Brandt").await;
        owner.post(&format!("{own}/role"), &[("role", "member")]).await.is(303);
        adil.get(&amara).await.is(403);
    }

    /// INJ-01: names and devices are text.
    async fn what_people_call_themselves_is_text(app: TestApp) {
        let mut owner = app.owner().await;
        let mut eve = app.member(&mut owner, "<b>Eve</b> & \"co\"", "eve@halden.example", Role::Member).await;
        let mut odd = app.visitor();
        odd.headers = vec![("user-agent".to_owned(), "<script>alert(1)</script>".to_owned())];
        odd.sign_in("eve@halden.example", PASSWORD).await.leads_to("/");
        eve.get(&owner.org).await.ok();
        execute(&app, "update sessions set address = '<i>1</i>'").await;
        let id = database_id(&app, "eve@halden.example").await;
        let page = owner.get(&format!("{}/users/{id}", owner.org)).await.ok().says("<b>Eve</b> & \"co\"");
        for mark in ["<b>Eve", "<script>alert", "<i>1"] {
            assert!(!page.body.contains(mark), "{}", page.body);
        }
    }
}

async fn database_id(app: &TestApp, email: &str) -> String {
    crate::support::database::texts(app, &format!("select id from users where email = '{email}'"))
        .await
        .remove(0)
}
