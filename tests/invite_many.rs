//! `/o/{org}/invitations/batches`: a pasted list, what was understood of it, and a result for each line.

use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::access::Role;
use interlock::domain::audit::{Chain, Verdict, verify};
use interlock::domain::{housekeeping, invitations};

use crate::support::database::{count, execute, only, texts};
use crate::support::page::{between, without_request};
use crate::support::{Answer, PASSWORD, TestApp, Visitor, everything, on_both, refuses_bad_forms};

const PASTED: &str = "Dana Kovač <dana@x.example>, \"Brandt, Łukasz\" <lukasz@x.example>; omar@haldenexample\n\
     DANA@x.example\nmailto:noor@x.example\n<amara@halden.example>\nnobody at all";

fn form<'a>(emails: &'a str, role: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("emails", emails), ("role", role)]
}

/// Sends a list, and gives the path of its batch.
async fn send(visitor: &mut Visitor, fields: &[(&str, &str)]) -> String {
    let path = format!("{}/invitations/batches", visitor.org);
    let sent = visitor.post(&path, fields).await.location();
    assert!(sent.starts_with(&format!("{path}/")), "{sent}");
    sent
}

async fn work_off(app: &TestApp) -> usize {
    invitations::work_off(&app.app).await.expect("the batches can be worked off")
}

/// Addresses p0, p1, … of one domain.
fn addresses(number: usize) -> String {
    (0..number).map(|n| format!("p{n}@x.example\n")).collect()
}

/// Each address of a batch's page with its result.
fn results(page: &Answer) -> Vec<(String, String)> {
    let row = |row: &&str| {
        let email = between(row, "<b class=\"fit\">", "</b>")[0].to_owned();
        let result = between(row, "class=\"status\"", "</span>")[0];
        let why = between(row, "muted why\">", "</span>").first().copied().unwrap_or_default();
        let result = result.split('>').nth(1).unwrap_or_default();
        (email, format!("{result} {why}").trim().to_owned())
    };
    between(&page.body, "<tr role=\"row\"><th scope=\"row\"", "</tr>").iter().map(row).collect()
}

async fn whole(app: &TestApp) {
    for id in texts(app, "select id from organizations").await {
        let chain = Chain::Organization(id.parse().expect("it is an id"));
        let verdict = verify(&app.app.db, chain).await.expect("the chain can be read");
        assert!(matches!(verdict, Verdict::Whole { .. }), "{verdict:?}");
    }
}

/// Invitations, their audit rows and their mails: as many of each, and each address once.
async fn is_exact(app: &TestApp, number: usize) {
    let invited = texts(app, "select email_canonical from invitations order by email_canonical").await;
    assert_eq!(invited.len(), number);
    for query in [
        "select distinct email_canonical from invitations order by email_canonical",
        "select recipient from mail_outbox where kind = 'invitation' order by recipient",
        "select target_name from audit_events where kind = 'invitation.sent' order by target_name",
        "select email from invitation_batch_lines where state = 'invited' order by email",
    ] {
        assert_eq!(texts(app, query).await, invited, "{query}");
    }
    let counted =
        texts(app, "select cast(pending as text) from organizations where slug = 'halden-freight'").await;
    assert_eq!(only(counted), number.to_string());
    whole(app).await;
}

on_both! {
    /// I8: one address in the field for many is invited at once, by its name; what is wrong with it stands beside it.
    async fn one_address_is_invited_at_once(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        owner.post(&path, &form(" Dana Kovač <dana@x.example> ", "member")).await.leads_to(&path);
        owner.get(&path).await.ok().says("dana@x.example is invited as a Member").says("Dana Kovač");
        let link = app.mail_to("dana@x.example").await.path("/invite/");
        let join = app.visitor().get(&link).await.ok();
        assert!(join.body.contains("value=\"Dana Kovač\""), "the name is filled in: {}", join.body);

        let before = everything(&app).await;
        for (emails, status, said) in [
            ("", 422, "Enter an email address."),
            (" ,;\n", 422, "Enter an email address."),
            ("omar@haldenexample", 422, "Enter a whole address"),
            ("dana kovac@x.example", 422, "Enter a whole address"),
            ("Dana@X.example", 409, "has a pending invite"),
            ("amara@halden.example", 409, "already in the organization"),
        ] {
            let page = owner.post(&path, &form(emails, "member")).await.is(status).says(said);
            assert!(page.body.contains("aria-invalid=\"true\""), "{emails:?}");
            let dialog = owner.post_fragment(&path, &form(emails, "member")).await.is(422).says(said);
            assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"));
        }
        assert_eq!(everything(&app).await, before);
    }

    /// I8, V4: what was understood of a pasted text is said, with its own sentence for each line that is wrong,
    /// and nothing is sent before it is confirmed.
    async fn a_paste_is_understood_first(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        app.invited(&mut owner, "noor@x.example", Role::Member).await;
        app.member(&mut owner, "Sus Pended", "sus@x.example", Role::Member).await;
        let id = app.id_of(&mut owner, "Sus Pended").await;
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await.is(303);
        let before = everything(&app).await;
        let pasted = format!("{PASTED}\nsus@x.example");
        let mut fields = form(&pasted, "developer");
        fields.extend([("note", "Welcome <b>all</b>"), ("ends", "2026-12-31")]);
        let page = owner.post(&path, &fields).await.ok();
        for said in [
            "2 people will be invited, each as a Developer.",
            "dana@x.example Dana Kovač",
            "lukasz@x.example Łukasz Brandt",
            "omar@haldenexample Enter a whole address, such as ann@example.com.",
            "DANA@x.example DANA@x.example stands here twice. It counts once.",
            "mailto:noor@x.example This address has a pending invite.",
            "This person is already in the organization.",
            "This person is suspended here.",
            "nobody at all Enter a whole address",
            "Lasts until 31 December 2026, 23:59",
            "Welcome <b>all</b>",
            "Send 2 invites",
        ] {
            assert!(page.text().contains(said), "{said:?}: {}", page.text());
        }
        assert!(!page.body.contains("<b>all</b>"));
        let dialog = owner.post_fragment(&path, &fields).await.ok().says("Send 2 invites");
        assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"));
        // Back keeps everything that was typed.
        let back = owner.post(&format!("{path}/new"), &fields).await.ok();
        assert!(back.body.contains("&#60;b&#62;all") || back.body.contains("&lt;b&gt;all"), "{}", back.body);
        assert!(back.body.contains("value=\"2026-12-31\"") && back.body.contains("value=\"developer\" checked"));
        back.says("\"Brandt, Łukasz\" <lukasz@x.example>; omar@haldenexample");
        assert_eq!(everything(&app).await, before);

        // Nobody of them: their sentences, and nothing to send.
        let none = "omar@haldenexample, amara@halden.example";
        for answer in [
            owner.post(&path, &form(none, "member")).await,
            owner.post_fragment(&path, &form(none, "member")).await,
            owner.post(&format!("{path}/batches"), &form(none, "member")).await,
        ] {
            let answer = answer.is(422).says("Nobody of these can be invited").says("Enter a whole address");
            assert!(!answer.text().contains("Send "), "{}", answer.text());
        }
        owner.post(&format!("{path}/batches"), &form(" ", "member")).await.is(422).says("Enter an email address.");
        assert_eq!(everything(&app).await, before);
    }

    /// I8, ROL-12: each line is invited with its audit row, its mail and where the batch came from; the
    /// page says how far it is and gives each result.
    async fn a_batch_is_sent_line_by_line(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let mut fields = form(PASTED, "reviewer");
        fields.extend([("note", "On call."), ("ends", "2026-12-31")]);
        let sent = owner.post(&format!("{path}/batches"), &fields).await;
        let (batch, request) = (sent.location(), sent.header("x-request-id").to_owned());
        let page = owner.get(&batch).await.ok().says("Sending invites").says("4 of 7 done").says("Reload");
        assert!(page.body.contains("hx-trigger=\"load delay:1s\""));
        assert!(page.body.contains("max=\"7\" value=\"4\""), "{}", page.body);
        owner.get(&path).await.ok().says("Sending 4 of 7…").says("Pending invites 0");

        assert_eq!(work_off(&app).await, 3);
        let page = owner.get(&batch).await.ok().says("Invites sent").says("7 of 7 done").says("3 invited, 4 not");
        assert!(!page.body.contains("hx-trigger"), "a batch that is done is not asked for again");
        assert_eq!(results(&page), [
            ("dana@x.example", "Invited"),
            ("lukasz@x.example", "Invited"),
            ("noor@x.example", "Invited"),
            // What nobody can be invited by has its result too, as it was typed.
            ("omar@haldenexample", "Not invited Enter a whole address, such as ann@example.com."),
            ("DANA@x.example", "Not invited DANA@x.example stands here twice. It counts once."),
            ("amara@halden.example", "Not invited This person is already in the organization."),
            ("nobody at all", "Not invited Enter a whole address, such as ann@example.com."),
        ].map(|(email, result)| (email.to_owned(), result.to_owned())));
        owner.get(&path).await.ok().says_not("Sending").says("Pending invites 3").says("Łukasz Brandt")
            .says("Until 31 December 2026");
        is_exact(&app, 3).await;

        let rows = texts(&app, "select request || ' ' || coalesce(address, '') || ' ' || operator_name || changes \
             from audit_events where kind = 'invitation.sent'").await;
        for row in &rows {
            assert!(row.starts_with(&format!("{request} 127.0.0.1 Amara Okafor")), "{row}");
            assert!(row.contains("2027-01-01T00:00:00Z") && row.contains("Reviewer"), "{row}");
        }
        let mail = app.mail_to("dana@x.example").await;
        assert!(mail.text.contains("On call.") && mail.text.contains("31 December 2026, 23:59 (UTC)"), "{}", mail.text);

        let link = mail.path("/invite/");
        app.visitor().get(&link).await.ok().says("Until 31 December 2026, 23:59 (UTC)");
        app.visitor().post(&link, &[("name", "Dana"), ("password", PASSWORD)]).await.leads_to(&owner.org);
        let ends = texts(&app, "select cast(ends_at as text) from memberships where email = 'dana@x.example'").await;
        assert_eq!(only(ends), "1798761600000");
        // A month later the lines are gone, and what came of them is not.
        app.clock.advance(31 * DAY);
        housekeeping::sweep(&app.app).await.expect("old rows can be dropped");
        assert_eq!(count(&app, "invitation_batch_lines").await, 0);
        assert_eq!(count(&app, "invitations").await, 3);
    }

    /// I8, INV-16: two hundred at once, and none beyond; the budgets hold for a batch as for one.
    async fn two_hundred_at_once(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let many = addresses(203);
        owner.post(&path, &form(&many, "member")).await.ok().says("200 people will be invited")
            .says("At most 200 are taken at once. Paste p202@x.example with the next ones.").says("Send 200 invites");
        let batch = send(&mut owner, &form(&many, "member")).await;
        assert_eq!(work_off(&app).await, 200);
        owner.get(&batch).await.ok().says("203 of 203 done").says("200 invited, 3 not");
        is_exact(&app, 200).await;

        // Whom the budget stops has a sentence, and no mail.
        execute(&app, "update throttles set used = 4999 where key like 'invite-organization:%'").await;
        let batch = send(&mut owner, &form("p300@x.example, p301@x.example", "member")).await;
        work_off(&app).await;
        let page = owner.get(&batch).await.ok();
        assert_eq!(results(&page)[0].1, "Invited");
        assert!(results(&page)[1].1.contains("Too many invites have gone out within a day"), "{:?}", results(&page));
        is_exact(&app, 201).await;
    }

    /// R2, I4, S12: the right to give the role is asked at the door and again for each line.
    async fn an_inviter_who_lost_the_right_sends_no_more(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let id = app.id_of(&mut owner, "Adil Brandt").await;
        let path = format!("{}/invitations", owner.org);
        let before = everything(&app).await;
        for path in [path.clone(), format!("{path}/batches")] {
            adil.post(&path, &form("a@x.example, b@x.example", "owner")).await.is(403);
        }
        assert_eq!(everything(&app).await, before);

        for (act, fields, back) in [
            ("role", vec![("role", "member")], "role"),
            ("suspension", vec![], "reactivation"),
        ] {
            execute(&app, "delete from throttles; update invitations set state = 'revoked'").await;
            let batch = send(&mut adil, &form("a@x.example, b@x.example", "admin")).await;
            let (mut reader, sent) = (owner.clone(), count(&app, "invitations").await);
            owner.post(&format!("{}/users/{id}/{act}", owner.org), &fields).await.is(303);
            work_off(&app).await;
            let page = reader.get(&batch).await.ok().says("2 of 2 done").says("0 invited, 2 not");
            for (_, result) in results(&page) {
                assert_eq!(result, "Not invited Whoever sent this may not give this role any more.");
            }
            assert_eq!(count(&app, "invitations").await, sent);
            let fields = if back == "role" { vec![("role", "admin")] } else { vec![] };
            owner.post(&format!("{}/users/{id}/{back}", owner.org), &fields).await.is(303);
        }
        assert_eq!(count(&app, "mail_outbox where recipient like '%@x.example'").await, 0);

        // R12: a closed organization invites nobody.
        let batch = send(&mut adil, &form("a@x.example, b@x.example", "member")).await;
        execute(&app, "update organizations set closed_at = 1795338000000").await;
        work_off(&app).await;
        execute(&app, "update organizations set closed_at = null").await;
        owner.get(&batch).await.ok().says("The organization is closed.").says("0 invited, 2 not");
    }

    /// S12: many Owners ask for one step-up, and what was pasted survives it.
    async fn many_owners_ask_for_a_step_up(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        app.clock.advance(11 * MINUTE);
        let fields = form("Ann <ann@x.example>\nbob@x.example", "owner");
        owner.post(&path, &fields).await.ok().says("Send 2 invites");
        let asked = owner.post(&format!("{path}/batches"), &fields).await.location();
        let kept = asked.strip_prefix("/step-up?form=").expect("it names the form").to_owned();
        let done = owner.post("/step-up", &[("password", PASSWORD), ("form", &kept)]).await.ok();
        assert!(done.body.contains(&format!("action=\"{path}/batches\"")));
        let done = done.says("Invite these people, each as an Owner of Halden Freight?");
        done.says("Email addresses Ann <ann@x.example> bob@x.example");
        send(&mut owner, &fields).await;
        assert_eq!(work_off(&app).await, 2);
        assert_eq!(texts(&app, "select role from invitations").await, ["owner", "owner"]);
    }

    /// R3, I1: an Owner's membership has no end, an end is to come, and a notice is for Auditors.
    async fn terms_that_do_not_go_together(app: TestApp) {
        let mut owner = app.owner().await;
        owner.step_up().await;
        let path = format!("{}/invitations", owner.org);
        let before = everything(&app).await;
        for (role, field, value, said) in [
            ("owner", "ends", "2026-12-31", "An Owner's membership has no end date"),
            ("member", "ends", "2026-11-21", "This day is over"),
            ("member", "ends", "2036-11-21", "within 5 years"),
            ("member", "ends", "31.12.2026", "Enter a day as year-month-day"),
            ("member", "ends", "2026-02-30", "Enter a day as year-month-day"),
            ("member", "notice", "yes", "A separate notice is for Auditors only"),
        ] {
            for (name, value2) in [("email", "a@x.example"), ("emails", "a@x.example"), ("emails", "a@x.example, b@x.example")] {
                let fields = [(name, value2), ("role", role), (field, value)];
                owner.post(&path, &fields).await.is(422).says(said);
                owner.post_fragment(&path, &fields).await.is(422).says(said);
            }
            let fields = [("emails", "a@x.example, b@x.example"), ("role", role), (field, value)];
            owner.post(&format!("{path}/batches"), &fields).await.is(422).says(said);
        }
        assert_eq!(everything(&app).await, before);
        // Today is a day to come: it ends at midnight, where the inviter lives.
        execute(&app, "update users set time_zone = 'Asia/Tokyo'").await;
        owner.post(&path, &[("email", "a@x.example"), ("role", "member"), ("ends", "2026-11-22")]).await.leads_to(&path);
        let ends = "select cast(membership_ends_at as text) || ' ' || cast(expires_at as text) from invitations";
        assert_eq!(only(texts(&app, ends).await), "1795359600000 1795359600000", "the link ends with the membership");
        owner.get(&path).await.ok().says("Until 22 November 2026");
        let id = only(texts(&app, "select id from invitations").await);
        app.clock.advance(7 * HOUR);
        owner.sign_in("amara@halden.example", PASSWORD).await;
        owner.post(&format!("{path}/{id}/mail"), &[]).await.is(409).says("would have ended by now");
    }

    /// TEN-01, R4: a batch is seen by those who manage users here; elsewhere it is not there.
    async fn a_batch_is_its_organizations(app: TestApp) {
        let mut owner = app.owner().await;
        let batch = send(&mut owner, &form("a@x.example, b@x.example", "member")).await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let id = batch.rsplit('/').next().expect("it ends with an id").to_owned();
        let invitations = format!("{}/invitations", noor.org);
        let path = |id: &str| format!("{invitations}/batches/{id}");
        let (theirs, nobodys) = (path(&id), path("01920000-0000-7000-8000-000000000000"));
        for rest in ["", "/rows"] {
            let unknown = without_request(&noor.get(&format!("{nobodys}{rest}")).await.is(404));
            assert_eq!(without_request(&noor.get(&format!("{theirs}{rest}")).await.is(404)), unknown);
            noor.get(&format!("{}{rest}", path("%27"))).await.is(404);
        }
        let mut auditor = app.member(&mut owner, "Au Ditor", "au@x.example", Role::Auditor).await;
        auditor.get(&batch).await.is(403);
        auditor.get_fragment(&format!("{batch}/rows"), "batch").await.is(403);
        owner.get(&format!("{batch}/rows")).await.leads_to(&batch);
    }

    /// INJ-04, RST-06, DOS-02
    async fn bad_forms_are_refused(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let good = [("emails", "a@x.example, b@x.example"), ("note", "Hello")];
        for path in [path.clone(), format!("{path}/new"), format!("{path}/batches")] {
            let before = everything(&app).await;
            owner.post(&path, &[good[0], ("role", "member"), ("state", "accepted")]).await.is(422);
            owner.post(&path, &[good[0], good[0], ("role", "member")]).await.is(400);
            assert_eq!(everything(&app).await, before);
        }
        refuses_bad_forms(&app, &mut owner, "/notice/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &[]).await;
    }

    /// SES-05: a page that asks by itself is no click: the session still ends, and a click prolongs it.
    async fn polls_are_no_clicks(app: TestApp) {
        let mut owner = app.owner().await;
        let batch = send(&mut owner, &form("a@x.example, b@x.example", "member")).await;
        for _ in 0..7 {
            app.clock.advance(HOUR);
            let piece = owner.get_fragment(&format!("{batch}/rows"), "batch").await.ok();
            assert!(piece.body.contains("id=\"batch\"") && !piece.body.contains("<html"));
        }
        let mut clicking = owner.clone();
        app.clock.advance(59 * MINUTE);
        clicking.get(&batch).await.ok();
        app.clock.advance(59 * MINUTE);
        owner.get_fragment(&format!("{batch}/rows"), "batch").await.ok();
        for _ in 0..6 {
            app.clock.advance(HOUR);
            owner.get_fragment(&format!("{batch}/rows"), "batch").await.ok();
        }
        app.clock.advance(2 * HOUR);
        let ended = owner.get_fragment(&format!("{batch}/rows"), "batch").await.is(401);
        assert!(ended.header("hx-redirect").starts_with("/sign-in"), "{ended:?}");
        owner.get(&batch).await.leads_to("/sign-in");
    }

    /// I8, L6: workers of several processes at once: each line once, and the chain whole.
    async fn workers_at_once_do_each_line_once(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        // Three batches of the same people: each is invited by one of them, and told so by the others.
        for _ in 0..3 {
            send(&mut owner, &form(&addresses(40), "member")).await;
        }
        send(&mut noor, &form(&addresses(20), "member")).await;
        let mut processes = vec![app.app.clone(), app.app.clone()];
        if app.app.db.is_shared() {
            let replica = app.replica().await;
            processes.extend([replica.app.clone(), replica.app.clone()]);
        }
        let working: Vec<_> =
            processes.into_iter().map(|app| tokio::spawn(async move { invitations::work_off(&app).await })).collect();
        let mut done = 0;
        for worker in working {
            done += worker.await.expect("a worker does not panic").expect("the database answers");
        }
        assert_eq!(done, 140);
        assert_eq!(count(&app, "invitations").await, 60);
        assert_eq!(count(&app, "mail_outbox where kind = 'invitation'").await, 60);
        assert_eq!(count(&app, "audit_events where kind = 'invitation.sent'").await, 60);
        assert_eq!(count(&app, "invitation_batch_lines where state = 'refused'").await, 80);
        assert_eq!(count(&app, "invitation_batches where finished_at is null").await, 0);
        whole(&app).await;
    }

    /// I8: a line that cannot be written holds up no other batch.
    async fn a_broken_line_stops_no_other(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        send(&mut owner, &form("a@x.example, b@x.example", "member")).await;
        execute(&app, "update invitation_batch_lines set email = 'broken'").await;
        let batch = send(&mut noor, &form("c@x.example, d@x.example", "member")).await;
        assert_eq!(work_off(&app).await, 2);
        noor.get(&batch).await.ok().says("2 invited");
    }

    /// I1: an Auditor may get a second mail without the link; what they confirm is seen and audited, once.
    async fn an_auditor_confirms_the_notice(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let fields = [("email", "sam@x.example"), ("role", "auditor"), ("notice", "yes"), ("ends", "2026-12-31")];
        owner.post(&path, &fields).await.leads_to(&path);
        owner.get(&path).await.ok().says("Notice queued");
        let mails: Vec<_> = app.mails().await.into_iter().filter(|mail| mail.to == "sam@x.example").collect();
        let [invite, notice] = mails.try_into().expect("there are two mails");
        assert_eq!(notice.subject, "Amara Okafor appoints you Auditor of Halden Freight");
        assert!(!notice.text.contains("/invite/") && !notice.html.contains("/invite/"));
        assert!(!invite.text.contains("/notice/"));
        owner.get(&path).await.ok().says("Notice sent");

        let link = notice.path("/notice/");
        let before = everything(&app).await;
        for _ in 0..3 {
            app.visitor().get(&link).await.ok().says("Did you expect this?")
                .says("Amara Okafor appoints sam@x.example Auditor of Halden Freight, until 31 December 2026, 23:59 (UTC)");
        }
        app.visitor().post(&link, &[("role", "owner")]).await.is(422);
        assert_eq!(everything(&app).await, before);
        app.visitor().post(&link, &[]).await.leads_to(&link);
        app.visitor().get(&link).await.ok().says("Confirmed").says("You said on 22 November 2026, 09:00 (UTC)");
        let settled = everything(&app).await;
        app.visitor().post(&link, &[]).await.leads_to(&link);
        assert_eq!(everything(&app).await, settled, "it counts once");
        owner.get(&path).await.ok().says("Notice confirmed just now");
        let rows = "select operator_name || ' ' || target_name from audit_events where kind = 'invitation.notice_confirmed'";
        assert_eq!(texts(&app, rows).await, ["sam@x.example sam@x.example"]);
        // It lets nobody in: the invite is as it was.
        app.visitor().get(&invite.path("/invite/")).await.ok().says("Your name");
        assert!(only(texts(&app, "select notice_hash from invitations").await).len() >= 43);
        whole(&app).await;
    }

    /// I1, I5: a notice to an invite that is gone says so; one that was accepted can still be confirmed.
    async fn a_notice_lapses_with_its_invite(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let emails = "used@x.example, revoked@x.example, expired@x.example";
        send(&mut owner, &[("emails", emails), ("role", "auditor"), ("notice", "yes")]).await;
        assert_eq!(work_off(&app).await, 3);
        let mails = app.mails().await;
        let link = |to: &str, beginning: &str| {
            mails.iter().find(|mail| mail.to == to && mail.text.contains(beginning)).expect("it came").path(beginning)
        };
        let join = [("name", "Sam Whitfield"), ("password", PASSWORD)];
        app.visitor().post(&link("used@x.example", "/invite/"), &join).await.leads_to(&owner.org);
        app.visitor().post(&link("used@x.example", "/notice/"), &[]).await.is(303);
        app.visitor().get(&link("used@x.example", "/notice/")).await.ok().says("Confirmed");

        let id = only(texts(&app, "select id from invitations where email = 'revoked@x.example'").await);
        owner.post(&format!("{path}/{id}/revocation"), &[]).await.is(303);
        app.clock.advance(7 * DAY + 1);
        let before = everything(&app).await;
        for (to, said) in [("revoked@x.example", "was taken back"), ("expired@x.example", "has expired")] {
            let link = link(to, "/notice/");
            app.visitor().get(&link).await.is(410).says("This notice has lapsed").says(said);
            app.visitor().post(&link, &[]).await.is(410);
        }
        assert_eq!(everything(&app).await, before);
    }

    /// INV-14: a notice that nobody was given is not there, and guesses are budgeted.
    async fn unknown_notices_are_not_there(app: TestApp) {
        app.owner().await;
        let before = everything(&app).await;
        let mut guesser = app.visitor();
        let path = "/notice/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for n in 0..60 {
            let answer = if n % 2 == 0 { guesser.get(path).await } else { guesser.post(path, &[]).await };
            answer.is(404);
        }
        guesser.get(path).await.is(429);
        guesser.get("/notice/x").await.is(429);
        assert_eq!(everything(&app).await, before);
    }
}
