//! `/forgot-password` and `/reset/{token}`: a new password by mail.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use interlock::clock::{DAY, HOUR, SECOND};
use interlock::domain::access::Role;
use interlock::domain::{housekeeping, throttle};
use tower::ServiceExt;

use crate::support::{Answer, PASSWORD, TestApp, Visitor, database, everything, on_both, refuses_bad_forms};

const AMARA: &str = "amara@halden.example";
const NEW: &str = "nine green bottles hang";

/// Asks for a link and gives its path.
async fn link(app: &TestApp, email: &str) -> String {
    app.visitor().post("/forgot-password", &[("email", email)]).await.leads_to("/forgot-password/sent");
    app.mail_to(email).await.path("/reset/")
}

/// Whose password is what, and since when.
async fn passwords(app: &TestApp) -> Vec<String> {
    database::texts(app, "select email || password_hash || password_changed_at from users order by email")
        .await
}

/// All that an answer tells.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let header = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        (name.to_string(), value.to_str().expect("a header is text").to_owned())
    };
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id").map(header).collect();
    (answer.status.as_u16(), headers, answer.body.clone())
}

on_both! {
    /// S5, RST-03: a reset sets the password, ends all sessions, signs nobody in, and mails the person.
    async fn a_reset_sets_the_password_and_ends_all_sessions(app: TestApp) {
        let mut amara = app.owner().await;
        let mut phone = app.visitor();
        phone.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let mut dana = app.member(&mut amara, "Dana Kovač", "dana@halden.example", Role::Member).await;
        amara.get("/forgot-password").await.ok().says("Forgot your password?");
        let link = link(&app, AMARA).await;
        amara.get("/forgot-password/sent").await.ok().says("Check your mail").says("within an hour");

        let mut visitor = app.visitor();
        let page = visitor.get(&link).await.ok().says("Set a new password").says(AMARA);
        assert!(page.body.contains("autocomplete=\"new-password\""), "{}", page.body);
        let done = visitor.post(&link, &[("password", NEW)]).await.leads_to("/sign-in");
        for cookie in done.headers.get_all("set-cookie") {
            assert!(cookie.to_str().is_ok_and(|cookie| cookie.starts_with("interlock-flash=")), "{cookie:?}");
        }
        visitor.get("/sign-in").await.ok().says("Your password is set. Sign in with it.");
        visitor.get("/account").await.leads_to("/sign-in");
        amara.get("/account").await.leads_to("/sign-in");
        amara.get_fragment("/o/halden-freight/users", "users-table").await.is(401);
        phone.post("/account/name", &[("name", "Eve")]).await.leads_to("/sign-in");
        dana.get("/account").await.ok();

        visitor.sign_in(AMARA, PASSWORD).await.is(422);
        visitor.sign_in(AMARA, NEW).await.leads_to("/");
        visitor.get("/o/halden-freight/audit").await.ok().says("Reset password");
        let mail = app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "Your password was changed");
        assert!(!mail.text.contains("/reset/") && !mail.text.contains(NEW), "{mail:?}");
    }

    /// S5, RST-01: a link works once; used or replaced by a newer one it is 410, and the password stays.
    async fn a_link_works_once_and_only_the_newest(app: TestApp) {
        app.owner().await;
        let superseded = link(&app, AMARA).await;
        // Mailed to the address as its account has it, however it was typed.
        let typed = [("email", " Amara@HALDEN.example")];
        app.visitor().post("/forgot-password", &typed).await.leads_to("/forgot-password/sent");
        let newest = app.mail_to(AMARA).await.path("/reset/");
        let before = passwords(&app).await;
        let mut visitor = app.visitor();
        visitor.get(&superseded).await.is(410).says("a newer one was mailed");
        visitor.post(&superseded, &[("password", NEW)]).await.is(410);
        assert_eq!(passwords(&app).await, before);

        visitor.post(&newest, &[("password", NEW)]).await.leads_to("/sign-in");
        let before = passwords(&app).await;
        visitor.post(&newest, &[("password", "ten green bottles hang")]).await.is(410);
        visitor.get(&newest).await.is(410).says("This link does not work any more");
        visitor.post(&superseded, &[("password", "ten green bottles hang")]).await.is(410);
        assert_eq!(passwords(&app).await, before);
        housekeeping::sweep(&app.app).await.expect("the sweep works");
        visitor.get(&newest).await.is(410);
        app.clock.advance(8 * DAY);
        housekeeping::sweep(&app.app).await.expect("the sweep works");
        visitor.get(&newest).await.is(404);
    }

    /// S5, RST-01: five seconds before an hour it works, five seconds after it does not.
    async fn a_link_ends_after_an_hour(app: TestApp) {
        app.owner().await;
        let early = link(&app, AMARA).await;
        app.clock.advance(HOUR - 5 * SECOND);
        app.visitor().get(&early).await.ok();
        app.visitor().post(&early, &[("password", NEW)]).await.leads_to("/sign-in");
        let late = link(&app, AMARA).await;
        let before = passwords(&app).await;
        app.clock.advance(HOUR + 5 * SECOND);
        app.visitor().get(&late).await.is(410).says("its hour is over");
        app.visitor().post(&late, &[("password", "ten green bottles hang")]).await.is(410);
        assert_eq!(passwords(&app).await, before);
    }

    /// RST-01; ASVS 6.6.2: a link is bound to the password that it replaces.
    async fn a_link_ends_when_the_password_changes(app: TestApp) {
        app.owner().await;
        let link = link(&app, AMARA).await;
        let mut amara = app.visitor();
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let fields = [("current_password", PASSWORD), ("password", NEW)];
        amara.post("/account/password", &fields).await.leads_to("/account");
        app.visitor().get(&link).await.is(410);
        app.visitor().post(&link, &[("password", "ten green bottles hang")]).await.is(410);
        app.visitor().sign_in(AMARA, NEW).await.leads_to("/");
    }

    /// RST-01: two that come at the same moment set one password.
    async fn two_resets_at_once_set_one_password(app: TestApp) {
        app.owner().await;
        let link = link(&app, AMARA).await;
        let (mut one, mut other) = (app.visitor(), app.visitor());
        let other_password = "ten green bottles hang";
        let (ones, others) = ([("password", NEW)], [("password", other_password)]);
        let (first, second) = tokio::join!(one.post(&link, &ones), other.post(&link, &others));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410]);
        let (set, unset) = if first.status == 303 { (NEW, other_password) } else { (other_password, NEW) };
        app.visitor().sign_in(AMARA, set).await.leads_to("/");
        app.visitor().sign_in(AMARA, unset).await.is(422);
        assert_eq!(database::count(&app, "audit_events where kind = 'account.password_reset'").await, 2);
    }

    /// INV-13's like: looking at a link uses nothing up and changes nothing.
    async fn looking_at_a_link_changes_nothing(app: TestApp) {
        app.owner().await;
        let link = link(&app, AMARA).await;
        let before = everything(&app).await;
        for _ in 0..3 {
            app.visitor().get(&link).await.ok();
            app.visitor().send(Method::HEAD, &link, &[], None).await.is(200);
        }
        assert_eq!(everything(&app).await, before);
        app.visitor().post(&link, &[("password", NEW)]).await.leads_to("/sign-in");
    }

    /// S4, ENU-01: an address without an account gets the same answer, and a mail that says so.
    async fn an_unknown_address_gets_the_same_answer(app: TestApp) {
        app.owner().await;
        app.clock.advance(HOUR);
        let mut answers = Vec::new();
        for email in [AMARA, "nina@halden.example"] {
            let mut visitor = app.visitor();
            let asked = told(&visitor.post("/forgot-password", &[("email", email)]).await);
            answers.push((asked, told(&visitor.get("/forgot-password/sent").await)));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].0.0, 303);
        app.mail_to(AMARA).await.path("/reset/");
        let mail = app.mail_to("nina@halden.example").await;
        assert_eq!(mail.subject, "There is no account for this address");
        assert!(!mail.text.contains("/reset/"), "{mail:?}");
        // The budget of mails is spent alike.
        for email in [AMARA, "nina@halden.example"] {
            for _ in 1..throttle::MAIL_RECIPIENT.tries {
                app.visitor().post("/forgot-password", &[("email", email)]).await.is(303);
            }
            let refused = app.visitor().post("/forgot-password", &[("email", email)]).await.is(429);
            assert!(refused.header("retry-after").parse().is_ok_and(|seconds: u32| seconds <= 3_600));
        }
    }

    /// S4: a pending sign-up is no account: there is no password to set.
    async fn a_pending_sign_up_has_no_password_to_reset(app: TestApp) {
        let fields =
            [("organization", "Halden Freight"), ("name", "Amara"), ("email", AMARA), ("password", PASSWORD)];
        app.visitor().post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        app.visitor().post("/forgot-password", &[("email", AMARA)]).await.leads_to("/forgot-password/sent");
        assert_eq!(app.mail_to(AMARA).await.subject, "There is no account for this address");
    }

    /// V5, RST-02: the mailed link begins with the configured address, whatever the request calls the server.
    async fn the_link_is_on_our_own_server(app: TestApp) {
        app.owner().await;
        let evil = [
            ("/forgot-password", "evil.example", vec![]),
            ("/forgot-password", "localhost:3000@evil.example", vec![]),
            ("http://evil.example/forgot-password", "evil.example", vec![]),
            (
                "/forgot-password",
                "localhost:3000",
                vec![
                    ("x-forwarded-host", "evil.example"),
                    ("x-forwarded-proto", "https"),
                    ("x-forwarded-server", "evil.example"),
                    ("x-original-url", "http://evil.example/"),
                    ("forwarded", "host=evil.example"),
                    ("host", "evil.example"),
                ],
            ),
        ];
        for (target, host, headers) in evil {
            let mut request = Request::post(target)
                .header(header::HOST, host)
                .header(header::ORIGIN, &app.url)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let request = request.body(Body::from(format!("email={AMARA}"))).expect("the request is well-formed");
            let response = app.router.clone().oneshot(request).await.expect("the router always answers");
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            let location = response.headers().get(header::LOCATION).expect("it leads on");
            assert_eq!(location, "/forgot-password/sent");
            let mail = app.mail_to(AMARA).await;
            assert!(mail.text.contains("http://localhost:3000/reset/"), "{mail:?}");
            assert!(!mail.text.contains("evil") && !mail.html.contains("evil"), "{mail:?}");
        }
    }

    /// RST-05, INV-06: a link sets the password of its own person, whatever else is posted.
    async fn a_link_is_one_persons(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let dana = app.id_of(&mut owner, "Dana Kovač").await;
        let link = link(&app, AMARA).await;
        let before = passwords(&app).await;
        let mut visitor = app.visitor();
        for extra in [("email", "dana@halden.example"), ("user_id", dana.as_str()), ("id", &dana), ("user", &dana)] {
            visitor.post(&link, &[("password", NEW), extra]).await.is(422);
            visitor.post(&format!("{link}?{}={}", extra.0, extra.1), &[("password", "too short")]).await.is(422);
        }
        assert_eq!(passwords(&app).await, before);
        visitor.post(&link, &[("password", NEW)]).await.leads_to("/sign-in");
        visitor.sign_in("dana@halden.example", PASSWORD).await.leads_to("/");
    }

    /// RST-06: one address is asked about: two, in whatever shape, are refused, and nobody is mailed.
    async fn only_one_address_at_a_time(app: TestApp) {
        app.owner().await;
        let before = everything(&app).await;
        let eve = "eve@evil.example";
        for (body, status) in [
            (format!("email={AMARA}&email={eve}"), 400),
            (format!("email={eve}&email={AMARA}"), 400),
            (format!("email[]={AMARA}&email[]={eve}"), 422),
            (format!("email[0]={AMARA}"), 422),
            (format!("email={AMARA},{eve}"), 422),
            (format!("email={AMARA};{eve}"), 422),
            (format!("email={AMARA}%20{eve}"), 422),
            (format!("email={AMARA}%0d%0aBcc:{eve}"), 422),
            (format!("email={AMARA}%0aTo:{eve}"), 422),
            (format!("email=%3c{AMARA}%3e"), 422),
            (format!("email={AMARA}%00"), 422),
            (format!("email={AMARA}&cc={eve}"), 422),
            (format!("{{\"email\": [\"{AMARA}\", \"{eve}\"]}}"), 422),
        ] {
            let mut visitor = app.visitor();
            visitor.send(Method::POST, "/forgot-password", &[], Some(body)).await.is(status);
        }
        assert_eq!(everything(&app).await, before);
    }

    /// RST-07: the page of a link tells its address to nobody, and nothing keeps it.
    async fn the_page_of_a_link_is_not_told_on(app: TestApp) {
        app.owner().await;
        let link = link(&app, AMARA).await;
        let mut visitor = app.visitor();
        let token = link.rsplit('/').next().expect("a path has a part").to_owned();
        for page in [
            visitor.get(&link).await.ok(),
            visitor.post(&link, &[("password", "too short")]).await.is(422),
            visitor.post(&link, &[("password", NEW)]).await.is(303),
            visitor.get(&link).await.is(410),
        ] {
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            assert_eq!(page.header("cache-control"), "no-store");
            assert!(!page.body.contains(&token), "the link stands in the page");
            assert!(!page.headers.values().any(|value| value.to_str().is_ok_and(|value| value.contains(&token))));
        }
    }

    /// DOS-05: whoever is locked out by others' tries gets in by mail at once; the one who tries gains nothing.
    async fn a_reset_ends_the_pause(app: TestApp) {
        app.owner().await;
        let mut stranger = app.visitor();
        stranger.address = "203.0.113.9".parse().expect("it is an address");
        for _ in 0..throttle::SIGN_IN_ACCOUNT.tries {
            stranger.sign_in(AMARA, "eight plain wet stones").await.is(422);
        }
        let mut amara = app.visitor();
        amara.sign_in(AMARA, PASSWORD).await.is(429);
        // Asking for the link is not enough, and neither is another's reset.
        let link = link(&app, AMARA).await;
        amara.get(&link).await.ok();
        amara.post(&link, &[("password", "too short")]).await.is(422);
        amara.sign_in(AMARA, PASSWORD).await.is(429);
        amara.post(&link, &[("password", NEW)]).await.leads_to("/sign-in");
        amara.sign_in(AMARA, NEW).await.leads_to("/");
        stranger.sign_in(AMARA, "eight plain wet stones").await.is(422);
    }

    /// S6, INJ-03: what is typed wrong is said beside it, an address is kept, a password never; the link
    /// goes on working.
    async fn mistakes_are_shown_and_change_nothing(app: TestApp) {
        app.owner().await;
        let mut visitor = app.visitor();
        let before = everything(&app).await;
        let long = format!("{}@halden.example", "a".repeat(300));
        for (email, why) in [
            ("", "Enter an email address."),
            ("amara", "Enter a whole address"),
            (&long, "at most 254 characters"),
            ("amara\u{202E}@halden.example", "plain letters"),
            ("am\0ra@halden.example", "Enter a whole address"),
        ] {
            let page = visitor.post("/forgot-password", &[("email", email)]).await.is(422).says(why);
            assert!(page.body.contains(&format!("value=\"{email}\"")), "{email:?} is not kept");
        }
        visitor.post("/forgot-password", &[]).await.is(422);
        refuses_bad_forms(&app, &mut visitor, "/forgot-password", &[("email", AMARA)]).await;
        assert_eq!(everything(&app).await, before);

        let link = link(&app, AMARA).await;
        let (before, users) = (everything(&app).await, passwords(&app).await);
        let too_long = "stone lemon ".repeat(30);
        for (password, why) in [
            ("", "at least 15 characters"),
            ("fourteen chars", "at least 15 characters"),
            (&too_long, "at most 256 bytes"),
            ("passwordpassword", "guessed first"),
            ("Halden-Freight-2026", "your own or your organization's name"),
            ("amara.okafor.2026", "your own or your organization's name"),
        ] {
            let page = visitor.post(&link, &[("password", password)]).await.is(422).says(why).says(AMARA);
            assert!(password.is_empty() || !page.body.contains(password), "a password was sent back");
        }
        refuses_bad_forms(&app, &mut visitor, &link, &[("password", NEW)]).await;
        assert_eq!(everything(&app).await, before);
        assert_eq!(passwords(&app).await, users);
        // Any characters: they count, and are neither cut nor trimmed.
        let odd = " \u{202E}\0\t ünï 明日香 🧊🪁🎲 ";
        visitor.post(&link, &[("password", odd)]).await.leads_to("/sign-in");
        visitor.sign_in(AMARA, odd.trim()).await.is(422);
        visitor.sign_in(AMARA, odd).await.leads_to("/");
    }

    /// SES-14: another site resets nothing.
    async fn other_sites_reset_nothing(app: TestApp) {
        app.owner().await;
        let link = link(&app, AMARA).await;
        let before = everything(&app).await;
        let mut victim: Visitor = app.visitor();
        victim.origin = Some("https://evil.example".to_owned());
        victim.post("/forgot-password", &[("email", AMARA)]).await.is(403);
        victim.post(&link, &[("password", NEW)]).await.is(403);
        assert_eq!(everything(&app).await, before);
    }
}
