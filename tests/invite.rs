//! `/invite/{token}`: accepting.

use axum::http::Method;
use interlock::clock::{DAY, HOUR, MINUTE, SECOND};
use interlock::domain::access::Role;

use crate::support::database::{execute, texts};
use crate::support::page::{between, without_request};
use crate::support::{TestApp, Visitor, everything, on_both};

const DANA: &str = "dana@halden.example";
const WORDS: &str = "nine green bottles hang";
const FIELDS: [(&str, &str); 2] = [("name", "Dana Kovač"), ("password", WORDS)];
/// Someone with an account and an organization of her own.
const NOOR: &str = "noor@quill.example";

/// "email role state" of every membership.
async fn memberships(app: &TestApp) -> Vec<String> {
    texts(app, "select email || ' ' || role || ' ' || state from memberships order by email, role").await
}

/// "state" of every invitation to an address, oldest first.
async fn states(app: &TestApp, email: &str) -> Vec<String> {
    texts(app, &format!("select state from invitations where email = '{email}' order by id")).await
}

/// The path of a link that the owner copies for the one pending invitation.
async fn copied(owner: &mut Visitor) -> String {
    let invitations = format!("{}/invitations", owner.org);
    let list = owner.get(&invitations).await.ok();
    let id = between(&list.body, "id=\"invitation-", "\"")[0].to_owned();
    let page = owner.post(&format!("{invitations}/{id}/link"), &[]).await.ok();
    let link = between(&page.body, "<code>", "</code>")[0];
    link[link.find("/invite/").expect("it is a link to an invitation")..].to_owned()
}

/// The eight digits of the newest mail to an address.
async fn code(app: &TestApp, email: &str) -> String {
    let mail = app.mail_to(email).await;
    let line =
        mail.text.lines().find(|line| line.len() == 8 && line.bytes().all(|byte| byte.is_ascii_digit()));
    line.unwrap_or_else(|| panic!("no code in {mail:?}")).to_owned()
}

on_both! {
    /// I2, I3, INV-01: the link gives what was invited, once.
    async fn an_invite_works_once(app: TestApp) {
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, DANA, Role::Reviewer).await;
        let mut dana = app.visitor();
        dana.get(&link)
            .await
            .ok()
            .says("Join Halden Freight")
            .says("Amara Okafor invited you")
            .says("Reviewer");
        dana.post(&link, &FIELDS).await.leads_to(&owner.org);
        dana.get(&owner.org).await.ok().says("You are a Reviewer here");

        let settled = everything(&app).await;
        app.visitor().post(&link, &FIELDS).await.is(410).says("This invite has been used");
        app.visitor().get(&link).await.is(410).says("Sign in");
        dana.post(&link, &[]).await.is(410);
        owner.post(&link, &[]).await.is(410);
        assert_eq!(everything(&app).await, settled);
        owner.get(&format!("{}/users", owner.org)).await.ok().says("Dana Kovač").says("2 people");
        assert_eq!(
            memberships(&app).await,
            ["amara@halden.example owner active", "dana@halden.example reviewer active"]
        );
    }

    /// I3, INV-04: five seconds before seven days it works, five seconds after it does not.
    async fn an_invite_ends_after_seven_days(app: TestApp) {
        let mut owner = app.owner().await;
        let early = app.invited(&mut owner, "early@halden.example", Role::Member).await;
        app.clock.advance(7 * DAY - 5 * SECOND);
        let fields = [("name", "Early Bird"), ("password", WORDS)];
        app.visitor().post(&early, &fields).await.leads_to(&owner.org);

        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        let late = app.invited(&mut owner, "late@halden.example", Role::Member).await;
        app.clock.advance(7 * DAY + 5 * SECOND);
        app.visitor().post(&late, &fields).await.is(410).says("This invite has expired");
    }

    /// I3, INV-13, HTX-07: a mail scanner may come as often as it likes, and only our own page uses the link up.
    async fn looking_uses_nothing_up(app: TestApp) {
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, DANA, Role::Member).await;
        let before = everything(&app).await;
        let mut scanner = app.visitor();
        for _ in 0..40 {
            scanner.get(&link).await.ok();
            scanner.send(Method::HEAD, &link, &[], None).await.ok();
        }
        scanner.send(Method::OPTIONS, &link, &[], None).await.is(405);
        scanner.send(Method::PUT, &link, &[], Some("name=Scanner".to_owned())).await.is(405);
        let body = "name=Dana&password=nine+green+bottles+hang".to_owned();
        scanner.origin = None;
        scanner.send(Method::POST, &link, &[], Some(body.clone())).await.is(403);
        scanner.origin = Some("https://evil.example".to_owned());
        scanner.send(Method::POST, &link, &[], Some(body.clone())).await.is(403);
        scanner.origin = None;
        scanner.send(Method::POST, &link, &[("sec-fetch-site", "cross-site")], Some(body)).await.is(403);
        assert_eq!(everything(&app).await, before);
        app.visitor().post(&link, &FIELDS).await.leads_to(&owner.org);
    }

    /// I2, S6: what is typed wrongly is said beside its field, and the link still works.
    async fn a_bad_name_or_password_uses_nothing_up(app: TestApp) {
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, DANA, Role::Member).await;
        let before = everything(&app).await;
        let mut dana = app.visitor();
        for (name, password, said) in [
            ("", WORDS, "Enter a name"),
            ("Dana\u{202E}", WORDS, "can't be shown"),
            ("Dana Kovač", "short", "Use at least 15 characters"),
            ("Dana Kovač", "passwordpassword", "guessed first"),
            ("Dana Kovač", "halden-freight-1", "organization's name"),
        ] {
            let page = dana.post(&link, &[("name", name), ("password", password)]).await.is(422).says(said);
            assert!(!page.body.contains(password), "a password never comes back");
        }
        dana.post(&link, &[]).await.is(422);
        assert_eq!(everything(&app).await, before);
        dana.post(&link, &FIELDS).await.leads_to(&owner.org);
    }

    /// I4, INV-06, INJ-04: what acceptance gives comes from the stored row, and from nothing that is posted.
    async fn nothing_posted_changes_what_was_invited(app: TestApp) {
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, DANA, Role::Auditor).await;
        let before = everything(&app).await;
        let mut dana = app.visitor();
        for extra in
            ["role", "org_id", "organization", "id", "user_id", "state", "is_admin", "email_verified"]
        {
            let fields = [FIELDS[0], FIELDS[1], (extra, "owner")];
            dana.post(&link, &fields).await.is(422);
        }
        dana.post(&link, &[FIELDS[0], FIELDS[0], FIELDS[1]]).await.is(400);
        assert_eq!(everything(&app).await, before);
        // The page shows the address for password managers; the posted one counts for nothing.
        let fields = [FIELDS[0], FIELDS[1], ("email", "amara@halden.example")];
        dana.post(&format!("{link}?role=owner"), &fields).await.leads_to(&owner.org);
        assert_eq!(
            memberships(&app).await,
            ["amara@halden.example owner active", "dana@halden.example auditor active"]
        );
        dana.get("/account").await.ok().says(DANA);
    }

    /// I2, I6, INV-08: whoever has an account signs in with it; the link comes along, and proves nothing.
    async fn an_account_signs_in_to_accept(app: TestApp) {
        let mut owner = app.owner().await;
        let quill = app.sign_up("Quill Works", "Noor Haddad", NOOR).await.org;
        let link = app.invited(&mut owner, "Noor@Quill.Example", Role::Developer).await;
        let mut noor = app.visitor();
        let page = noor.get(&link).await.ok().says("has an account").says("Sign in to accept");
        assert!(!page.body.contains("type=\"password\""), "the link sets no password");

        let before = everything(&app).await;
        let fields = [("name", "Somebody Else"), ("password", "a very new password")];
        noor.post(&link, &fields).await.is(403).says("has an account");
        assert_eq!(everything(&app).await, before);
        assert!(noor.session_cookie().is_none(), "the link signs nobody in");
        noor.sign_in(NOOR, "a very new password").await.is(422);

        let detour = format!("/sign-in?email=Noor%40Quill.Example&next={link}");
        assert!(page.body.replace("&#38;", "&").replace("&amp;", "&").contains(&detour), "{}", page.body);
        let form = noor.get(&detour).await.ok();
        assert!(form.body.contains(&link));
        // The link survives a mistyped password.
        let wrong = [("email", NOOR), ("password", "seven dry stones, no"), ("next", link.as_str())];
        let again = noor.post("/sign-in", &wrong).await.is(422);
        assert!(again.body.contains(&link));
        let right = [("email", NOOR), ("password", "seven plain wet stones"), ("next", link.as_str())];
        noor.post("/sign-in", &right).await.leads_to(&link);
        noor.get(&link).await.ok().says("You are signed in as").says("Join as Noor Haddad");
        noor.post(&link, &[]).await.leads_to(&owner.org);

        noor.get(&owner.org).await.ok().says("You are a Developer here");
        noor.get(&format!("{quill}/users")).await.ok();
        assert_eq!(
            memberships(&app).await,
            [
                "amara@halden.example owner active",
                "noor@quill.example developer active",
                "noor@quill.example owner active",
            ]
        );
        assert_eq!(
            texts(&app, "select email from users order by email").await,
            ["amara@halden.example", NOOR]
        );
    }

    /// INV-08: case of ASCII letters makes no other person; a tag or a dot does.
    async fn another_spelling_is_the_same_person_another_address_is_not(app: TestApp) {
        let mut owner = app.owner().await;
        app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        for (email, has_account) in
            [("NOOR@QUILL.EXAMPLE", true), ("noor+a@quill.example", false), ("no.or@quill.example", false)]
        {
            let link = app.invited(&mut owner, email, Role::Member).await;
            let page = app.visitor().get(&link).await.ok();
            assert_eq!(page.text().contains("has an account"), has_account, "{email}");
        }
    }

    /// I5, INV-03: signed in as somebody else one gets a page that says so, and nothing changes.
    async fn another_account_cannot_accept(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let link = app.invited(&mut owner, DANA, Role::Admin).await;
        let before = everything(&app).await;
        noor.get(&link).await.is(403).says("This invite is for someone else").says(DANA).says(NOOR);
        noor.post(&link, &[]).await.is(403).says("This invite is for someone else");
        noor.post(&link, &FIELDS).await.is(403);
        owner.post(&link, &[]).await.is(403);
        assert_eq!(everything(&app).await, before);
        noor.get(&format!("{}/users", noor.org)).await.ok();
        noor.get(&owner.org).await.is(404);

        // The way on that the page offers: sign out, and open the link again.
        noor.post("/sign-out", &[]).await.leads_to("/sign-in");
        noor.get(&link).await.ok().says("Join Halden Freight");
        noor.post(&link, &FIELDS).await.leads_to(&owner.org);
    }

    /// I4, I5, R8: a member has nothing to accept, and an invitation does not lift a suspension.
    async fn members_and_suspended_people_have_nothing_to_accept(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let first = app.invited(&mut owner, NOOR, Role::Member).await;
        noor.post(&first, &[]).await.leads_to(&owner.org);
        let id = app.id_of(&mut owner, "Noor Haddad").await;
        owner.post(&format!("{}/users/{id}/removal", owner.org), &[]).await;
        let second = app.invited(&mut owner, NOOR, Role::Admin).await;

        // Nothing but another replica's older code could make them a member meanwhile.
        for (state, status, said) in
            [("active", 409, "You are already in Halden Freight"), ("suspended", 403, "is suspended")]
        {
            execute(
                &app,
                &format!(
                    "update memberships set state = '{state}' where user_id = '{id}' and role = 'member'"
                ),
            )
            .await;
            let before = everything(&app).await;
            noor.post(&second, &[]).await.is(status).says(said);
            app.visitor().post(&second, &FIELDS).await.is(403);
            assert_eq!(everything(&app).await, before);
        }
    }

    /// I5, I7, INV-05: a revoked link is dead, and so is one that a newer link has replaced.
    async fn revoked_and_replaced_links_are_dead(app: TestApp) {
        let mut owner = app.owner().await;
        let old = app.invited(&mut owner, DANA, Role::Member).await;
        let id = texts(&app, "select id from invitations").await.remove(0);
        let path = format!("{}/invitations/{id}", owner.org);
        owner.post(&format!("{path}/mail"), &[]).await.leads_to(&format!("{}/invitations", owner.org));
        let new = app.mail_to(DANA).await.path("/invite/");
        assert_ne!(old, new);
        let before = everything(&app).await;
        app.visitor().get(&old).await.is(410).says("There is a newer link");
        app.visitor().post(&old, &FIELDS).await.is(410).says("There is a newer link");
        app.visitor().post(&format!("{old}/code"), &[]).await.is(410);
        app.visitor().post(&format!("{old}/again"), &[]).await.is(410);
        assert_eq!(everything(&app).await, before);
        app.visitor().get(&new).await.ok();

        owner.post(&format!("{path}/revocation"), &[]).await.leads_to(&format!("{}/invitations", owner.org));
        let before = everything(&app).await;
        app.visitor().get(&new).await.is(410).says("This invite was taken back");
        app.visitor().post(&new, &FIELDS).await.is(410).says("This invite was taken back");
        app.visitor().post(&new, &[("name", "")]).await.is(410);
        app.visitor().get(&old).await.is(410);
        assert_eq!(everything(&app).await, before);
        assert_eq!(states(&app, DANA).await, ["revoked"]);
    }

    /// I5: an expired link offers to ask for another, and whoever sent it gets the mail.
    async fn an_expired_invite_asks_its_inviter(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let link = app.invited(&mut adil, DANA, Role::Member).await;
        let mut dana = app.visitor();
        dana.post(&format!("{link}/again"), &[]).await.is(410);
        assert_eq!(app.count_mails_to("adil@halden.example").await, 1, "nothing is asked while it works");

        app.clock.advance(7 * DAY);
        dana.get(&link).await.is(410).says("This invite has expired").says("Ask for a new link");
        dana.post(&link, &FIELDS).await.is(410);
        dana.post(&format!("{link}/code"), &[]).await.is(410);
        let owners = app.count_mails_to("amara@halden.example").await;
        dana.post(&format!("{link}/again"), &[])
            .await
            .is(410)
            .says("We told whoever can send you a new link");
        let mail = app.mail_to("adil@halden.example").await;
        assert_eq!(mail.subject, "dana@halden.example asks for a new invite");
        assert!(mail.text.contains(&format!("http://localhost:3000{}/invitations", owner.org)));
        assert_eq!(app.count_mails_to("amara@halden.example").await, owners);
        // A stranger with an old link can't fill a mailbox.
        dana.post(&format!("{link}/again"), &[]).await.is(410);
        dana.post(&format!("{link}/again"), &[]).await.is(429);
        assert_eq!(app.count_mails_to("adil@halden.example").await, 3);

        // Resending is what makes it good.
        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        let id = texts(&app, "select id from invitations where state = 'pending'").await.remove(0);
        owner.post(&format!("{}/invitations/{id}/mail", owner.org), &[]).await;
        let new = app.mail_to(DANA).await.path("/invite/");
        dana.post(&new, &FIELDS).await.leads_to(&owner.org);
    }

    /// I5: where the inviter is gone, the Owners are asked.
    async fn an_expired_invite_asks_the_owners_when_its_inviter_is_gone(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let link = app.invited(&mut adil, DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Adil Brandt").await;
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await;
        app.clock.advance(7 * DAY);
        let before = app.count_mails_to("adil@halden.example").await;
        app.visitor().post(&format!("{link}/again"), &[]).await.is(410).says("We told");
        assert_eq!(
            app.mail_to("amara@halden.example").await.subject,
            "dana@halden.example asks for a new invite"
        );
        assert_eq!(app.count_mails_to("adil@halden.example").await, before);
    }

    /// I4, INV-11: what the inviter could no longer grant is void. Looking says so and changes nothing;
    /// using it closes it for good and tells the Owners, once.
    async fn an_invite_is_void_once_its_inviter_may_not_grant_it(app: TestApp) {
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let link = app.invited(&mut adil, DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Adil Brandt").await;
        owner
            .post(&format!("{}/users/{id}/role", owner.org), &[("role", "developer")])
            .await
            .leads_to(&format!("{}/users", owner.org));

        let before = everything(&app).await;
        app.visitor().get(&link).await.is(410).says("This invite is void").says("Ask an Owner");
        app.visitor().send(Method::HEAD, &link, &[], None).await.is(410);
        app.visitor().post(&format!("{link}/code"), &[]).await.is(410);
        assert_eq!(everything(&app).await, before);
        owner.get(&format!("{}/invitations", owner.org)).await.ok().says("Void");

        let mails = app.count_mails_to("amara@halden.example").await;
        app.visitor().post(&link, &FIELDS).await.is(410).says("This invite is void");
        app.visitor().post(&link, &FIELDS).await.is(410).says("This invite is void");
        assert_eq!(app.count_mails_to("amara@halden.example").await, mails + 1);
        let mail = app.mail_to("amara@halden.example").await;
        assert_eq!(mail.subject, "An invite to Halden Freight was refused");
        assert!(mail.text.contains("dana@halden.example tried to join Halden Freight as a Member"));
        assert_eq!(states(&app, DANA).await, ["void"]);
        assert_eq!(
            texts(
                &app,
                "select operator_name || target_name from audit_events where kind = 'invitation.voided'"
            )
            .await,
            ["Interlockdana@halden.example"]
        );
        assert_eq!(memberships(&app).await.len(), 2);

        // Void is for good: the role back does not revive it. A new invitation does.
        owner.post(&format!("{}/users/{id}/role", owner.org), &[("role", "admin")]).await;
        app.visitor().post(&link, &FIELDS).await.is(410);
        let new = app.invited(&mut owner, DANA, Role::Member).await;
        app.visitor().post(&new, &FIELDS).await.leads_to(&owner.org);
    }

    /// I4: the same for an inviter who was suspended, for whoever posts, and for copied links. (What someone
    /// removed leaves behind is decided on the screen before: `leaving`.)
    async fn an_invite_of_someone_gone_is_void_for_everybody(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let id = app.id_of(&mut owner, "Adil Brandt").await;

        // Suspended and reactivated before anybody came: it works again.
        let link = app.invited(&mut adil, NOOR, Role::Member).await;
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await;
        noor.get(&link).await.is(410).says("This invite is void");
        owner.post(&format!("{}/users/{id}/reactivation", owner.org), &[]).await;
        noor.get(&link).await.ok();

        let copy = copied(&mut adil).await;
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await;
        // Nobody signed in: with an account behind the address, and by the copied link.
        for link in [&link, &copy] {
            app.visitor().get(link).await.is(410).says("This invite is void");
            app.visitor().post(link, &FIELDS).await.is(410).says("This invite is void");
        }
        noor.post(&link, &[]).await.is(410).says("This invite is void");
        noor.get(&owner.org).await.is(404);
        assert_eq!(states(&app, NOOR).await, ["void"]);
        assert_eq!(
            app.mail_to("amara@halden.example").await.subject,
            "An invite to Halden Freight was refused"
        );
    }

    /// I4, R2: an Admin can't have an Owner's invitation accepted that they took over from an Owner.
    async fn an_owners_invite_is_void_once_they_are_an_admin(app: TestApp) {
        let mut owner = app.owner().await;
        let mut second = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        second.step_up().await;
        let as_owner = app.invited(&mut second, "o@halden.example", Role::Owner).await;
        let as_member = app.invited(&mut second, "m@halden.example", Role::Member).await;
        let id = app.id_of(&mut owner, "Sefa Olsen").await;
        owner.post(&format!("{}/users/{id}/role", owner.org), &[("role", "admin")]).await;
        app.visitor().post(&as_owner, &FIELDS).await.is(410).says("void");
        app.visitor().post(&as_member, &[("name", "Mo Ek"), ("password", WORDS)]).await.leads_to(&owner.org);
    }

    /// I5, INV-14: an unknown link is 404, and so many of them 429, with one body each. Real ones go on working.
    async fn unknown_links_are_budgeted(app: TestApp) {
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, DANA, Role::Member).await;
        let mut guesser = app.visitor();
        guesser.address = [203, 0, 113, 9].into();
        let mut bodies = Vec::new();
        for guess in 0..60 {
            let token = match guess % 4 {
                0 => "x".to_owned(),
                1 => format!("{}{guess:02}", &link["/invite/".len()..link.len() - 2]),
                2 => "%F0%9F%98%80".to_owned(),
                _ => "a".repeat(2_000),
            };
            let answer = guesser.get(&format!("/invite/{token}")).await.is(404);
            bodies.push(without_request(&answer));
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "nothing tells one wrong link from another");
        let mut refused = Vec::new();
        for path in ["/invite/x", "/invite/x/again", "/invite/x/code", "/invite/x/proof"] {
            let answer = match path {
                "/invite/x" => guesser.get(path).await,
                path => guesser.post(path, &[]).await,
            };
            assert!(!answer.header("retry-after").is_empty());
            refused.push(without_request(&answer.is(429)));
        }
        refused.dedup();
        assert_eq!(refused.len(), 1);
        guesser.post("/invite/x", &FIELDS).await.is(429);
        guesser.get(&link).await.ok();
        app.visitor().get("/invite/x").await.is(404);
        app.clock.advance(15 * MINUTE);
        guesser.get("/invite/x").await.is(404);
    }

    /// S3: a copied link proves nothing. It makes no account, and a code that is mailed to the address does.
    async fn a_copied_link_needs_a_code(app: TestApp) {
        let mut owner = app.owner().await;
        app.invited(&mut owner, DANA, Role::Reviewer).await;
        let link = copied(&mut owner).await;
        let before = everything(&app).await;
        let mut dana = app.visitor();
        dana.get(&link)
            .await
            .ok()
            .says("Show that this address is yours")
            .says("Mail me a code")
            .says("Sign in with an account");
        dana.post(&link, &FIELDS).await.is(403).says("Mail me a code");
        dana.post(&format!("{link}/proof"), &[("code", "12345678")]).await.is(422);
        dana.post(&format!("{link}/proof"), &[("code", "")]).await.is(422);
        assert_eq!(everything(&app).await, before);
        app.clock.advance(15 * MINUTE);

        dana.post(&format!("{link}/code"), &[]).await.ok().says("Code from the mail");
        let mail = app.mail_to(DANA).await;
        assert!(!mail.text.contains("/invite/"), "whoever has the mail alone has no link");
        let right = code(&app, DANA).await;
        let wrong = if right == "00000000" { "00000001" } else { "00000000" };
        dana.post(&format!("{link}/proof"), &[("code", wrong)]).await.is(422).says("This is not the code");
        let typed = format!(" {}-{} ", &right[..4], &right[4..]);
        let proven = dana.post(&format!("{link}/proof"), &[("code", &typed)]).await.location();
        assert_ne!(proven, link);
        app.visitor().post(&format!("{link}/proof"), &[("code", &right)]).await.is(422);

        dana.get(&proven).await.ok().says("Join Halden Freight");
        dana.post(&proven, &FIELDS).await.leads_to(&owner.org);
        dana.get(&owner.org).await.ok().says("You are a Reviewer here");
        app.visitor().get(&link).await.is(410).says("This invite has been used");
        app.visitor().get(&proven).await.is(410);
    }

    /// S3: the code ends after 15 minutes, with a newer one, with the invitation, and after five guesses.
    async fn a_code_can_not_be_guessed(app: TestApp) {
        let mut owner = app.owner().await;
        app.invited(&mut owner, DANA, Role::Member).await;
        let link = copied(&mut owner).await;
        let (ask, prove) = (format!("{link}/code"), format!("{link}/proof"));
        let mut dana = app.visitor();

        dana.post(&ask, &[]).await.ok();
        let late = code(&app, DANA).await;
        app.clock.advance(15 * MINUTE);
        dana.post(&prove, &[("code", &late)]).await.is(422);

        dana.post(&ask, &[]).await.ok();
        let older = code(&app, DANA).await;
        dana.post(&ask, &[]).await.ok();
        let newer = code(&app, DANA).await;
        if older != newer {
            dana.post(&prove, &[("code", &older)]).await.is(422);
        }
        app.clock.advance(15 * MINUTE);

        // Five guesses, from wherever they come; then even the right one must wait, and has ended meanwhile.
        dana.post(&ask, &[]).await.ok();
        let right = code(&app, DANA).await;
        let wrong = if right == "99999999" { "99999998" } else { "99999999" };
        for guess in 0..5 {
            let mut guesser = app.visitor();
            guesser.address = [203, 0, 113, guess].into();
            guesser.post(&prove, &[("code", wrong)]).await.is(422);
        }
        dana.post(&prove, &[("code", &right)]).await.is(429);
        app.clock.advance(15 * MINUTE);
        dana.post(&prove, &[("code", &right)]).await.is(422);

        // Mails are budgeted too, so that a copied link fills no mailbox.
        app.clock.advance(HOUR);
        let before = app.count_mails_to(DANA).await;
        for _ in 0..5 {
            dana.post(&ask, &[]).await.ok();
        }
        dana.post(&ask, &[]).await.is(429);
        assert_eq!(app.count_mails_to(DANA).await, before + 5);

        let right = code(&app, DANA).await;
        let id = texts(&app, "select id from invitations").await.remove(0);
        owner.post(&format!("{}/invitations/{id}/revocation", owner.org), &[]).await;
        dana.post(&prove, &[("code", &right)]).await.is(410).says("taken back");
        assert!(memberships(&app).await.len() == 1);
    }

    /// S3, S4: a copied link's page is the same with an account and without; signed in as the invited
    /// person it is accepted, since the account's own address is verified.
    async fn a_copied_link_tells_nothing_and_takes_the_right_account(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
        app.invited(&mut owner, NOOR, Role::Member).await;
        let known = copied(&mut owner).await;
        app.invited(&mut owner, "nobody@quill.example", Role::Member).await;
        let unknown = copied(&mut owner).await;
        let neutral = |body: &str| {
            let body = body.replace(&known, "LINK").replace(&unknown, "LINK");
            let body = body.replace("nobody@quill.example", "ADDRESS").replace(NOOR, "ADDRESS");
            body.replace("nobody%40quill.example", "ADDRESS").replace("noor%40quill.example", "ADDRESS")
        };
        let mut stranger = app.visitor();
        let one = stranger.get(&known).await.ok();
        let other = stranger.get(&unknown).await.ok();
        assert_eq!(neutral(&one.body), neutral(&other.body));
        let one = stranger.post(&known, &FIELDS).await.is(403);
        let other = stranger.post(&unknown, &FIELDS).await.is(403);
        assert_eq!(neutral(&one.body), neutral(&other.body));
        let one = stranger.post(&format!("{known}/code"), &[]).await.ok();
        let other = stranger.post(&format!("{unknown}/code"), &[]).await.ok();
        assert_eq!(neutral(&one.body), neutral(&other.body));

        noor.get(&unknown).await.is(403).says("for someone else");
        noor.get(&known).await.ok().says("Join as Noor Haddad");
        noor.post(&known, &[]).await.leads_to(&owner.org);
        noor.get(&owner.org).await.ok().says("You are a Member here");
    }

    /// R8, R10: a removed person comes back by a new invitation alone, with its role, and what was
    /// signed out before stays signed out.
    async fn a_removed_person_comes_back_by_a_new_invite(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Admin).await;
        let stolen = dana.cookies.clone();
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.post(&format!("{users}/{id}/sign-out"), &[]).await.leads_to(&users);
        owner.post(&format!("{users}/{id}/removal"), &[]).await.leads_to(&users);
        dana.get(&users).await.is(404);
        let mut dana = app.visitor();
        dana.sign_in(DANA, "seven plain wet stones").await;
        dana.get(&users).await.is(404);
        owner.post(&format!("{users}/{id}/reactivation"), &[]).await.is(404);

        let link = app.invited(&mut owner, DANA, Role::Member).await;
        dana.post(&link, &[]).await.leads_to(&owner.org);
        dana.get(&owner.org).await.ok().says("You are a Member here");
        dana.get(&users).await.is(403);
        assert_eq!(
            memberships(&app).await,
            ["amara@halden.example owner active", "dana@halden.example member active"]
        );
        assert_eq!(texts(&app, "select email from users").await.len(), 2);

        let mut thief = app.visitor();
        thief.cookies = stolen;
        thief.get(&owner.org).await.leads_to(&format!("{}/sign-in", owner.org));
    }

    /// I4, I9: the database holds neither the link nor, once it is delivered, the mail.
    async fn the_link_is_stored_hashed(app: TestApp) {
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, DANA, Role::Member).await;
        let token = &link["/invite/".len()..];
        let stored = texts(&app, "select token_hash || kind from invitation_tokens").await;
        assert_eq!(stored.len(), 1);
        assert!(stored.iter().all(|row| !row.contains(token)));
        assert!(texts(&app, "select body from mail_outbox where body is not null").await.is_empty());
        assert!(app.app.config.data_dir.join("mail").is_dir());
    }
}
