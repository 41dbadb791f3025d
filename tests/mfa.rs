//! Authenticator apps, recovery codes, remembered devices, the half-finished sign-in (M1, M2, S11, S12).

use interlock::clock::{DAY, MINUTE, SECOND};
use interlock::domain::access::Role;

use crate::support::database::{count, execute, texts};
use crate::support::factors::recovery_codes;
use crate::support::{PASSWORD, on_both};

const CHALLENGE: &str = "/sign-in/challenge";

on_both! {
    /// M1, M5: Enable MFA, a code, ten recovery codes; from then on the password alone opens only the challenge.
    async fn an_app_is_added_and_asked_for(app: TestApp) {
        let mut owner = app.owner().await;
        owner.get("/account/mfa").await.ok().says("Enable MFA").says("Google Authenticator");
        let (path, mut phone) = owner.begin_mfa(&app.clock).await;
        let page = owner.get(&path).await.ok();
        assert!(page.body.contains("<svg viewBox") && page.body.contains("autocomplete=\"one-time-code\""));
        assert!(page.body.contains("inputmode=\"numeric\""));
        // Two groups of four letters at least, of 160 bits.
        assert_eq!(phone.secret.replace(' ', "").len(), 32);
        assert!(phone.secret.split(' ').all(|group| group.len() == 4), "{}", phone.secret);

        let before = owner.session_cookie().cloned();
        let done = owner.post(&path, &[("code", &phone.code()), ("name", "Pixel 9")]).await.ok();
        assert_eq!(done.body.matches("<title>").count(), 1, "a page has one title");
        phone.recovery_codes = recovery_codes(&done);
        assert_ne!(owner.session_cookie().cloned(), before, "the raise gives another session id");
        owner.get("/account/mfa").await.ok().says("Pixel 9").says("10 of 10 left");
        // Shown this once: the same form again, and the page, have nothing.
        owner.post(&path, &[("code", &phone.code()), ("name", "Pixel 9")]).await.leads_to("/account/mfa");
        owner.get(&path).await.leads_to("/account/mfa");
        owner.post("/account/mfa/recovery-codes/kept", &[]).await.is(422).says("Make new codes");
        owner.post("/account/mfa/recovery-codes/kept", &[("kept", "yes"), ("next", &owner.org.clone())]).await.leads_to(&owner.org.clone());
        app.deliver().await;
        let mail = app.mail_to("amara@halden.example").await;
        assert!(mail.subject.contains("authenticator app was added") && mail.text.contains("Pixel 9"), "{mail:?}");

        owner.post("/sign-out", &[]).await.is(303);
        owner.sign_in(&owner.email.clone(), PASSWORD).await.leads_to(CHALLENGE);
        assert!(owner.session_cookie().is_none(), "there is no session yet");
        owner.get(&format!("{}/users", owner.org)).await.leads_to("/sign-in");
        phone.next_step();
        owner.post(CHALLENGE, &[("code", &phone.code()), ("with", "code"), ("next", &format!("{}/users", owner.org))])
            .await.leads_to(&format!("{}/users", owner.org));
        owner.get(&format!("{}/users", owner.org)).await.ok();
        // The half-finished sign-in is used up.
        assert!(!owner.cookies.contains_key("interlock-half"));
    }

    /// S11: a half-finished sign-in is another thing than a session, whatever cookie it comes in.
    async fn half_a_sign_in_opens_nothing_else(app: TestApp) {
        let mut owner = app.owner().await;
        owner.enable_mfa(&app.clock).await;
        let org = owner.org.clone();
        let mut thief = app.visitor();
        thief.sign_in(&owner.email, PASSWORD).await.leads_to(CHALLENGE);
        let half = thief.cookies.get("interlock-half").cloned().expect("a cookie of its own");
        for cookies in [vec![("interlock-half", &half)], vec![("interlock", &half)], vec![("interlock", &half), ("interlock-half", &half)]] {
            thief.cookies = cookies.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
            let held = thief.cookies.clone();
            for path in ["/account", "/account/mfa", "/account/sessions", &org, &format!("{org}/users"), "/step-up"] {
                thief.cookies = held.clone();
                thief.get(path).await.leads_to("/sign-in");
                thief.get_fragment(path, "users-table").await.is(401);
                let answer = thief.send(axum::http::Method::GET, path, &[("accept", "application/json")], None).await.is(401);
                assert!(answer.body.contains("sign_in_required"), "{}", answer.body);
            }
            thief.post("/account/mfa/authenticators", &[]).await.leads_to("/sign-in");
        }
        // Signing out ends it.
        thief.cookies = [("interlock-half".to_owned(), half.clone())].into();
        thief.post("/sign-out", &[]).await.leads_to("/sign-in");
        thief.cookies = [("interlock-half".to_owned(), half)].into();
        thief.get(CHALLENGE).await.leads_to("/sign-in");
    }

    /// It lives for ten minutes.
    async fn half_a_sign_in_ends_by_itself(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let mut other = app.visitor();
        other.sign_in(&owner.email, PASSWORD).await.leads_to(CHALLENGE);
        other.get(CHALLENGE).await.ok();
        app.clock.advance(10 * MINUTE);
        other.get(CHALLENGE).await.leads_to("/sign-in");
        other.post(CHALLENGE, &[("code", &phone.code()), ("with", "code")]).await.leads_to("/sign-in");

        // It comes back to where it was going, and never to itself: whoever signs in anew goes in no ring.
        let users = format!("{}/users", owner.org);
        let asked = format!("{CHALLENGE}?next={users}");
        let back = other.get(&asked).await.leads_to("/sign-in").location();
        assert_eq!(back, format!("/sign-in?next={}", users.replace('/', "%2F")));
        let referer = format!("{}{asked}", other.own_origin());
        other.headers.push(("referer".to_owned(), referer));
        let late = [("code", &*phone.code()), ("with", "code"), ("next", &*users)];
        assert_eq!(other.post(CHALLENGE, &late).await.is(303).location(), back);
        other.headers.pop();
        let fields = [("email", &*owner.email), ("password", PASSWORD), ("next", &*users)];
        let posed = other.post("/sign-in", &fields).await.leads_to(CHALLENGE).location();
        assert_eq!(posed, format!("{CHALLENGE}?next={}", users.replace('/', "%2F")));
        let fields = [("code", &*phone.next_code()), ("with", "code"), ("next", &*users)];
        other.post(CHALLENGE, &fields).await.leads_to(&users);
        other.get(&asked).await.leads_to("/sign-in");
        other.get(&back).await.leads_to(&users);
    }

    /// MFA-01, MFA-02: a code works once, in whatever session, and so does no earlier one.
    async fn a_code_works_once(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        phone.next_step();
        phone.next_step();
        let email = owner.email.clone();
        let mut one = app.visitor();
        one.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        let mut other = app.visitor();
        other.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        let (earlier, code, later) = (phone.code_at(-1), phone.code(), phone.code_at(1));
        one.post(CHALLENGE, &[("code", &code), ("with", "code")]).await.leads_to("/");
        other.post(CHALLENGE, &[("code", &code), ("with", "code")]).await.is(422)
            .says("That code was already used. Wait for the next one.");
        other.post(CHALLENGE, &[("code", &earlier), ("with", "code")]).await.is(422);
        let replays = count(&app, "audit_events where kind = 'account.code_replayed'").await;
        assert_eq!(replays, 4, "two replays, each in the instance's chain and the organization's");
        other.post(CHALLENGE, &[("code", &later), ("with", "code")]).await.leads_to("/");
    }

    /// MFA-03, MFA-12: one step of drift, either way; spaces and dashes are forgiven, other digits are not.
    async fn codes_as_they_are_typed(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let email = owner.email.clone();
        let spaced = |code: String| format!(" {} {} ", &code[..3], &code[3..]);
        let dashed = |code: String| format!("{}-{}", &code[..3], &code[3..]);
        for (step, how) in [(0, &spaced as &dyn Fn(String) -> String), (-1, &dashed), (1, &spaced)] {
            app.clock.advance(5 * 30 * SECOND);
            let mut visitor = app.visitor();
            visitor.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
            visitor.post(CHALLENGE, &[("code", &how(phone.code_at(step))), ("with", "code")]).await.leads_to("/");
        }
        app.clock.advance(5 * 30 * SECOND);
        let mut visitor = app.visitor();
        visitor.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        for code in [phone.code_at(-2), phone.code_at(2), "١٢٣٤٥٦".to_owned(), String::new()] {
            let answer = visitor.post(CHALLENGE, &[("code", &code), ("with", "code")]).await.is(422);
            assert!(code.is_empty() || !answer.body.contains(&code), "a code is never sent back");
        }
    }

    /// MFA-04: after five wrong codes the right one waits too, in each session; a new sign-in by password gives
    /// none back; the recovery code stays open, and the pause ends by time.
    async fn guesses_are_counted_for_the_person(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let email = owner.email.clone();
        phone.next_step();
        for number in 0..5_u8 {
            let mut thief = app.visitor();
            thief.address = std::net::IpAddr::from([198, 51, 100, number]);
            thief.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
            thief.post(CHALLENGE, &[("code", &phone.wrong()), ("with", "code")]).await.is(422);
        }
        let mut visitor = app.visitor();
        visitor.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        let answer = visitor.post(CHALLENGE, &[("code", &phone.code()), ("with", "code")]).await.is(429);
        assert!(answer.header("retry-after").parse::<i64>().is_ok_and(|wait| (1..=900).contains(&wait)));
        answer.says("Use a recovery code");
        // A session that is signed in has no tries of its own either.
        owner.post("/step-up", &[("code", &phone.code()), ("with", "code")]).await.is(429);
        // A thief's recovery codes use up their own tries, and not the owner's.
        let mut thief = app.visitor();
        thief.address = std::net::IpAddr::from([198, 51, 100, 9]);
        thief.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        let guess = "0000-0000-0000-0000-0000-0000";
        for _ in 0..10 {
            thief.post(CHALLENGE, &[("code", guess), ("with", "recovery")]).await.is(422);
        }
        thief.post(CHALLENGE, &[("code", guess), ("with", "recovery")]).await.is(429);
        let code = phone.recovery_codes[0].clone();
        visitor.post(CHALLENGE, &[("code", &code), ("with", "recovery")]).await.leads_to("/");
        let mut later = app.visitor();
        later.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        later.post(CHALLENGE, &[("code", &phone.code()), ("with", "code")]).await.is(429);
        app.clock.advance(15 * MINUTE);
        let mut later = app.visitor();
        later.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        later.post(CHALLENGE, &[("code", &phone.code()), ("with", "code")]).await.leads_to("/");
    }

    /// M2, MFA-11: a recovery code works once, is mailed, and dies when new ones are made.
    async fn recovery_codes_work_once(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let email = owner.email.clone();
        let (first, second) = (phone.recovery_codes[0].clone(), phone.recovery_codes[1].to_uppercase().replace('-', " "));
        let mut visitor = app.visitor();
        visitor.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        visitor.get(&format!("{CHALLENGE}?with=recovery")).await.ok().says("Recovery code");
        visitor.post(CHALLENGE, &[("code", &first), ("with", "recovery")]).await.leads_to("/");
        app.deliver().await;
        let mail = app.mail_to(&email).await;
        assert!(mail.subject.contains("recovery code was used") && mail.text.contains("9 are left"), "{mail:?}");
        let mut again = app.visitor();
        again.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        again.post(CHALLENGE, &[("code", &first), ("with", "recovery")]).await.is(422).says("was used");
        again.post(CHALLENGE, &[("code", &second), ("with", "recovery")]).await.leads_to("/");
        // The code just used is a fresh proof of a factor: new ones can be made with it.
        again.get("/account/mfa/recovery-codes").await.ok().says("The 8 that you have");
        let page = again.post("/account/mfa/recovery-codes", &[]).await.ok().says_not("Add to your app");
        let new = recovery_codes(&page);
        assert!(new.iter().all(|code| !phone.recovery_codes.contains(code)));
        let mut old = app.visitor();
        old.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        old.post(CHALLENGE, &[("code", &phone.recovery_codes[5]), ("with", "recovery")]).await.is(422);
        old.post(CHALLENGE, &[("code", &new[5]), ("with", "recovery")]).await.leads_to("/");
    }

    /// The mail says so when few are left.
    async fn few_recovery_codes_are_told(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        for (used, words) in [(6, "4 are left."), (7, "3 are left. Make new ones soon"), (9, "One is left"), (10, "It was the last one")] {
            execute(&app, "update recovery_codes set used_at = null").await;
            for code in &phone.recovery_codes[..used] {
                owner.post("/step-up", &[("code", code), ("with", "recovery")]).await.leads_to("/");
            }
            app.deliver().await;
            let mail = app.mail_to(&owner.email).await;
            assert!(mail.text.contains(words), "{used}: {mail:?}");
        }
        owner.get("/account/mfa").await.ok().says("0 left");
    }

    /// MFA-10: an enrolment that nobody confirms is nobody's factor, and ends after ten minutes; a wrong code
    /// leaves everything as it was.
    async fn an_unconfirmed_app_is_no_factor(app: TestApp) {
        let mut owner = app.owner().await;
        let (path, phone) = owner.begin_mfa(&app.clock).await;
        owner.post(&path, &[("code", &phone.wrong()), ("name", "Pixel 9")]).await.is(422)
            .says("not the code that the app shows now");
        owner.post_fragment(&path, &[("code", "12345"), ("name", "Pixel 9")]).await.is(422).says("A code has 6 digits");
        owner.post(&path, &[("code", &phone.code()), ("name", "")]).await.is(422);
        let mut visitor = app.visitor();
        visitor.sign_in(&owner.email, PASSWORD).await.leads_to("/");
        app.clock.advance(10 * MINUTE);
        owner.post(&path, &[("code", &phone.code()), ("name", "Pixel 9")]).await.leads_to("/account/mfa");
        assert_eq!(count(&app, "authenticators where confirmed_at is not null").await, 0);
        // Another begun in its place is another secret, and the first is gone.
        owner.step_up().await;
        let (_, other) = owner.begin_mfa(&app.clock).await;
        assert_ne!(other.secret, phone.secret);
        owner.get(&path).await.leads_to("/account/mfa");
    }

    /// An enrolment is its beginner's alone.
    async fn anothers_enrolment_is_not_there(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let (path, phone) = owner.begin_mfa(&app.clock).await;
        dana.get(&path).await.leads_to("/account/mfa").says_not(&phone.secret);
        dana.post(&path, &[("code", &phone.code()), ("name", "Mine")]).await.leads_to("/account/mfa");
        owner.post(&path, &[("code", &phone.code()), ("name", "Pixel 9")]).await.ok();
        for noun in ["name", "removal"] {
            dana.get(&format!("{path}/{noun}")).await.is(404);
        }
        dana.post(&format!("{path}/removal"), &[]).await.is(404);
        dana.post(&format!("{path}/name"), &[("name", "Hers")]).await.is(404);
    }

    /// S12, MFA-08: changes of factors ask for a proof of the last ten minutes, and of whoever has a factor for
    /// one of these: the password does not do, nor a remembered device.
    async fn changes_ask_for_a_factor(app: TestApp) {
        let mut owner = app.owner().await;
        app.clock.advance(11 * MINUTE);
        owner.post("/account/mfa/authenticators", &[]).await.leads_to("/step-up");
        owner.step_up().await;
        let phone = owner.enable_mfa(&app.clock).await;
        app.clock.advance(11 * MINUTE);
        let id = texts(&app, "select id from authenticators").await.remove(0);
        let removal = format!("/account/mfa/authenticators/{id}/removal");
        for path in ["/account/mfa/authenticators", "/account/mfa/recovery-codes", &removal] {
            let asked = owner.post(path, &[]).await.leads_to("/step-up").location();
            owner.get(&asked).await.ok().says("6-digit code").says_not("Password");
            owner.post("/step-up", &[("password", PASSWORD)]).await.is(422);
        }
        let asked = owner.post(&removal, &[]).await.location();
        let form = asked.split("form=").nth(1).expect("the form is kept").to_owned();
        let done = owner.post("/step-up", &[("code", &phone.code()), ("with", "code"), ("form", &form)]).await.ok();
        assert!(done.body.contains(&removal));
        owner.post(&removal, &[]).await.leads_to("/account/mfa");
        owner.get("/account/mfa").await.ok().says("Enable MFA");
        assert_eq!(count(&app, "recovery_codes").await, 0);
        app.deliver().await;
        let mail = app.mail_to(&owner.email).await;
        assert!(mail.subject.contains("removed") && mail.text.contains("multi-factor authentication is off"), "{mail:?}");
    }

    /// Several apps: each one's codes work, they are named, and removed one by one. Other sessions end.
    async fn several_apps(app: TestApp) {
        let mut owner = app.owner().await;
        let email = owner.email.clone();
        let mut elsewhere = app.visitor();
        elsewhere.sign_in(&email, PASSWORD).await.leads_to("/");
        let one = owner.enable_mfa(&app.clock).await;
        elsewhere.get("/account").await.leads_to("/sign-in");
        let (path, other) = owner.begin_mfa(&app.clock).await;
        owner.post(&path, &[("code", &other.code()), ("name", "Tablet")]).await.leads_to("/account/mfa");
        owner.post(&format!("{path}/name"), &[("name", "Old <b>tablet</b>")]).await.leads_to("/account/mfa");
        owner.get("/account/mfa").await.ok().says("Pixel 9").says("Old <b>tablet</b>");
        for phone in [&one, &other] {
            let mut visitor = app.visitor();
            visitor.sign_in_with(&email, PASSWORD, phone).await.leads_to("/");
        }
        owner.post(&format!("{path}/removal"), &[]).await.leads_to("/account/mfa");
        let mut visitor = app.visitor();
        visitor.sign_in_with(&email, PASSWORD, &other).await.is(422);
        visitor.post(CHALLENGE, &[("code", &one.code()), ("with", "code")]).await.leads_to("/");
    }

    /// A remembered browser is not asked for a month, only there, and not for a step-up.
    async fn a_device_is_remembered(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let email = owner.email.clone();
        let mut laptop = app.visitor();
        laptop.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        phone.next_step();
        laptop.post(CHALLENGE, &[("code", &phone.code()), ("with", "code"), ("remember", "yes")]).await.leads_to("/");
        let device = laptop.cookies.get("interlock-device").cloned().expect("the browser is remembered");
        laptop.post("/sign-out", &[]).await.is(303);
        laptop.sign_in(&email, PASSWORD).await.leads_to("/");
        laptop.get("/account/mfa").await.ok().says("Firefox on Linux");
        laptop.post("/account/mfa/recovery-codes", &[]).await.leads_to("/step-up");
        // The cookie alone is nothing, and it is its owner's.
        let mut dana = app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let hers = dana.enable_mfa(&app.clock).await;
        let mut thief = app.visitor();
        thief.cookies.insert("interlock-device".to_owned(), device.clone());
        thief.get("/account").await.leads_to("/sign-in");
        thief.sign_in("dana@halden.example", PASSWORD).await.leads_to(CHALLENGE);
        drop(hers);
        // Forgotten, by the person or by time, it asks again.
        app.clock.advance(30 * DAY);
        laptop.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        phone.next_step();
        laptop.post(CHALLENGE, &[("code", &phone.code()), ("with", "code"), ("remember", "yes")]).await.leads_to("/");
        laptop.post("/account/mfa/devices", &[]).await.leads_to("/account/mfa");
        laptop.post("/sign-out", &[]).await.is(303);
        laptop.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
    }

    /// R10: a browser that was remembered before its person was signed out everywhere is asked for a factor again;
    /// ending all other sessions forgets it.
    async fn signing_out_everywhere_forgets_devices(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let phone = dana.enable_mfa(&app.clock).await;
        let remember = async |visitor: &mut crate::support::Visitor| {
            visitor.sign_in("dana@halden.example", PASSWORD).await.leads_to(CHALLENGE);
            phone.next_step();
            let fields = [("code", &*phone.code()), ("with", "code"), ("remember", "yes")];
            visitor.post(CHALLENGE, &fields).await.leads_to("/");
            visitor.post("/sign-out", &[]).await.is(303);
            visitor.sign_in("dana@halden.example", PASSWORD).await.leads_to("/");
        };
        let mut laptop = app.visitor();
        remember(&mut laptop).await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.post(&format!("{}/users/{id}/sign-out", owner.org), &[]).await.is(303);
        laptop.sign_in("dana@halden.example", PASSWORD).await.leads_to(CHALLENGE);
        let mut tablet = app.visitor();
        remember(&mut tablet).await;
        tablet.post("/account/sessions/others", &[]).await.is(303);
        tablet.post("/sign-out", &[]).await.is(303);
        tablet.sign_in("dana@halden.example", PASSWORD).await.leads_to(CHALLENGE);
    }

    /// A new password forgets remembered browsers and half-finished sign-ins.
    async fn a_new_password_begins_anew(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let email = owner.email.clone();
        let mut laptop = app.visitor();
        laptop.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        phone.next_step();
        laptop.post(CHALLENGE, &[("code", &phone.code()), ("with", "code"), ("remember", "yes")]).await.leads_to("/");
        let mut half = app.visitor();
        half.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        app.visitor().post("/forgot-password", &[("email", &email)]).await.is(303);
        app.deliver().await;
        let reset = app.mail_to(&email).await.path("/reset/");
        let new = "eleven slow brown otters";
        app.visitor().post(&reset, &[("password", new)]).await.leads_to("/sign-in");
        half.get(CHALLENGE).await.leads_to("/sign-in");
        laptop.sign_in(&email, new).await.leads_to(CHALLENGE);
        // RST-03: the reset has signed nobody in, and the factor is still asked.
        phone.next_step();
        laptop.post(CHALLENGE, &[("code", &phone.code()), ("with", "code")]).await.leads_to("/");
    }

    /// A sign-in with a browser that was not seen lately is mailed, whole ones only.
    async fn a_new_browser_is_told(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let email = owner.email.clone();
        app.deliver().await;
        let before = app.count_mails_to(&email).await;
        let mut same = app.visitor();
        same.sign_in_with(&email, PASSWORD, &phone).await.leads_to("/");
        let mut other = app.visitor();
        other.headers = vec![("user-agent".to_owned(), "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1".to_owned())];
        other.sign_in(&email, PASSWORD).await.leads_to(CHALLENGE);
        app.deliver().await;
        assert_eq!(app.count_mails_to(&email).await, before);
        phone.next_step();
        other.post(CHALLENGE, &[("code", &phone.code()), ("with", "code")]).await.leads_to("/");
        app.deliver().await;
        assert_eq!(app.count_mails_to(&email).await, before + 1);
        let mail = app.mail_to(&email).await;
        assert!(mail.subject.contains("new sign-in") && mail.text.contains("Safari on iPhone"), "{mail:?}");
    }

    /// ASVS 11.3.3, 16.2.5, MFA "secrets at rest": neither secrets nor codes stand in the database, the log or an export.
    async fn nothing_of_it_can_be_read(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let dump = crate::support::database::dump(&app).await;
        let bare = phone.secret.replace(' ', "");
        assert!(!dump.contains(&bare) && !dump.to_lowercase().contains(&bare.to_lowercase()));
        for code in &phone.recovery_codes {
            assert!(!dump.contains(code.as_str()) && !dump.contains(&code.replace('-', "")));
        }
        let audit = owner.get(&format!("{}/audit.csv", owner.org)).await.ok();
        assert!(audit.body.contains("account.factor_added") && !audit.body.contains(&bare));
        // Moved to another row it does not open.
        let mut dana = app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let hers = dana.enable_mfa(&app.clock).await;
        execute(&app, "update authenticators set secret = (select secret from authenticators a order by created_at limit 1)").await;
        let mut visitor = app.visitor();
        visitor.sign_in("dana@halden.example", PASSWORD).await.leads_to(CHALLENGE);
        hers.next_step();
        visitor.post(CHALLENGE, &[("code", &phone.code()), ("with", "code")]).await.is(500);
        visitor.post(CHALLENGE, &[("code", &hers.code()), ("with", "code")]).await.is(500);
    }

    /// M7, MFA-13: an Admin resets a member of this organization alone: audited, mailed, signed out. Owners, people of
    /// other organizations and oneself are the sysadmin's business; it asks for a step-up.
    async fn an_admin_resets_factors(app: TestApp) {
        let mut owner = app.owner().await;
        let mut admin = app.member(&mut owner, "Ad Min", "admin@halden.example", Role::Admin).await;
        let mut dana = app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let (org, owners) = (owner.org.clone(), app.id_of(&mut owner, "Amara Okafor").await);
        let hers = app.id_of(&mut owner, "Dana Kovač").await;
        let path = |id: &str| format!("{org}/users/{id}/factors-reset");
        admin.get(&path(&hers)).await.is(409).says("no factor to reset");
        dana.enable_mfa(&app.clock).await;
        owner.enable_mfa(&app.clock).await;
        admin.get(&path(&owners)).await.is(403);
        admin.post(&path(&owners), &[]).await.is(403);
        let own = app.id_of(&mut owner, "Ad Min").await;
        admin.post(&path(&own), &[]).await.is(409).says("by themselves");
        admin.get(&path(&hers)).await.ok().says("Reset the factors of Dana Kovač?");
        app.clock.advance(11 * MINUTE);
        admin.post(&path(&hers), &[]).await.leads_to("/step-up");
        admin.step_up().await;
        admin.post(&path(&hers), &[]).await.is(303);
        assert_eq!(count(&app, &format!("authenticators where user_id = '{hers}'")).await, 0);
        assert_eq!(count(&app, &format!("recovery_codes where user_id = '{hers}'")).await, 0);
        dana.get("/account").await.leads_to("/sign-in");
        dana.sign_in("dana@halden.example", PASSWORD).await.leads_to("/");
        app.deliver().await;
        assert!(app.mail_to("dana@halden.example").await.subject.contains("was reset"));
        let audit = admin.get(&format!("{org}/audit")).await.ok();
        audit.says("Reset factors").says("Dana Kovač");

        // In another organization too, even suspended there: not theirs alone to decide.
        dana.enable_mfa(&app.clock).await;
        let mut other = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let link = app.invited(&mut other, "dana@halden.example", Role::Member).await;
        dana.post(&link, &[]).await.is(303);
        other.post(&format!("{}/users/{hers}/suspension", other.org), &[]).await.is(303);
        admin.get(&path(&hers)).await.is(409).says("other organizations");
        admin.post(&path(&hers), &[]).await.is(409).says("interlock user reset-factors");
    }

    /// S12: of whoever has a factor a change of the password asks for one, by the page and by the form.
    async fn a_new_password_asks_for_a_factor(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        app.clock.advance(11 * MINUTE);
        let page = owner.get("/account").await.ok().says("It asks for a factor first.");
        assert!(!page.body.contains("name=\"current_password\""));
        let new = "eleven slow brown otters";
        let fields = [("current_password", PASSWORD), ("password", new)];
        owner.post("/account/password", &fields).await.leads_to("/step-up");
        let asked = owner.get("/account/password").await.leads_to("/step-up").location();
        owner.get(&asked).await.ok().says("6-digit code").says_not("What you typed is kept");
        let proof = [("code", &*phone.code()), ("with", "code"), ("next", "/account/password")];
        owner.post("/step-up", &proof).await.leads_to("/account/password");
        owner.get("/account/password").await.ok().says("Current password");
        owner.post("/account/password", &[("current_password", "not this one at all"), ("password", new)]).await.is(422);
        owner.post("/account/password", &fields).await.leads_to("/account");
        app.visitor().sign_in(&owner.email, new).await.leads_to(CHALLENGE);
        // The way on stays on this server.
        let away = [("code", &*phone.recovery_codes[0]), ("with", "recovery"), ("next", "//evil.example")];
        owner.post("/step-up", &away).await.leads_to("/");
    }

    /// R12, M5, S6: an Owner who would undo a deletion owes what the organization asks for, and is told so by its name.
    async fn a_deleted_organization_asks_too(app: TestApp) {
        let mut owner = app.owner().await;
        owner.step_up().await;
        let org = owner.org.clone();
        owner.post(&format!("{org}/settings/deletion"), &[("confirmation", "halden-freight")]).await.is(303);
        execute(&app, "update organizations set mfa = 'passkey', shortest_password = 32").await;
        let asked = owner.get(&format!("{org}/closed")).await.leads_to("/account/mfa/enrol").location();
        owner.get(&asked).await.ok().says("Halden Freight takes").says_not("Set up an authenticator app");
        execute(&app, "update organizations set mfa = 'optional'").await;
        let asked = owner.get(&format!("{org}/closed")).await.leads_to("/account/password").location();
        owner.get(&asked).await.ok().says("Halden Freight asks for at least 32 characters");
        let short = [("current_password", PASSWORD), ("password", "eleven slow brown otters"), ("next", "/")];
        owner.post("/account/password", &short).await.is(422).says("at least 32 characters");
    }

    /// A sign-in to an account that slept is mailed, though nothing is left to compare it with; a first one is not.
    async fn a_sleeping_account_is_told(app: TestApp) {
        let owner = app.owner().await;
        let email = owner.email.clone();
        app.deliver().await;
        let before = app.count_mails_to(&email).await;
        for (days, mails) in [(10, 0), (31, 1)] {
            execute(&app, "delete from session_visits").await;
            execute(&app, "delete from session_proofs").await;
            execute(&app, "delete from sessions").await;
            app.clock.advance(days * DAY);
            app.visitor().sign_in(&email, PASSWORD).await.leads_to("/");
            app.deliver().await;
            assert_eq!(app.count_mails_to(&email).await, before + mails, "after {days} days");
        }
    }
}
