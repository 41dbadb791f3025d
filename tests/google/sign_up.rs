//! Signing up by Google (S2).

use interlock::clock::{HOUR, MINUTE};
use serde_json::json;

use super::{AMARA, with_google};
use crate::support::database::{count, dump, only, texts};
use crate::support::resources::{New, entry, resource};
use crate::support::{PASSWORD, refuses_bad_forms};

const REFUNDS: &str = "/o/halden-freight/resources/refunds";

with_google! {
    /// S2: an address that Google is authoritative for makes account and organization at once, without a password.
    async fn an_account_is_made_at_once(scene) {
        let mut amara = scene.visitor();
        assert!(amara.get("/sign-up").await.ok().body.contains("href=\"/sign-up/google\""));
        scene.by_google(&mut amara, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        assert_eq!(count(&scene, "users").await, 0, "nothing is made before they say what they are called");
        assert!(amara.session_cookie().is_none());
        let page = amara.get("/sign-up/arrived").await.ok().says(AMARA);
        assert!(page.body.contains("value=\"amara\"") && page.body.contains("data-time-zone"), "{}", page.body);
        let dump = dump(&scene).await;
        assert!(!dump.contains(AMARA), "what Google said is sealed meanwhile");

        let wrong = amara.post("/sign-up/arrived", &[("organization", ""), ("name", "Amara Okafor")]).await.is(422);
        assert!(wrong.body.contains("value=\"Amara Okafor\""));
        refuses_bad_forms(&scene, &mut amara, "/sign-up/arrived", &[("organization", "Halden Freight"), ("name", "A")]).await;
        let fields = [("organization", "Halden Freight"), ("name", "Amara Okafor"), ("time_zone", "Europe/Oslo")];
        amara.post("/sign-up/arrived", &fields).await.leads_to("/o/halden-freight/users");
        amara.get("/o/halden-freight/users").await.ok().says("Amara Okafor").says("you are its Owner");
        assert_eq!(
            only(texts(&scene, "select email || '/' || time_zone || '/' || coalesce(password_hash, 'none') from users").await),
            format!("{AMARA}/Europe/Oslo/none")
        );
        assert_eq!(only(texts(&scene, "select kind from session_proofs").await), "google");
        assert_eq!(scene.mails().await.len(), 0, "no link is needed");
        // Used up, in its own browser and with its cookie kept.
        amara.get("/sign-up/arrived").await.is(410).says("Continue with Google again");
        amara.post("/sign-up/arrived", &fields).await.is(410);
        assert_eq!(count(&scene, "organizations").await, 1);
    }

    /// S2: any other address is confirmed by mail first, in the browser that came from Google.
    async fn another_address_is_confirmed_first(scene) {
        scene.provider.claims(AMARA, json!({ "hd": null })).await;
        let mut amara = scene.visitor();
        scene.by_google(&mut amara, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        let fields = [("organization", "Halden Freight"), ("name", "Amara Okafor")];
        amara.post("/sign-up/arrived", &fields).await.leads_to("/sign-up/sent");
        assert_eq!(count(&scene, "users").await, 0);
        let link = scene.mail_to(AMARA).await.path("/verify/");
        let mut elsewhere = scene.visitor();
        elsewhere.get(&link).await.ok().says("You came from Google in another browser").says_not("Password");
        for fields in [&[][..], &[("password", "")], &[("password", PASSWORD)]] {
            elsewhere.post(&link, fields).await.is(403).says("in another browser");
        }
        assert_eq!(count(&scene, "users").await, 0);
        amara.get(&link).await.ok().says("Confirm and create Halden Freight");
        amara.post(&link, &[]).await.leads_to("/o/halden-freight/users");
        amara.get("/o/halden-freight/users").await.ok();
        assert_eq!(count(&scene, "users where password_hash is null").await, 1);
        assert_eq!(only(texts(&scene, "select kind from session_proofs").await), "mailed_link");
        // The identity is linked.
        scene.by_google(&mut elsewhere, "/auth/google", AMARA).await.leads_to("/");
        elsewhere.get("/o/halden-freight/users").await.ok();
    }

    /// S2, SSO-10: the link is dead once the identity has an account in another way.
    async fn one_identity_makes_one_account(scene) {
        scene.provider.claims(AMARA, json!({ "hd": null })).await;
        let mut amara = scene.visitor();
        scene.by_google(&mut amara, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        let fields = [("organization", "Halden Freight"), ("name", "Amara Okafor")];
        amara.post("/sign-up/arrived", &fields).await.leads_to("/sign-up/sent");
        let link = scene.mail_to(AMARA).await.path("/verify/");
        // The same subject, under an address that makes an account at once.
        scene.provider.claims(AMARA, json!({ "email": "amara@gmail.com", "hd": null })).await;
        let mut again = scene.visitor();
        scene.by_google(&mut again, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        again.post("/sign-up/arrived", &fields).await.leads_to("/o/halden-freight/users");
        amara.post(&link, &[]).await.is(410);
        assert_eq!(count(&scene, "users").await, 1);
    }

    /// Two windows, and two presses at once: one account (S2).
    async fn two_at_once_make_one(scene) {
        let (mut one, mut two) = (scene.visitor(), scene.visitor());
        scene.by_google(&mut one, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        scene.by_google(&mut two, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        let (mut once, mut twice) = (one.clone(), two.clone());
        let fields = [("organization", "Halden Freight"), ("name", "Amara Okafor")];
        let answers = tokio::join!(
            one.post("/sign-up/arrived", &fields),
            once.post("/sign-up/arrived", &fields),
            two.post("/sign-up/arrived", &fields),
            twice.post("/sign-up/arrived", &fields),
        );
        let answers = [answers.0, answers.1, answers.2, answers.3];
        let made = answers.iter().filter(|answer| answer.header("location").starts_with("/o/")).count();
        assert_eq!(made, 1, "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 303 | 403 | 410)), "{answers:?}");
        assert_eq!((count(&scene, "users").await, count(&scene, "identities").await), (1, 1));
    }

    /// What Google said is kept for an hour, for one browser.
    async fn an_arrival_ends(scene) {
        let mut amara = scene.visitor();
        scene.by_google(&mut amara, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        scene.visitor().get("/sign-up/arrived").await.is(410);
        scene.clock.advance(59 * MINUTE);
        amara.get("/sign-up/arrived").await.ok();
        scene.clock.advance(HOUR);
        amara.get("/sign-up/arrived").await.is(410);
        let fields = [("organization", "Halden Freight"), ("name", "Amara Okafor")];
        amara.post("/sign-up/arrived", &fields).await.is(410);
        assert_eq!(count(&scene, "users").await, 0);
    }

    /// S4: an address that Google does not answer for may be somebody else's by now: whoever has it there gets the
    /// same answers, whether it has an account here or none, and the mailbox is told.
    async fn an_address_that_is_known_is_not_told(scene) {
        let nobody = "nobody@halden.example";
        for login in [AMARA, nobody] {
            scene.provider.claims(login, json!({ "hd": null, "name": "Somebody" })).await;
        }
        // Before there is an account, and with one.
        let mut early = scene.visitor();
        scene.by_google(&mut early, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        scene.owner().await;
        let fields = [("organization", "Another"), ("name", "Somebody")];
        let mut pages = Vec::new();
        for (login, from) in [(AMARA, "/auth/google"), (AMARA, "/sign-up/google"), (nobody, "/sign-up/google")] {
            let mut visitor = scene.visitor();
            scene.by_google(&mut visitor, from, login).await.leads_to("/sign-up/arrived");
            let mut said = vec![visitor.get("/sign-up/arrived").await.ok().text()];
            let sent = visitor.post("/sign-up/arrived", &fields).await.leads_to("/sign-up/sent").location();
            said.push(visitor.get(&sent).await.ok().text());
            assert!(visitor.session_cookie().is_none());
            pages.push(said.join("\n").replace(login, "…"));
        }
        assert_eq!((&pages[0], &pages[1]), (&pages[2], &pages[2]));
        early.post("/sign-up/arrived", &fields).await.leads_to("/sign-up/sent");
        let mails = scene.mails().await;
        let known = mails.iter().filter(|mail| mail.to == AMARA && mail.subject == "You already have an account");
        assert_eq!(known.count(), 3, "{mails:?}");
        // No link was made that would lead anywhere, and the identity is nobody's.
        assert_eq!(count(&scene, "pending_sign_ups where used_at is null").await, 1);
        assert_eq!((count(&scene, "users").await, count(&scene, "identities").await), (1, 0));
        // Where Google answers for it, its holder is told what to do.
        scene.provider.claims(AMARA, json!({})).await;
        scene.by_google(&mut scene.visitor(), "/auth/google", AMARA).await.is(403).says("Sign in first");
    }

    /// SSO-09: the address may have an account by the time that they say what they are called.
    async fn an_address_that_was_taken_meanwhile(scene) {
        let mut amara = scene.visitor();
        scene.by_google(&mut amara, "/sign-up/google", AMARA).await.leads_to("/sign-up/arrived");
        scene.owner().await;
        let fields = [("organization", "Another"), ("name", "Amara Okafor")];
        amara.post("/sign-up/arrived", &fields).await.is(403).says("Sign in first");
        assert_eq!((count(&scene, "users").await, count(&scene, "identities").await), (1, 0));
        assert!(amara.session_cookie().is_none());
    }
}

with_google! {
    with &[("INTERLOCK_SIGN_UP", "closed")];
    /// S2: closed, nobody makes an account or an organization by Google either.
    async fn sign_up_may_be_closed(scene) {
        for from in ["/auth/google", "/sign-up/google"] {
            let mut amara = scene.visitor();
            scene.by_google(&mut amara, from, AMARA).await.is(403).says("Sign-up is closed here");
            amara.get("/sign-up/arrived").await.is(410);
        }
        assert_eq!((count(&scene, "users").await, count(&scene, "arrivals").await), (0, 0));
    }
}

crate::support::on_both! {
    /// Without the sysadmin's client there is no Google, and nothing offers it.
    async fn google_may_be_off(app: TestApp) {
        let mut visitor = app.visitor();
        for page in ["/sign-up", "/sign-in"] {
            visitor.get(page).await.ok().says_not("Google");
        }
        for path in ["/auth/google", "/sign-up/google"] {
            visitor.get(path).await.is(404);
        }
        assert_eq!(count(&app, "sso_attempts").await, 0);
    }
}

with_google! {
    /// S2, A12: from a resource's page sign-up by Google asks for no organization, lands on the page, and the entry is
    /// theirs.
    async fn a_guest_comes_by_google(scene) {
        scene.owner().await;
        resource(&scene, New { audience: "InviteRestricted", ..New::default() }).await;
        for (number, (login, from)) in [
            ("gus@gmail.com", "/sign-up/google?next=%2Fo%2Fhalden-freight%2Fresources%2Frefunds"),
            ("ann@gmail.com", "/auth/google?next=%2Fo%2Fhalden-freight%2Fresources%2Frefunds"),
        ].into_iter().enumerate() {
            entry(&scene, "refunds", login, None).await;
            let mut guest = scene.visitor();
            let page = guest.get(&format!("/sign-up?next={REFUNDS}")).await.ok();
            assert!(page.body.contains("href=\"/sign-up/google?next=%2Fo%2Fhalden-freight"), "{}", page.body);
            scene.by_google(&mut guest, from, login).await.leads_to("/sign-up/arrived");
            guest.get("/sign-up/arrived").await.ok().says("Create an account").says_not("Organization name");
            guest.post("/sign-up/arrived", &[("name", "")]).await.is(422).says_not("Organization name");
            guest.post("/sign-up/arrived", &[("name", "Gus Guest")]).await.leads_to(REFUNDS);
            guest.get(REFUNDS).await.ok().says("Your account is ready");
            assert_eq!(count(&scene, "resource_people where user_id is not null").await, number + 1);
        }
        assert_eq!((count(&scene, "organizations").await, count(&scene, "memberships").await), (1, 1));
        // Elsewhere an organization is asked for still.
        let mut bo = scene.visitor();
        scene.by_google(&mut bo, "/sign-up/google?next=//evil.example/o/x/resources/y", "bo@gmail.com").await.leads_to("/sign-up/arrived");
        bo.get("/sign-up/arrived").await.ok().says("Organization name");
        bo.post("/sign-up/arrived", &[("name", "Bo")]).await.is(422);
    }

    /// S2, A7: an address that Google does not answer for is confirmed first, and its guest lands where they came from:
    /// on a page, and on a link that the browser alone has kept.
    async fn a_guest_confirms_first(scene) {
        scene.owner().await;
        resource(&scene, New { audience: "InviteRestricted", ..New::default() }).await;
        let token = interlock::secrets::Token::generate();
        let link = format!("/i/{}", token.expose());
        for (login, next) in [("gus@elsewhere.example", REFUNDS), ("ann@elsewhere.example", link.as_str())] {
            entry(&scene, "refunds", login, None).await;
            scene.provider.claims(login, json!({ "hd": null })).await;
            let mut guest = scene.visitor();
            let from = format!("/sign-up/google?next={next}");
            scene.by_google(&mut guest, &from, login).await.leads_to("/sign-up/arrived");
            guest.post("/sign-up/arrived", &[("name", "Gus Guest")]).await.leads_to("/sign-up/sent");
            assert!(!dump(&scene).await.contains(token.expose()));
            assert_eq!(count(&scene, &format!("resource_people where user_id is not null and email = '{login}'")).await, 0);
            guest.post(&scene.mail_to(login).await.path("/verify/"), &[]).await.leads_to(next);
            assert_eq!(count(&scene, &format!("resource_people where user_id is not null and email = '{login}'")).await, 1);
        }
    }
}

with_google! {
    with &[("INTERLOCK_SIGN_UP", "closed")];

    /// S2, S4: closed, sign-up by Google still takes the guest whom a resource awaits. Another is told so where Google
    /// answers for their address, and else by mail.
    async fn closed_it_takes_whom_a_resource_awaits(scene) {
        let token = interlock::domain::sign_up::prepare_setup(&scene.app.app).await.expect("it answers").expect("nobody is there");
        let fields = [("organization", "Halden Freight"), ("name", "Amara Okafor"), ("email", AMARA), ("password", PASSWORD)];
        scene.visitor().post(&format!("/setup/{}", token.expose()), &fields).await.is(303);
        resource(&scene, New { audience: "InviteRestricted", ..New::default() }).await;
        let from = format!("/sign-up/google?next={REFUNDS}");
        for login in ["gus@gmail.com", "gus@elsewhere.example"] {
            entry(&scene, "refunds", login, None).await;
        }
        for login in ["gus@elsewhere.example", "eve@elsewhere.example"] {
            scene.provider.claims(login, json!({ "hd": null })).await;
        }
        scene.by_google(&mut scene.visitor(), "/sign-up/google", "gus@gmail.com").await.is(403).says("Sign-up is closed here");
        for (login, lands) in [
            ("gus@gmail.com", REFUNDS), ("eve@gmail.com", ""), ("gus@elsewhere.example", "/sign-up/sent"), ("eve@elsewhere.example", "/sign-up/sent"),
        ] {
            let mut guest = scene.visitor();
            scene.by_google(&mut guest, &from, login).await.leads_to("/sign-up/arrived");
            let answer = guest.post("/sign-up/arrived", &[("name", "Somebody")]).await;
            match lands {
                "" => { answer.is(403).says("Sign-up is closed here"); }
                lands => { answer.leads_to(lands); }
            }
        }
        assert_eq!(count(&scene, "users").await, 2);
        assert!(scene.mail_to("eve@elsewhere.example").await.subject.contains("closed"));
        scene.mail_to("gus@elsewhere.example").await.path("/verify/");
        assert_eq!(count(&scene, "pending_sign_ups where used_at is null").await, 1);
    }
}
