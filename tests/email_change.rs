//! `/account/email`, `/email/{token}` and `/email/undo/{token}`: another address for an account.

use axum::http::Method;
use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::access::Role;
use interlock::domain::audit::{Chain, Verdict, verify};
use interlock::domain::housekeeping;

use crate::support::database::{count, dump, execute, texts};
use crate::support::page::without_request;
use crate::support::{PASSWORD, TestApp, Visitor, everything, on_both, refuses_bad_forms};

const AMARA: &str = "amara@halden.example";
const NEW: &str = "amara@okafor.example";
const THIEF: &str = "thief@evil.example";
const OTHER: &str = "eleven red kites fly";

/// Asks for another address with a fresh proof, and gives the path of the link to it.
async fn asked(app: &TestApp, visitor: &mut Visitor, email: &str) -> String {
    visitor.step_up().await;
    visitor.post("/account/email", &[("email", email)]).await.leads_to("/account");
    app.mail_to(email).await.path("/email/")
}

/// Changes the address, and gives the path of the link that undoes it.
async fn changed(app: &TestApp, visitor: &mut Visitor, from: &str, to: &str) -> String {
    let link = asked(app, visitor, to).await;
    visitor.post(&link, &[]).await.leads_to("/account");
    app.mail_to(from).await.path("/email/undo/")
}

async fn address(app: &TestApp, name: &str) -> String {
    texts(app, &format!("select email from users where name = '{name}'")).await.remove(0)
}

on_both! {
    /// EML-01: the new address counts once it is confirmed from its mailbox: until then the old one signs in.
    async fn a_new_address_counts_once_it_is_confirmed(app: TestApp) {
        let mut amara = app.owner().await;
        let mut quill = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let join = app.invited(&mut quill, AMARA, Role::Member).await;
        amara.post(&join, &[]).await.leads_to(&quill.org);
        let link = asked(&app, &mut amara, NEW).await;
        let page = amara.get("/account").await.ok().says("Check the new mailbox");
        page.says("amara@okafor.example waits for its confirmation").says("until 23 November 2026, 09:00");
        let told = app.mail_to(AMARA).await;
        assert_eq!(told.subject, "Your address is about to change");
        assert!(told.text.contains(NEW) && told.text.contains("/forgot-password"), "{told:?}");
        app.visitor().sign_in(NEW, PASSWORD).await.is(422);
        app.visitor().sign_in(AMARA, PASSWORD).await.leads_to("/");

        // Looking changes nothing, however often a mail scanner comes.
        let before = everything(&app).await;
        for _ in 0..3 {
            app.visitor().get(&link).await.ok().says("Sign in to confirm").says_not(AMARA);
            app.visitor().send(Method::HEAD, &link, &[], None).await.is(200);
            amara.get(&link).await.ok().says("Your account uses amara@okafor.example from now on, and no more amara@halden.example");
        }
        assert_eq!(everything(&app).await, before);

        amara.post(&link, &[]).await.leads_to("/account");
        let page = amara.get("/account").await.ok().says("Your address is amara@okafor.example now");
        page.says_not("waits for its confirmation").says_not(AMARA);
        app.visitor().sign_in(AMARA, PASSWORD).await.is(422);
        app.visitor().sign_in(NEW, PASSWORD).await.leads_to("/");
        // In both organizations, and found there by it.
        amara.get("/o/halden-freight/users?q=okafor.example").await.ok().says(NEW);
        quill.get("/o/quill-works/users").await.ok();
        quill.get("/o/quill-works/users?q=okafor.example").await.ok().says(NEW).says_not(AMARA);

        let told = app.mail_to(AMARA).await;
        assert_eq!(told.subject, "Your address was changed");
        told.path("/email/undo/");
        assert_eq!(app.mail_to(NEW).await.subject, "This is the address of your account now");
        let changes = r#"{"email":{"new":"amara@okafor.example","old":"amara@halden.example"}}"#;
        let rows = texts(&app, "select case when chain = 'instance' then coalesce(address, '-') else coalesce(address, 'none') \
                                end || changes from audit_events where kind = 'account.email_changed' order by 1").await;
        assert_eq!(rows, [format!("127.0.0.1{changes}"), format!("none{changes}"), format!("none{changes}")]);
        let whole = verify(&app.app.db, Chain::Instance).await.expect("the chain can be read");
        assert!(matches!(whole, Verdict::Whole { .. }), "{whole:?}");

        // Once.
        let before = everything(&app).await;
        amara.get(&link).await.is(410).says("This link does not work any more");
        amara.post(&link, &[]).await.is(410);
        assert_eq!(everything(&app).await, before);
    }

    /// S12: it takes a proof of the last ten minutes, and what was typed survives it.
    async fn it_takes_a_fresh_proof(app: TestApp) {
        let mut amara = app.owner().await;
        let before = everything(&app).await;
        let ask = amara.post("/account/email", &[("email", NEW)]).await.leads_to("/step-up").location();
        assert_eq!(everything(&app).await, before);
        let form = ask.strip_prefix("/step-up?form=").expect("the form has an id");
        let done = amara.post("/step-up", &[("password", PASSWORD), ("form", form)]).await.ok();
        let done = done.says("Change your email address to amara@okafor.example?");
        assert!(done.body.contains("action=\"/account/email\"") && done.body.contains(&format!("value=\"{NEW}\"")));
        amara.post("/account/email", &[("email", NEW)]).await.leads_to("/account");
        app.mail_to(NEW).await.path("/email/");
        app.clock.advance(11 * MINUTE);
        let piece = amara.post_fragment("/account/email", &[("email", THIEF)]).await.ok();
        assert!(piece.header("hx-redirect").starts_with("/step-up?form="));
        assert_eq!(app.count_mails_to(THIEF).await, 0);
    }

    /// EML-02, S4: a taken address is answered as a free one; only its holder learns of it.
    async fn a_taken_address_is_answered_as_a_free_one(app: TestApp) {
        let mut amara = app.owner().await;
        let mut nina = app.sign_up("Other Ltd", "Nina Berg", "nina@other.example").await;
        let mut pages = Vec::new();
        for (visitor, email) in [(&mut amara, "sefa@third.example"), (&mut nina, AMARA)] {
            visitor.step_up().await;
            let answer = visitor.post("/account/email", &[("email", email)]).await.leads_to("/account");
            let page = visitor.get("/account").await.ok();
            let notice = page.body.split("waits for its confirmation").nth(1).expect("it is shown as waiting");
            let notice = notice.split("</form>").next().unwrap_or_default().replace(email, "");
            let told: Vec<String> = answer.headers.iter().filter(|(name, _)| *name != "x-request-id")
                .map(|(name, value)| format!("{name}: {value:?}")).collect();
            pages.push((answer.status, told, answer.body.clone(), notice));
        }
        assert_eq!(pages[0], pages[1]);
        let mail = app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "Someone tried to use your address");
        assert!(!mail.text.contains("/email/") && !mail.text.contains("Nina") && !mail.text.contains("nina@"), "{mail:?}");
        assert_eq!(app.mail_to("nina@other.example").await.subject, "Your address is about to change");
        // One's own is no secret from oneself.
        let page = amara.post("/account/email", &[("email", "Amara@HALDEN.example")]).await.is(422);
        page.says("This is your address already.");
    }

    /// EML-01: in the account's own session alone: a mistyped address gives a stranger nothing.
    async fn only_the_account_itself_confirms(app: TestApp) {
        let mut amara = app.owner().await;
        let mut nina = app.sign_up("Other Ltd", "Nina Berg", "nina@other.example").await;
        let link = asked(&app, &mut amara, NEW).await;
        let before = everything(&app).await;
        app.visitor().post(&link, &[]).await.is(403).says("Sign in to confirm");
        nina.get(&link).await.is(403).says("This link is for another account").says_not(AMARA);
        nina.post(&link, &[]).await.is(403).says("You are signed in as nina@other.example");
        refuses_bad_forms(&app, &mut amara, &link, &[]).await;
        let mut elsewhere = amara.clone();
        elsewhere.origin = Some("https://evil.example".to_owned());
        elsewhere.post(&link, &[]).await.is(403);
        assert_eq!(everything(&app).await, before);

        // Signed out, the page leads to the sign-in and back.
        let mut fresh = app.visitor();
        let page = fresh.get(&link).await.ok();
        let to = crate::support::page::link(&page, "Sign in to confirm").expect("it leads on");
        assert_eq!(to, format!("/sign-in?next={link}"));
        fresh.get(&to).await.ok();
        let fields = [("email", AMARA), ("password", PASSWORD), ("next", link.as_str())];
        fresh.post("/sign-in", &fields).await.leads_to(&link);
        // A session that has ended meanwhile is none.
        let mut ended = amara.clone();
        amara.post("/sign-out", &[]).await.leads_to("/sign-in");
        ended.post(&link, &[]).await.is(403);
        fresh.post(&link, &[]).await.leads_to("/account");
        assert_eq!(address(&app, "Amara Okafor").await, NEW);
    }

    /// A newer request ends the older; 24 hours end it too; an unknown link is not there.
    async fn links_end(app: TestApp) {
        let mut amara = app.owner().await;
        let first = asked(&app, &mut amara, NEW).await;
        let second = asked(&app, &mut amara, "second@okafor.example").await;
        amara.get(&first).await.is(410).says("a newer one was asked for");
        amara.post(&first, &[]).await.is(410);
        app.clock.advance(DAY - MINUTE);
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        amara.get(&second).await.ok();
        app.clock.advance(MINUTE);
        let before = everything(&app).await;
        amara.post(&second, &[]).await.is(410);
        amara.get("/account").await.ok().says_not("waits for its confirmation");
        assert_eq!(everything(&app).await, before);
        for odd in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "undo", "%27"] {
            amara.get(&format!("/email/{odd}")).await.is(404);
            amara.get(&format!("/email/undo/{odd}")).await.is(404);
            amara.post(&format!("/email/undo/{odd}"), &[]).await.is(404);
        }
        // A link of one kind is none of the other.
        let token = second.trim_start_matches("/email/");
        let unknown = amara.get("/email/undo/x").await.is(404);
        assert_eq!(without_request(&amara.get(&format!("/email/undo/{token}")).await.is(404)), without_request(&unknown));
        // Guessing is budgeted.
        let mut guesser = app.visitor();
        guesser.address = [198, 51, 100, 7].into();
        for n in 0..60 {
            let path = if n % 2 == 0 { "/email/x" } else { "/email/undo/x" };
            guesser.get(path).await.is(404);
        }
        guesser.get("/email/x").await.is(429);
        assert!(!dump(&app).await.contains(token), "the link is stored hashed");
    }

    /// INJ-02, RST-06, ASVS 2.4.1: what is no address is refused, and mail is budgeted: to one's own choice
    /// of addresses, and to one address from many.
    async fn asking_is_bounded(app: TestApp) {
        let mut amara = app.owner().await;
        amara.step_up().await;
        let before = everything(&app).await;
        for (email, why) in [
            ("", "Enter an email address."),
            ("amara", "Enter a whole address"),
            ("a@b.example\r\nBcc: x@y.example", "Enter a whole address"),
            ("a@b.example,c@d.example", "Enter a whole address"),
            ("ann@ex\u{212A}ample.com", "plain letters"),
        ] {
            amara.post("/account/email", &[("email", email)]).await.is(422).says(why);
        }
        refuses_bad_forms(&app, &mut amara, "/account/email", &[("email", NEW)]).await;
        assert_eq!(everything(&app).await, before);
        for n in 0..5 {
            amara.post("/account/email", &[("email", &format!("n{n}@okafor.example"))]).await.leads_to("/account");
        }
        amara.post("/account/email", &[("email", NEW)]).await.is(429);
        assert_eq!(app.count_mails_to(NEW).await, 0);
        app.clock.advance(DAY);
        let mut nina = app.sign_up("Other Ltd", "Nina Berg", "nina@other.example").await;
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        for _ in 0..3 {
            amara.post("/account/email", &[("email", THIEF)]).await.leads_to("/account");
        }
        nina.step_up().await;
        for _ in 0..2 {
            nina.post("/account/email", &[("email", THIEF)]).await.leads_to("/account");
        }
        nina.post("/account/email", &[("email", THIEF)]).await.is(429);
        assert_eq!(app.count_mails_to(THIEF).await, 5);
    }

    /// 6.6.2: with the address go the reset that was mailed to the old one, and pending sign-ups of the new.
    async fn what_waited_for_either_address_dies(app: TestApp) {
        let mut amara = app.owner().await;
        let sign_up = app.sign_up_mail("Okafor Ltd", NEW).await;
        app.visitor().post("/forgot-password", &[("email", AMARA)]).await.is(303);
        let reset = app.mail_to(AMARA).await.path("/reset/");
        app.visitor().get(&reset).await.ok();
        let undo = changed(&app, &mut amara, AMARA, NEW).await;
        app.visitor().get(&sign_up).await.is(410);
        app.visitor().post(&reset, &[("password", OTHER)]).await.is(410);
        // The way back does not revive it.
        app.visitor().post(&undo, &[]).await.ok();
        app.visitor().post(&reset, &[("password", OTHER)]).await.is(410);
        app.visitor().sign_in(AMARA, PASSWORD).await.leads_to("/");
    }

    /// EML: for three days the old address takes the account back, without a session, and ends all of them.
    async fn the_old_address_undoes_it(app: TestApp) {
        let mut amara = app.owner().await;
        let mut thief = app.visitor();
        thief.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let undo = changed(&app, &mut thief, AMARA, THIEF).await;
        app.visitor().post("/forgot-password", &[("email", THIEF)]).await.is(303);
        let reset = app.mail_to(THIEF).await.path("/reset/");
        let waits = asked(&app, &mut thief, "next@evil.example").await;

        app.clock.advance(3 * DAY - MINUTE);
        let before = everything(&app).await;
        let mut owner = app.visitor();
        owner.get(&undo).await.ok().says("Your account uses amara@halden.example again").says("Every session ends");
        owner.send(Method::HEAD, &undo, &[], None).await.is(200);
        refuses_bad_forms(&app, &mut owner, &undo, &[]).await;
        assert_eq!(everything(&app).await, before);
        thief.sign_in(THIEF, PASSWORD).await.leads_to("/");
        let page = owner.post(&undo, &[]).await.ok().says("Your address is back");
        assert!(page.body.contains("action=\"/forgot-password\"") && page.body.contains(&format!("value=\"{AMARA}\"")));
        assert_eq!(address(&app, "Amara Okafor").await, AMARA);
        thief.get("/account").await.leads_to("/sign-in");
        amara.get("/account").await.leads_to("/sign-in");
        assert_eq!(count(&app, "sessions where ended_at is null").await, 0);
        for dead in [&reset, &waits, &undo] {
            owner.get(dead).await.is(410);
        }
        let subject = "The change of your address was undone";
        let back = app.mail_to(AMARA).await;
        assert!(back.subject == subject && back.text.contains("/forgot-password"), "{back:?}");
        let gone = app.mail_to(THIEF).await;
        assert!(gone.subject == subject && !gone.text.contains("/forgot-password"), "{gone:?}");
        let changes = r#"Amara Okafor{"email":{"new":"amara@halden.example","old":"thief@evil.example"}}"#;
        let audited = "select operator_name || changes from audit_events where kind = 'account.email_change_undone'";
        assert_eq!(texts(&app, audited).await, [changes, changes]);

        // One press goes on to a new password.
        owner.post("/forgot-password", &[("email", AMARA)]).await.is(303);
        let reset = app.mail_to(AMARA).await.path("/reset/");
        owner.post(&reset, &[("password", OTHER)]).await.leads_to("/sign-in");
        owner.sign_in(AMARA, OTHER).await.leads_to("/");
        owner.get("/o/halden-freight/users?q=amara%40halden").await.ok().says(AMARA).says_not(THIEF);
    }

    /// EML: after three days it stays.
    async fn after_three_days_it_stays(app: TestApp) {
        let mut amara = app.owner().await;
        let undo = changed(&app, &mut amara, AMARA, NEW).await;
        app.clock.advance(3 * DAY + 1);
        app.visitor().get(&undo).await.is(410);
        app.visitor().post(&undo, &[]).await.is(410);
        assert_eq!(address(&app, "Amara Okafor").await, NEW);
        // Swept a week later, it is unknown.
        let shared = &app.app;
        housekeeping::sweep(shared).await.expect("the sweep works");
        app.visitor().get(&undo).await.is(410);
        app.clock.advance(8 * DAY);
        housekeeping::sweep(shared).await.expect("the sweep works");
        app.visitor().get(&undo).await.is(404);
        assert_eq!(count(&app, "email_changes").await, 0);
    }

    /// EML: whoever changed it twice does not win: the first undo link takes the account back, the second dies.
    async fn whoever_changed_it_twice_does_not_win(app: TestApp) {
        app.owner().await;
        let mut thief = app.visitor();
        thief.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let owners = changed(&app, &mut thief, AMARA, THIEF).await;
        app.clock.advance(HOUR);
        let thiefs = changed(&app, &mut thief, THIEF, "thief2@evil.example").await;
        app.visitor().get(&thiefs).await.ok();
        app.visitor().post(&owners, &[]).await.ok();
        assert_eq!(address(&app, "Amara Okafor").await, AMARA);
        let before = everything(&app).await;
        app.visitor().get(&thiefs).await.is(410);
        app.visitor().post(&thiefs, &[]).await.is(410);
        assert_eq!(everything(&app).await, before);

        // In the other order the owner's still works.
        thief.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let owners = changed(&app, &mut thief, AMARA, THIEF).await;
        app.clock.advance(HOUR);
        let thiefs = changed(&app, &mut thief, THIEF, "thief2@evil.example").await;
        app.visitor().post(&thiefs, &[]).await.ok();
        assert_eq!(address(&app, "Amara Okafor").await, THIEF);
        app.visitor().post(&owners, &[]).await.ok();
        assert_eq!(address(&app, "Amara Okafor").await, AMARA);
    }

    /// EML: whoever goes back by a change of their own gives the address in between no way to undo that.
    async fn going_back_by_a_change_gives_no_undo(app: TestApp) {
        let mut amara = app.owner().await;
        let mut thief = app.visitor();
        thief.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let undo = changed(&app, &mut thief, AMARA, THIEF).await;
        let back = asked(&app, &mut amara, AMARA).await;
        amara.post(&back, &[]).await.leads_to("/account");
        let told = app.mail_to(THIEF).await;
        assert_eq!(told.subject, "Your address was changed");
        assert!(!told.text.contains("/email/undo/"), "{told:?}");
        app.visitor().get(&undo).await.is(410);
        assert_eq!(address(&app, "Amara Okafor").await, AMARA);
    }

    /// EML: an address that somebody else has by now is not given twice, by either link.
    async fn an_address_that_is_taken_meanwhile_is_not_given_twice(app: TestApp) {
        let mut amara = app.owner().await;
        let link = asked(&app, &mut amara, NEW).await;
        app.sign_up("Okafor Ltd", "Ada Okafor", NEW).await;
        amara.get(&link).await.ok();
        amara.post(&link, &[]).await.is(409).says("This address has another account by now").says("Whoever runs this server");
        assert_eq!(address(&app, "Amara Okafor").await, AMARA);
        amara.post(&link, &[]).await.is(410);

        let undo = changed(&app, &mut amara, AMARA, "amara@free.example").await;
        app.sign_up("Amara Ltd", "Other Amara", AMARA).await;
        let before = everything(&app).await;
        app.visitor().get(&undo).await.is(409).says("amara@halden.example was taken since");
        app.visitor().post(&undo, &[]).await.is(409);
        assert_eq!(everything(&app).await, before);
        assert_eq!(address(&app, "Amara Okafor").await, "amara@free.example");
    }

    /// EML-01: invitations go by the address that counts: the old one before, the new one after.
    async fn invitations_go_by_the_address_that_counts(app: TestApp) {
        let mut amara = app.owner().await;
        let mut quill = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let to_new = app.invited(&mut quill, NEW, Role::Member).await;
        let link = asked(&app, &mut amara, NEW).await;
        amara.post(&to_new, &[]).await.is(403).says("This invite is for someone else");
        amara.post(&link, &[]).await.leads_to("/account");
        amara.post(&to_new, &[]).await.leads_to("/o/quill-works");
        // Who left an organization keeps there the address that they had.
        let id = app.id_of(&mut quill, "Amara Okafor").await;
        quill.post(&format!("/o/quill-works/users/{id}/removal"), &[]).await.is(303);
        let link = asked(&app, &mut amara, "third@okafor.example").await;
        amara.post(&link, &[]).await.leads_to("/account");
        quill.get("/o/quill-works/users?status=removed").await.ok().says(NEW).says_not("third@");
        amara.get("/o/halden-freight/users").await.ok().says("third@okafor.example");
    }

    /// AUD-05: without its row the address stays, and nobody is told.
    async fn without_its_row_the_address_stays(app: TestApp) {
        let mut amara = app.owner().await;
        let link = asked(&app, &mut amara, NEW).await;
        let undo = {
            let mut other = app.sign_up("Other Ltd", "Nina Berg", "nina@other.example").await;
            changed(&app, &mut other, "nina@other.example", "nina@new.example").await
        };
        execute(
            &app,
            "insert into audit_events (chain, seq, at, kind, operator_name, target_name, changes, hash) \
             select chain, seq + 1, 0, 'blocked', '', '', '{}', '' from audit_heads where chain <> 'instance'",
        )
        .await;
        let before = everything(&app).await;
        amara.post(&link, &[]).await.is(500);
        app.visitor().post(&undo, &[]).await.is(500);
        assert_eq!(everything(&app).await, before);
    }
}
