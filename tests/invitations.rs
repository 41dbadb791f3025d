//! `/o/{org}/invitations`: inviting, and what is pending.

use interlock::clock::{DAY, MINUTE};
use interlock::domain::access::Role;

use crate::support::database::{execute, texts};
use crate::support::page::{between, link, without_request};
use crate::support::{Answer, TestApp, Visitor, everything, on_both};

const DANA: &str = "dana@halden.example";
const WORDS: &str = "nine green bottles hang";

fn fields<'a>(email: &'a str, role: &'a str, note: &'a str) -> [(&'a str, &'a str); 3] {
    [("email", email), ("role", role), ("note", note)]
}

async fn invite(visitor: &mut Visitor, email: &str, role: &str) -> Answer {
    let path = format!("{}/invitations", visitor.org);
    visitor.post(&path, &fields(email, role, "")).await
}

/// The id of the newest invitation to an address.
async fn id_of(app: &TestApp, email: &str) -> String {
    let query = format!("select id from invitations where email = '{email}' order by id desc");
    texts(app, &query).await.into_iter().next().unwrap_or_else(|| panic!("{email} was not invited"))
}

/// The text of an invitation's row on the page.
fn row<'a>(page: &'a Answer, id: &str) -> &'a str {
    between(&page.body, &format!("id=\"invitation-{id}\""), "</tr>")[0]
}

on_both! {
    /// R2, INV-10: one invites to roles within one's own; whoever may not manage users invites nobody.
    async fn an_inviter_grants_what_is_within_their_own_role(app: TestApp) {
        let mut owner = app.owner().await;
        owner.step_up().await;
        for (number, role) in Role::ALL.into_iter().enumerate() {
            let path = format!("{}/invitations", owner.org);
            invite(&mut owner, &format!("o{number}@halden.example"), role.code()).await.leads_to(&path);
        }
        for role in Role::ALL {
            if role == Role::Owner {
                continue;
            }
            let email = format!("{}@halden.example", role.code());
            let mut inviter = app.member(&mut owner, role.name(), &email, role).await;
            inviter.step_up().await;
            let path = format!("{}/invitations", owner.org);
            let before = everything(&app).await;
            if role == Role::Admin {
                invite(&mut inviter, "x@halden.example", "owner").await.is(403);
                assert_eq!(everything(&app).await, before);
                let form = inviter.get(&format!("{path}/new")).await.ok();
                assert!(!form.body.contains("value=\"owner\"") && form.body.contains("value=\"admin\""));
                for (number, within) in Role::ALL.into_iter().enumerate().skip(1) {
                    let email = format!("a{number}@halden.example");
                    invite(&mut inviter, &email, within.code()).await.leads_to(&path);
                }
                continue;
            }
            for asked in Role::ALL {
                invite(&mut inviter, "x@halden.example", asked.code()).await.is(403);
            }
            inviter.get(&path).await.is(403);
            inviter.get(&format!("{path}/new")).await.is(403);
            let pending = id_of(&app, "o3@halden.example").await;
            for rest in ["mail", "link", "revocation"] {
                inviter.post(&format!("{path}/{pending}/{rest}"), &[]).await.is(403);
            }
            inviter.get(&format!("{path}/{pending}/revocation")).await.is(403);
            assert_eq!(everything(&app).await, before, "{role}");
        }
    }

    /// R2: an Admin does not handle an Owner's invitation either.
    async fn an_admin_leaves_an_owners_invite_alone(app: TestApp) {
        let mut owner = app.owner().await;
        owner.step_up().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        invite(&mut owner, "second@halden.example", "owner").await;
        let id = id_of(&app, "second@halden.example").await;
        let before = everything(&app).await;
        for rest in ["mail", "link", "revocation"] {
            adil.post(&format!("{}/invitations/{id}/{rest}", adil.org), &[]).await.is(403);
        }
        assert_eq!(everything(&app).await, before);
    }

    /// R2, S12: inviting an Owner asks for a proof of the last ten minutes, and what was typed survives it.
    async fn inviting_an_owner_needs_a_step_up(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        app.clock.advance(11 * MINUTE);
        let before = everything(&app).await;
        let typed = fields("second@halden.example", "owner", "Welcome <b>you</b>");
        let asked = owner.post(&path, &typed).await.location();
        assert!(asked.starts_with("/step-up?form="), "{asked}");
        assert_eq!(everything(&app).await, before);
        let by_htmx = owner.post_fragment(&path, &typed).await.ok();
        assert!(by_htmx.header("hx-redirect").starts_with("/step-up?form="));

        let form = asked.strip_prefix("/step-up?form=").expect("it names the form").to_owned();
        owner.get(&asked).await.ok().says("Password");
        owner.post("/step-up", &[("password", "a wrong password, sadly"), ("form", &form)]).await.is(422);
        assert_eq!(everything(&app).await, before);
        let confirmed =
            owner.post("/step-up", &[("password", "seven plain wet stones"), ("form", &form)]).await.ok();
        assert!(confirmed.body.contains(&format!("action=\"{path}\"")));
        let confirmed = confirmed.says("Invite second@halden.example as an Owner of Halden Freight?");
        let confirmed = confirmed.says("Welcome <b>you</b>");
        assert!(!confirmed.body.contains("<b>you</b>"));
        owner.post(&path, &typed).await.leads_to(&path);
        assert_eq!(texts(&app, "select role from invitations").await, ["owner"]);

        // A new link for an Owner is as much as a new invitation.
        app.clock.advance(11 * MINUTE);
        let id = id_of(&app, "second@halden.example").await;
        let before = everything(&app).await;
        for rest in ["mail", "link"] {
            owner.post(&format!("{path}/{id}/{rest}"), &[]).await.leads_to("/step-up");
        }
        assert_eq!(everything(&app).await, before);
    }

    /// INV-09: whoever is here already is not invited, whatever the role; nothing is mailed.
    async fn a_member_is_not_invited_again(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let before = everything(&app).await;
        invite(&mut owner, DANA, "admin").await.is(409).says("This person is already in the organization");
        invite(&mut owner, "DANA@Halden.Example", "member").await.is(409);
        invite(&mut owner, "amara@halden.example", "admin").await.is(409);
        let path = format!("{}/invitations", owner.org);
        let dialog = owner.post_fragment(&path, &fields(DANA, "admin", "")).await.is(422);
        assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"));
        dialog.says("This person is already in the organization");
        assert_eq!(everything(&app).await, before);

        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await;
        let before = everything(&app).await;
        invite(&mut owner, DANA, "member").await.is(409).says("suspended here");
        assert_eq!(everything(&app).await, before);
    }

    /// I3, I7: one invitation is pending for an address; once it has expired another may be sent.
    async fn a_pending_address_is_not_invited_again(app: TestApp) {
        let mut owner = app.owner().await;
        let old = app.invited(&mut owner, DANA, Role::Member).await;
        let before = everything(&app).await;
        invite(&mut owner, "Dana@HALDEN.example", "developer").await.is(409).says("has a pending invite");
        assert_eq!(everything(&app).await, before);
        app.clock.advance(7 * DAY);
        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        let new = app.invited(&mut owner, DANA, Role::Developer).await;
        assert_eq!(texts(&app, "select state from invitations order by id").await, ["expired", "pending"]);
        app.visitor().post(&old, &[("name", "Dana"), ("password", WORDS)]).await.is(410).says("has expired");
        app.visitor().get(&new).await.ok().says("Developer");
    }

    /// I1, INJ-01: the note is plain text of 500 characters.
    async fn a_note_is_plain_text(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let before = everything(&app).await;
        let long = "ж".repeat(501);
        owner
            .post(&path, &fields(DANA, "member", &long))
            .await
            .is(422)
            .says("at most 500 characters")
            .says(&long);
        for bad in ["a\u{202E}b", "a\u{200B}b", "a\0b", "a\u{7}b"] {
            owner.post(&path, &fields(DANA, "member", bad)).await.is(422).says("can't be shown");
        }
        assert_eq!(everything(&app).await, before);

        let note = "Hi!\r\n<script>alert(1)</script> & \"welcome\"";
        owner.post(&path, &fields(DANA, "member", note)).await.leads_to(&path);
        let mail = app.mail_to(DANA).await;
        assert!(mail.text.contains("<script>alert(1)</script> & \"welcome\""), "{}", mail.text);
        assert!(!mail.html.contains("<script>"), "{}", mail.html);
        let page = app.visitor().get(&mail.path("/invite/")).await.ok().says("<script>alert(1)</script>");
        assert!(!page.body.contains("<script>alert"));
        let list = owner.get(&path).await.ok().says("<script>alert(1)</script>");
        assert!(!list.body.contains("<script>alert"));

        owner.post(&path, &fields("x@halden.example", "member", &"ж".repeat(500))).await.leads_to(&path);
    }

    /// INJ-02, INJ-04, RST-06: what is no address, no role or no field of the form is refused.
    async fn what_is_not_a_form_is_refused(app: TestApp) {
        let mut owner = app.owner().await;
        owner.step_up().await;
        let path = format!("{}/invitations", owner.org);
        let before = everything(&app).await;
        for email in [
            "",
            "dana",
            "a@b@c.example",
            "a@x.example,b@x.example",
            "a@x.example\r\nBcc: b@x.example",
            "ä@x.example",
        ] {
            let page = owner.post(&path, &fields(email, "member", "")).await.is(422);
            assert!(page.body.contains("aria-invalid=\"true\""), "{email:?}");
        }
        for role in ["", " OWNER", "Owner", "root", "[\"owner\"]", "null", "owner,admin"] {
            owner.post(&path, &fields(DANA, role, "")).await.is(422);
        }
        for extra in ["id", "organization", "inviter", "state", "expires_at", "org_id", "is_admin", "teams[]"]
        {
            let [email, role, note] = fields(DANA, "member", "");
            owner.post(&path, &[email, role, note, (extra, "1")]).await.is(422);
        }
        owner.post(&path, &[("email", DANA), ("email", "x@y.example"), ("role", "member")]).await.is(400);
        assert_eq!(everything(&app).await, before);
        assert_eq!(app.count_mails_to(DANA).await, 0);
    }

    /// I7: pending ones show who, role, sender, sent, expires and how their mail is doing.
    async fn the_list_shows_what_is_pending(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        owner.get(&path).await.ok().says("No invite is pending").says("Invite people");
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        adil.post(&path, &fields(DANA, "reviewer", "On call")).await.leads_to(&path);
        let id = id_of(&app, DANA).await;

        let page = owner.get(&path).await.ok();
        assert!(row(&page, &id).contains("Queued"), "{}", row(&page, &id));
        for text in [DANA, "Reviewer", "Adil Brandt", "On call", "Just now", "In 7 days"] {
            assert!(row(&page, &id).contains(text), "{text}: {}", row(&page, &id));
        }
        app.mails().await;
        let page = owner.get(&path).await.ok();
        assert!(row(&page, &id).contains(">Sent<"));
        assert!(page.text().contains("Pending invites 1"));

        for (state, shown) in [("queued", "Trying again"), ("failed", "Failed")] {
            execute(
                &app,
                &format!("update mail_outbox set state = '{state}', failure = '550 No such <user>' where recipient = '{DANA}'"),
            )
            .await;
            let page = owner.get(&path).await.ok();
            assert!(row(&page, &id).contains(shown), "{}", row(&page, &id));
            assert!(!row(&page, &id).contains("<user>"));
            page.says("550 No such <user>");
        }

        app.clock.advance(6 * DAY);
        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        let page = owner.get(&path).await.ok();
        assert!(row(&page, &id).contains("hours"), "{}", row(&page, &id));
        app.clock.advance(DAY);
        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        let page = owner.get(&path).await.ok();
        assert!(row(&page, &id).contains("Ended"));
        assert!(!row(&page, &id).contains("Copy link"));
    }

    /// I7: resending makes a new link for seven days, and whoever resends it stands for it.
    async fn resending_renews(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let old = app.invited(&mut adil, DANA, Role::Member).await;
        let id = id_of(&app, DANA).await;
        app.clock.advance(6 * DAY);
        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        owner.post(&format!("{path}/{id}/mail"), &[]).await.leads_to(&path);
        owner.get(&path).await.ok().says("A new link is on its way to dana@halden.example");
        let mail = app.mail_to(DANA).await;
        assert_eq!(mail.subject, "Amara Okafor invites you to Halden Freight");
        app.visitor().get(&old).await.is(410);

        // Its first sender may go; the Owner has taken it over.
        let gone = app.id_of(&mut owner, "Adil Brandt").await;
        owner.post(&format!("{}/users/{gone}/removal", owner.org), &[]).await;
        app.clock.advance(7 * DAY - MINUTE);
        app.visitor().get(&mail.path("/invite/")).await.ok().says("Amara Okafor invited you");

        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        let by_htmx = owner.post_fragment(&format!("{path}/{id}/mail"), &[]).await.ok();
        assert_eq!(by_htmx.header("hx-redirect"), path);
        owner.post(&format!("{path}/{id}/mail"), &[("role", "owner")]).await.is(422);
    }

    /// I7, V4: revoking says whom it touches, kills the link, and takes it off the list.
    async fn revoking_is_asked_and_done(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let mailed = app.invited(&mut owner, DANA, Role::Auditor).await;
        let id = id_of(&app, DANA).await;
        let revocation = format!("{path}/{id}/revocation");
        let before = everything(&app).await;
        owner
            .get(&revocation)
            .await
            .ok()
            .says("Revoke this invite?")
            .says("1 person can't join as an Auditor");
        let dialog = owner.get_fragment(&revocation, "dialog-slot").await.ok();
        assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"));
        assert_eq!(everything(&app).await, before);

        owner.post(&revocation, &[]).await.leads_to(&path);
        owner
            .get(&path)
            .await
            .ok()
            .says("The invite to dana@halden.example is revoked")
            .says("No invite is pending");
        app.visitor().get(&mailed).await.is(410);
        let settled = everything(&app).await;
        owner.post(&revocation, &[]).await.is(404);
        owner.get(&revocation).await.is(404);
        owner.post(&format!("{path}/{id}/mail"), &[]).await.is(404);
        owner.post(&format!("{path}/{id}/link"), &[]).await.is(404);
        assert_eq!(everything(&app).await, settled);
        invite(&mut owner, DANA, "member").await.leads_to(&path);
    }

    /// S3, I7: a link to hand over is shown once; copying again ends the one before, not the mailed one.
    async fn copying_a_link(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let mailed = app.invited(&mut owner, DANA, Role::Member).await;
        let id = id_of(&app, DANA).await;
        let mails = app.mails().await.len();
        let copy = format!("{path}/{id}/link");
        let page = owner.post(&copy, &[]).await.ok().says("It is shown once");
        let first = between(&page.body, "<code>", "</code>")[0].replace("http://localhost:3000", "");
        let dialog = owner.post_fragment(&copy, &[]).await.ok();
        assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"));
        let second = between(&dialog.body, "<code>", "</code>")[0].replace("http://localhost:3000", "");
        assert!(first != second && first.starts_with("/invite/") && second.starts_with("/invite/"));
        assert!(!owner.get(&path).await.ok().body.contains("/invite/"));
        assert_eq!(app.mails().await.len(), mails);

        app.visitor().get(&first).await.is(410).says("There is a newer link");
        app.visitor().get(&second).await.ok().says("Show that this address is yours");
        app.visitor().get(&mailed).await.ok().says("Your name");

        app.clock.advance(7 * DAY);
        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        owner.post(&copy, &[]).await.is(404);
    }

    /// INV-16: however often it is pressed, an address gets ten mails a day, and an organization sends five thousand.
    async fn mails_are_capped(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        app.invited(&mut owner, DANA, Role::Member).await;
        let id = id_of(&app, DANA).await;
        let mut statuses = Vec::new();
        for _ in 0..50 {
            statuses.push(owner.post(&format!("{path}/{id}/mail"), &[]).await.status.as_u16());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 9);
        assert!(statuses[9..].iter().all(|status| *status == 429));
        assert_eq!(app.count_mails_to(DANA).await, 10);
        // Revoking and inviting anew is no way around.
        owner.post(&format!("{path}/{id}/revocation"), &[]).await.leads_to(&path);
        let refused = invite(&mut owner, DANA, "member").await.is(429).says("Too many tries");
        assert!(!refused.header("retry-after").is_empty());
        assert_eq!(app.count_mails_to(DANA).await, 10);

        invite(&mut owner, "other@halden.example", "member").await.leads_to(&path);
        execute(&app, "update throttles set used = 5000 where key like 'invite-organization:%'").await;
        let before = everything(&app).await;
        invite(&mut owner, "another@halden.example", "member").await.is(429);
        let other = id_of(&app, "other@halden.example").await;
        owner.post(&format!("{path}/{other}/mail"), &[]).await.is(429);
        assert_eq!(everything(&app).await, before);
        // Another organization is not held up.
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let path = format!("{}/invitations", noor.org);
        invite(&mut noor, DANA, "member").await.leads_to(&path);
    }

    /// TEN-01, R11: another organization's invitation answers exactly as one that never was.
    async fn another_organizations_invites_are_not_there(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        invite(&mut noor, DANA, "member").await;
        let foreign = id_of(&app, DANA).await;
        let random = "01920000-0000-7000-8000-000000000000";
        let before = everything(&app).await;
        for rest in ["mail", "link", "revocation"] {
            let path = |id: &str| format!("{}/invitations/{id}/{rest}", owner.org);
            let (theirs, nobodys, nonsense) = (path(&foreign), path(random), path("%27%20or%201%3D1"));
            let mut visitor = owner.clone();
            let unknown = without_request(&visitor.post(&nobodys, &[]).await.is(404));
            assert_eq!(without_request(&visitor.post(&theirs, &[]).await.is(404)), unknown);
            assert_eq!(without_request(&visitor.post(&nonsense, &[]).await.is(404)), unknown);
        }
        let path = |id: &str| format!("{}/invitations/{id}/revocation", owner.org);
        let (theirs, nobodys) = (path(&foreign), path(random));
        let unknown = without_request(&owner.get(&nobodys).await.is(404));
        assert_eq!(without_request(&owner.get(&theirs).await.is(404)), unknown);
        assert_eq!(everything(&app).await, before);
        owner
            .get(&format!("{}/invitations", owner.org))
            .await
            .ok()
            .says("No invite is pending")
            .says_not(DANA);
        // Nor through the other organization's own address.
        owner.post(&format!("{}/invitations/{foreign}/mail", noor.org), &[]).await.is(404);
        owner.get(&format!("{}/invitations", noor.org)).await.is(404);
        assert_eq!(everything(&app).await, before);
    }

    /// ENU-02, S4: inviting does not tell whether an address has an account.
    async fn inviting_does_not_tell_who_has_an_account(app: TestApp) {
        let mut owner = app.owner().await;
        app.sign_up("Quill Works", "Noor Haddad", "known@quill.example").await;
        let path = format!("{}/invitations", owner.org);
        let mut pages = Vec::new();
        for email in ["known@quill.example", "nobody@quill.example"] {
            invite(&mut owner, email, "member").await.leads_to(&path);
            let list = owner.get(&path).await.ok();
            let id = id_of(&app, email).await;
            let neutral = |text: &str| text.replace(email, "ADDRESS").replace(&id, "ID");
            let (flash, row) =
                (list.text().contains(&format!("{email} is invited as a Member")), row(&list, &id));
            let again = invite(&mut owner, email, "member").await.is(409);
            let mail =
                app.mail_to(email).await.text.replace(&app.mail_to(email).await.path("/invite/"), "LINK");
            pages.push((flash, neutral(row), neutral(&again.body), neutral(&mail)));
        }
        assert_eq!(pages[0], pages[1]);
        assert!(pages[0].0);
    }

    /// I7, DOS-04: the list goes on page by page, newest first; each invitation stands once.
    async fn the_list_has_pages(app: TestApp) {
        let mut owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let rows: String = (0..120)
            .map(|n| {
                format!(
                    "insert into invitations (id, organization, email, email_canonical, role, note, inviter, state, \
                     created_at, sent_at, expires_at) select '01920000-0000-7000-8000-{n:012}', organization, \
                     'p{n}@x.example', 'p{n}@x.example', 'member', '', user_id, 'pending', 1795338000000, \
                     1795338000000, 1795838000000 from memberships where role = 'owner';"
                )
            })
            .collect();
        execute(&app, &format!("{rows} update organizations set pending = 120;")).await;
        let mut seen = Vec::new();
        let mut next = Some(path.clone());
        while let Some(page) = next {
            let answer = owner.get(&page).await.ok().says("Pending invites 120");
            seen.extend(between(&answer.body, "id=\"invitation-", "\"").into_iter().map(str::to_owned));
            next = link(&answer, "Older");
        }
        assert_eq!(seen.len(), 120);
        assert!(seen.is_sorted_by(|one, other| one > other));
        for bad in ["x", "1e9", "-1", "01920000", "'--"] {
            owner.get(&format!("{path}?before={bad}")).await.is(400);
        }
        owner
            .get(&format!("{path}?before=01920000-0000-7000-8000-000000000000"))
            .await
            .ok()
            .says("There are no older invites");
    }
}
