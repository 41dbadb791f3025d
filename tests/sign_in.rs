//! `/sign-in`, `/sign-out`, and the sessions that they begin and end.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::Method;
use interlock::clock::{DAY, HOUR, MINUTE, SECOND};
use interlock::domain::access::Role;
use interlock::domain::passwords::LONGEST;
use interlock::domain::throttle::{self, Budget};
use interlock::domain::{housekeeping, sessions};

use crate::support::{Answer, PASSWORD, TestApp, Visitor, database, everything, on_both, refuses_bad_forms};

const AMARA: &str = "amara@halden.example";
const NOBODY: &str = "amira@halden.example";
const WRONG: &str = "eight plain wet stones";

fn tries(budget: Budget) -> usize {
    usize::try_from(budget.tries).expect("a budget is small")
}

/// A wrong password that is refused without the work of comparing it: for tests that need many.
fn cheap() -> String {
    "x".repeat(LONGEST + 1)
}

fn from(app: &TestApp, address: &str) -> Visitor {
    let mut visitor = app.visitor();
    visitor.address = address.parse::<IpAddr>().expect("it is an address");
    visitor
}

/// All that an answer tells, but for the address that was typed.
fn told(answer: &Answer, email: &str) -> (u16, Vec<(String, String)>, String) {
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), value.to_str().expect("a header is text").to_owned())
    };
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id").map(header).collect();
    (answer.status.as_u16(), headers, answer.body.replace(email, "(typed)"))
}

/// Whether a cookie still opens anything, asked without touching the visitor that has it.
async fn is_live(app: &TestApp, cookie: &str) -> bool {
    let mut thief = app.visitor();
    thief.cookies.insert("interlock".to_owned(), cookie.to_owned());
    thief.get("/account").await.status == 200
}

fn cookie(visitor: &Visitor) -> String {
    visitor.session_cookie().expect("the visitor has a session").clone()
}

on_both! {
    /// S1, S6; ASVS 6.2.8: the right password signs in, and only exactly that one; the address folds
    /// ASCII letters.
    async fn the_right_password_signs_in(app: TestApp) {
        app.owner().await;
        let mut amara = app.visitor();
        let page = amara.get("/sign-in").await.ok();
        assert!(page.body.contains("autocomplete=\"username webauthn\""), "{}", page.body);
        assert!(!page.body.contains("type=\"password\""), "{}", page.body);
        let page = amara.post("/sign-in", &[("email", AMARA)]).await.ok();
        assert!(page.body.contains("autocomplete=\"current-password\""), "{}", page.body);
        amara.post("/sign-in", &[("email", "amara@")]).await.is(422).says("Enter a whole address");
        for near in ["seven plain wet stones ", " seven plain wet stones", "Seven plain wet stones", "", "seven"] {
            amara.sign_in(AMARA, near).await.is(422).says("That email and password do not match");
        }
        assert_eq!(amara.session_cookie(), None);
        amara.sign_in(" AMARA@halden.Example ", PASSWORD).await.leads_to("/");
        amara.get("/").await.leads_to("/o/halden-freight");
        amara.get("/o/halden-freight/users").await.ok();
        amara.get("/sign-in").await.leads_to("/");
        // A password does not wear out (ASVS 6.2.10).
        app.clock.advance(400 * DAY);
        amara.get("/account").await.leads_to("/sign-in");
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
    }

    /// ASVS 6.3.2: there are no accounts but those that people made.
    async fn there_are_no_accounts_from_the_factory(app: TestApp) {
        for (email, password) in [("admin", "admin"), ("root@localhost", "root"), ("", ""), (AMARA, PASSWORD)] {
            app.visitor().sign_in(email, password).await.is(422);
        }
        app.visitor().get("/").await.leads_to("/sign-in");
    }

    /// S4, ENU-01, ENU-03: an address with an account and one without get the same answers, from the
    /// first try to the pause and after it.
    async fn known_and_unknown_addresses_get_the_same_answers(app: TestApp) {
        app.owner().await;
        let (mut one, mut other) = (from(&app, "192.0.2.1"), from(&app, "192.0.2.2"));
        assert_eq!(AMARA.len(), NOBODY.len());
        for number in 1..=tries(throttle::SIGN_IN_ACCOUNT) + 3 {
            let known = one.sign_in(AMARA, WRONG).await;
            let unknown = other.sign_in(NOBODY, WRONG).await;
            assert_eq!(told(&known, AMARA), told(&unknown, NOBODY), "try {number}");
        }
        app.clock.advance(15 * MINUTE);
        let known = one.sign_in(AMARA, WRONG).await.is(422);
        let unknown = other.sign_in(NOBODY, WRONG).await.is(422);
        assert_eq!(told(&known, AMARA), told(&unknown, NOBODY));
        assert_eq!((one.session_cookie(), other.session_cookie()), (None, None));
    }

    /// ENU-01: the time tells nothing either. A comparison that was left out would take a tenth of the time.
    async fn known_and_unknown_addresses_take_the_same_time(app: TestApp) {
        app.owner().await;
        let mut times = [Vec::new(), Vec::new()];
        for number in 0..21 {
            for (at, email) in [AMARA, NOBODY].into_iter().enumerate() {
                let mut visitor = from(&app, &format!("192.0.2.{number}"));
                let began = Instant::now();
                visitor.sign_in(email, WRONG).await.is(422);
                times[at].push(began.elapsed());
            }
            app.clock.advance(5 * MINUTE);
        }
        let [known, unknown] = times.map(|mut times: Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        assert!(known < unknown * 2 && unknown < known * 2, "{known:?} and {unknown:?}");
    }

    /// S4; ASVS 6.3.1: ten wrong tries, and then a pause that the right password does not open either.
    /// Whoever is signed in goes on, and so do other accounts.
    async fn ten_wrong_tries_make_a_pause(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let mut visitor = app.visitor();
        for left in (0..tries(throttle::SIGN_IN_ACCOUNT)).rev() {
            let page = visitor.sign_in(AMARA, WRONG).await.is(422).says("do not match");
            match left {
                0 => page.says("There is a pause"),
                1 => page.says("You have 1 try left"),
                2 | 3 => page.says(&format!("You have {left} tries left")),
                _ => page.says_not("left before"),
            };
        }
        let refused = visitor.sign_in(AMARA, WRONG).await.is(429);
        assert_eq!(refused.header("retry-after"), "900");
        refused.says("Too many tries").says("Try again in 15 minutes").says("set a new password by mail");
        let right = visitor.sign_in(AMARA, PASSWORD).await.is(429);
        assert_eq!(right.header("retry-after"), "900");
        let elsewhere = from(&app, "198.51.100.7").sign_in("Amara@Halden.example", PASSWORD).await.is(429);
        assert!(elsewhere.body.contains("value=\"Amara@Halden.example\""), "what was typed is kept");
        assert!(!elsewhere.body.contains(PASSWORD), "but for the password");
        assert_eq!(visitor.session_cookie(), None);

        owner.get("/account").await.ok();
        app.visitor().sign_in("dana@halden.example", PASSWORD).await.leads_to("/");

        app.clock.advance(10 * MINUTE);
        let later = visitor.sign_in(AMARA, PASSWORD).await.is(429);
        assert_eq!(later.header("retry-after"), "300");
        later.says("Try again in 5 minutes");
        app.clock.advance(5 * MINUTE);
        visitor.sign_in(AMARA, PASSWORD).await.leads_to("/");
        // All tries are back.
        for _ in 0..tries(throttle::SIGN_IN_ACCOUNT) {
            app.visitor().sign_in(AMARA, &cheap()).await.is(422);
        }
    }

    /// ASVS 6.3.1: parallel guesses do not outrun the count.
    async fn parallel_guesses_share_one_budget(app: TestApp) {
        app.owner().await;
        let guesses: Vec<_> = (0..30)
            .map(|_| {
                let mut visitor = app.visitor();
                tokio::spawn(async move { visitor.sign_in(AMARA, WRONG).await.status.as_u16() })
            })
            .collect();
        let mut judged = 0;
        for guess in guesses {
            judged += usize::from(guess.await.expect("a guess is answered") == 422);
        }
        assert_eq!(judged, tries(throttle::SIGN_IN_ACCOUNT));
    }

    /// NIST 800-63B-4, 3.2.2; DOS-05: after a hundred wrong tries in a row only a new password by mail
    /// helps, and it does at once.
    async fn a_hundred_wrong_tries_in_a_row_ask_for_a_reset(app: TestApp) {
        app.owner().await;
        let mut visitor = app.visitor();
        let (pause, streak) = (throttle::SIGN_IN_ACCOUNT, throttle::SIGN_IN_STREAK);
        for _ in 0..streak.tries / pause.tries {
            for _ in 0..pause.tries {
                visitor.sign_in(AMARA, &cheap()).await.is(422);
            }
            app.clock.advance(pause.window);
        }
        for _ in 0..2 {
            let refused = visitor.sign_in(AMARA, PASSWORD).await.is(429).says("Set a new password by mail to go on");
            assert_eq!(refused.header("retry-after"), "86400");
            app.clock.advance(30 * DAY);
            housekeeping::sweep(&app.app).await.expect("the sweep works");
        }
        visitor.post("/forgot-password", &[("email", AMARA)]).await.leads_to("/forgot-password/sent");
        let link = app.mail_to(AMARA).await.path("/reset/");
        visitor.post(&link, &[("password", "nine green bottles hang")]).await.leads_to("/sign-in");
        visitor.sign_in(AMARA, "nine green bottles hang").await.leads_to("/");
    }

    /// ASVS 6.3.1: a right password ends the row of wrong ones.
    async fn a_right_password_gives_all_tries_back(app: TestApp) {
        app.owner().await;
        for number in 0..4 {
            let mut visitor = from(&app, &format!("192.0.2.{number}"));
            for _ in 1..tries(throttle::SIGN_IN_ACCOUNT) {
                visitor.sign_in(AMARA, &cheap()).await.is(422);
            }
            visitor.sign_in(AMARA, PASSWORD).await.leads_to("/");
        }
        assert_eq!(database::count(&app, "throttles where key like 'sign-in-streak:%' and used > 0").await, 0);
    }

    /// ASVS 6.3.1: one address on the network has a budget over all accounts; an IPv6 network of 64 bits
    /// is one address.
    async fn one_address_has_one_budget(app: TestApp) {
        app.owner().await;
        for (address, neighbour, stranger) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        ] {
            let mut visitor = from(&app, address);
            for number in 0..throttle::SIGN_IN_ADDRESS.tries {
                visitor.sign_in(&format!("person-{number}@halden.example"), &cheap()).await.is(422);
            }
            let refused = from(&app, neighbour).sign_in(AMARA, PASSWORD).await.is(429);
            assert_eq!(refused.header("retry-after"), "900");
            from(&app, stranger).sign_in(AMARA, PASSWORD).await.leads_to("/");
        }
        app.clock.advance(15 * MINUTE);
        from(&app, "192.0.2.1").sign_in(AMARA, PASSWORD).await.leads_to("/");
    }

    /// What is no address at all uses up nobody else's tries.
    async fn a_mistyped_address_pauses_only_itself(app: TestApp) {
        let mut visitor = app.visitor();
        for _ in 0..tries(throttle::SIGN_IN_ACCOUNT) {
            visitor.sign_in("amara", &cheap()).await.is(422);
        }
        visitor.sign_in("amara", &cheap()).await.is(429);
        from(&app, "192.0.2.1").sign_in("amara@halden", &cheap()).await.is(422);
    }

    /// ASVS 4.1.3: what a visitor says of its own address changes nothing.
    async fn a_spoofed_address_changes_nothing(app: TestApp) {
        let mut visitor = app.visitor();
        for number in 0..throttle::SIGN_IN_ADDRESS.tries {
            let email = format!("person-{number}@halden.example");
            visitor.headers = vec![("x-forwarded-for".to_owned(), format!("198.51.100.{number}"))];
            visitor.sign_in(&email, &cheap()).await.is(422);
        }
        for header in ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip"] {
            visitor.headers = vec![(header.to_owned(), "203.0.113.5".to_owned())];
            visitor.sign_in(NOBODY, &cheap()).await.is(429);
        }
    }

    /// HTX-03; ASVS 1.2.2: signing in leads on to our own pages only.
    async fn signing_in_leads_on_to_our_own_pages_only(app: TestApp) {
        app.owner().await;
        let own = "/o/halden-freight/users?role=owner&q=a";
        let others = [
            "https://evil.example/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "evil.example",
            "/\r\nSet-Cookie: a=b",
            "/\u{202E}",
            "",
            &format!("/{}", "a".repeat(17_000)),
        ];
        for (next, to) in [(own, own)].into_iter().chain(others.map(|other| (other, "/"))) {
            let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            let page = app.visitor().get(&format!("/sign-in?next={query}")).await.ok();
            let shown = format!("name=\"next\" value=\"{}\"", to.replace('&', "&#38;"));
            assert!(page.body.contains(&shown), "{next:?}: {}", page.body);
            let mut visitor = app.visitor();
            let fields = [("email", AMARA), ("password", PASSWORD), ("next", next)];
            assert_eq!(visitor.post("/sign-in", &fields).await.location(), to, "{next:?}");
            // Signed in already: led on at once, and no further.
            let there = visitor.get(&format!("/sign-in?next={query}")).await.location();
            assert_eq!(there, to, "{next:?}");
            let there = visitor.post("/o/halden-freight/sign-in", &[("password", PASSWORD), ("next", next)]).await;
            assert_eq!(there.location(), if to == own { own } else { "/o/halden-freight" }, "{next:?}");
        }
        app.visitor().get("/sign-in?next=/a&next=/b").await.is(400);
    }

    /// I6's like: whoever comes for a page gets there after signing in; htmx is told to load it.
    async fn signing_in_leads_back_to_where_one_wanted_to_be(app: TestApp) {
        app.owner().await;
        let mut visitor = app.visitor();
        let to = visitor.get("/o/halden-freight/users?q=a").await.location();
        assert_eq!(to, "/sign-in?next=%2Fo%2Fhalden-freight%2Fusers%3Fq%3Da");
        let piece = visitor.get_fragment("/o/halden-freight/users?q=a", "users-table").await.is(401);
        assert_eq!(piece.header("hx-redirect"), "/sign-in?next=%2F");
        assert!(piece.body.is_empty(), "{}", piece.body);
        for from in ["https://evil.example//evil.example", "javascript:alert(1)", "nonsense"] {
            let headers = [("hx-request", "true"), ("hx-current-url", from)];
            let piece = visitor.send(Method::GET, "/account", &headers, None).await.is(401);
            assert_eq!(piece.header("hx-redirect"), "/sign-in?next=%2F", "{from}");
        }
    }

    /// SES-01: a cookie that was planted is not the one that the sign-in gives.
    async fn a_planted_cookie_is_worth_nothing(app: TestApp) {
        let mut eve = app.sign_up("Eve Ltd", "Eve Stone", "eve@evil.example").await;
        app.owner().await;
        let unknown = "AAAAAAAAAAAAAAAAAAAAAA".to_owned();
        for planted in [unknown, cookie(&eve)] {
            let mut amara = app.visitor();
            amara.cookies.insert("interlock".to_owned(), planted.clone());
            amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
            assert_ne!(cookie(&amara), planted);
            amara.get("/account").await.ok().says("Amara Okafor").says_not("Eve Stone");
            assert!(!is_live(&app, &planted).await, "the planted cookie opens nothing");
        }
        eve.get("/account").await.leads_to("/sign-in");
    }

    /// SES-02: each proof gives another id, and the one before it is dead.
    async fn each_proof_gives_another_id(app: TestApp) {
        let mut amara = app.owner().await;
        let mut dead = vec![cookie(&amara)];
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        dead.push(cookie(&amara));
        amara.step_up().await;
        dead.push(cookie(&amara));
        amara.post("/o/halden-freight/sign-in", &[("password", PASSWORD)]).await.leads_to("/o/halden-freight");
        dead.push(cookie(&amara));
        let fields = [("current_password", PASSWORD), ("password", "nine green bottles hang")];
        amara.post("/account/password", &fields).await.leads_to("/account");
        let live = cookie(&amara);
        for (number, old) in dead.iter().enumerate() {
            assert_ne!(*old, live, "id {number}");
            assert!(!is_live(&app, old).await, "id {number} still opens the account");
        }
        assert!(is_live(&app, &live).await);
        assert_eq!(database::count(&app, "sessions where ended_at is null").await, 1);
    }

    /// SES-10: cookies that nobody can have been given are nobody's, and never an error. Of twins one was
    /// planted, and nobody can tell which.
    async fn odd_cookies_are_nobodys(app: TestApp) {
        let amara = app.owner().await;
        let own = cookie(&amara);
        let bare = |value: &str| format!("interlock={value}");
        let mut flipped = own.clone();
        flipped.replace_range(..1, if own.starts_with('A') { "B" } else { "A" });
        let odd = [
            bare(""),
            bare("x"),
            bare(&own[..own.len() - 1]),
            bare(&format!("{own}A")),
            bare(&flipped),
            bare(&own.to_lowercase().replace(|c: char| c.is_ascii_digit(), "z")),
            bare(&"A".repeat(20_000)),
            bare("\"\u{e9}\u{202E}"),
            bare("%00%ff"),
            bare("../../etc/passwd"),
            "interlock".to_owned(),
            ";;;=;".to_owned(),
            format!("Interlock={own}"),
            format!("%69nterlock={own}"),
            format!("__Host-interlock={own}"),
            format!("interlock-flash={own}; interlock-sign-up={own}"),
            format!("interlock={own}; interlock=x"),
            format!("interlock=x; interlock={own}"),
            format!("interlock={own}; interlock={own}"),
        ];
        for cookies in odd {
            for (method, path, status) in [
                (Method::GET, "/account", 303),
                (Method::GET, "/o/halden-freight/users", 303),
                (Method::GET, "/sign-in", 200),
                (Method::POST, "/account/sessions/others", 303),
                (Method::GET, "/static/nothing", 404),
            ] {
                let mut visitor = app.visitor();
                let answer = visitor.send(method, path, &[("cookie", &cookies)], None).await.is(status);
                assert!(status != 303 || answer.location().starts_with("/sign-in"), "{cookies:?} opens {path}");
            }
        }
        assert!(is_live(&app, &own).await, "its owner's session goes on");
        let mut visitor = app.visitor();
        let fields = Some(format!("email={AMARA}&password={}", PASSWORD.replace(' ', "+")));
        let twins = format!("interlock=x; interlock={own}");
        visitor.send(Method::POST, "/sign-in", &[("cookie", &twins)], fields).await.leads_to("/");
        visitor.get("/account").await.ok();
    }

    /// SES-11: an id opens something as a cookie only.
    async fn an_id_anywhere_else_is_nothing(app: TestApp) {
        let own = cookie(&app.owner().await);
        let mut thief = app.visitor();
        for path in ["/account", "/o/halden-freight/users"] {
            for name in ["interlock", "session", "id", "token"] {
                thief.get(&format!("{path}?{name}={own}")).await.leads_to("/sign-in");
            }
            for header in [
                ("authorization", format!("Bearer {own}")),
                ("authorization", format!("Basic {own}")),
                ("x-session", own.clone()),
                ("interlock", own.clone()),
            ] {
                let header = [(header.0, header.1.as_str())];
                thief.send(Method::GET, path, &header, None).await.leads_to("/sign-in");
            }
        }
        thief.post("/account/name", &[("interlock", &own), ("name", "Eve")]).await.leads_to("/sign-in");
        assert_eq!(thief.session_cookie(), None);
    }

    /// SES-13; ASVS 6.4.1, 16.2.5: a thief of the database finds no cookie, link or password in it.
    async fn the_database_opens_nothing(app: TestApp) {
        let mut amara = app.owner().await;
        let mut dana = app.visitor();
        dana.sign_in("Amara@Halden.example", "a wrong one that is typed").await.is(422);
        let invite = app.invited(&mut amara, "dana@halden.example", Role::Member).await;
        let fields = [("organization", "Other"), ("name", "Nina"), ("email", "nina@other.example"), ("password", PASSWORD)];
        dana.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        let verify = app.mail_to("nina@other.example").await.path("/verify/");
        dana.post("/forgot-password", &[("email", AMARA)]).await.leads_to("/forgot-password/sent");
        let reset = app.mail_to(AMARA).await.path("/reset/");
        // One that is not sent yet.
        dana.post("/forgot-password", &[("email", AMARA)]).await.leads_to("/forgot-password/sent");
        amara.step_up().await;

        let dump = database::dump(&app).await;
        assert!(dump.contains(AMARA) && dump.contains("$argon2id$"), "the dump is whole");
        let secrets = [&invite, &verify, &reset].map(|path| path.rsplit('/').next().expect("a path has a part"));
        let browser = dana.cookies.get("interlock-sign-up").expect("the browser is remembered");
        let own = cookie(&amara);
        let all = secrets.into_iter().chain([own.as_str(), browser, PASSWORD, "a wrong one that is typed", "/reset/"]);
        for secret in all {
            assert!(secret.len() > 6 && !dump.contains(secret), "{secret} stands in the database");
        }
    }

    /// SES-14: a form on another site signs nobody in, and out neither.
    async fn other_sites_sign_nobody_in_or_out(app: TestApp) {
        let mut amara = app.owner().await;
        let mut victim = app.visitor();
        for origin in [Some("https://evil.example"), Some("http://localhost:3001"), Some("null"), None] {
            victim.origin = origin.map(str::to_owned);
            victim.sign_in(AMARA, PASSWORD).await.is(403).says("This did not come from Interlock");
            amara.origin = origin.map(str::to_owned);
            amara.post("/sign-out", &[]).await.is(403);
        }
        for site in ["cross-site", "same-site", "none"] {
            victim.headers = vec![("sec-fetch-site".to_owned(), site.to_owned())];
            victim.origin = Some(app.url.clone());
            victim.sign_in(AMARA, PASSWORD).await.is(403);
        }
        assert_eq!(victim.session_cookie(), None);
        amara.get("/account").await.ok();
        assert_eq!(database::count(&app, "sessions").await, 1);
    }

    /// S10, SES-06: a session ends 24 hours after it began, however busy.
    async fn a_session_ends_after_a_day_however_busy(app: TestApp) {
        app.owner().await;
        let mut amara = app.visitor();
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        for _ in 0..3 {
            app.clock.advance(7 * HOUR);
            amara.get("/o/halden-freight/users").await.ok();
            // Not even a fresh proof makes it longer.
            amara.step_up().await;
        }
        app.clock.advance(3 * HOUR - 5 * SECOND);
        amara.get("/o/halden-freight/users").await.ok();
        app.clock.advance(10 * SECOND);
        let to = amara.get("/o/halden-freight/users").await.location();
        assert_eq!(to, "/sign-in?next=%2Fo%2Fhalden-freight%2Fusers");
        amara.get("/account").await.leads_to("/sign-in");
        let rename = [("name", "Amara Late")];
        amara.post("/account/name", &rename).await.leads_to("/sign-in");
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        amara.get("/account").await.ok().says_not("Late");
    }

    /// S10: a session ends after 8 hours without a click.
    async fn a_session_ends_when_nobody_clicks(app: TestApp) {
        app.owner().await;
        let mut amara = app.visitor();
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        for _ in 0..2 {
            app.clock.advance(8 * HOUR - 5 * SECOND);
            amara.get("/o/halden-freight/users").await.ok();
        }
        app.clock.advance(8 * HOUR + 5 * SECOND);
        amara.get("/o/halden-freight/users").await.leads_to("/sign-in");
        // Static files and pages of nobody's are no clicks.
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        for _ in 0..3 {
            app.clock.advance(3 * HOUR);
            amara.get("/healthz").await.ok();
            amara.get("/static/licences.txt").await.ok();
        }
        amara.get("/account").await.leads_to("/sign-in");
    }

    /// S9: an organization that was not clicked in for 8 hours asks for the password again; the session
    /// goes on elsewhere.
    async fn an_organization_counts_its_own_idle_time(app: TestApp) {
        app.owner().await;
        let mut amara = app.visitor();
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        amara.get("/o/halden-freight/users").await.ok();
        for _ in 0..3 {
            app.clock.advance(3 * HOUR);
            amara.get("/account").await.ok();
        }
        let ask = amara.get("/o/halden-freight/users?q=a").await.location();
        assert_eq!(ask, "/o/halden-freight/sign-in?next=%2Fo%2Fhalden-freight%2Fusers%3Fq%3Da");
        amara.get(&ask).await.ok().says("Halden Freight asks for a new sign-in");
        let asking = "/o/halden-freight/sign-in";
        let page = amara.post(asking, &[("password", WRONG), ("next", "/o/halden-freight/roles")]).await.is(422);
        page.says("This is not your current password");
        refuses_bad_forms(&app, &mut amara, asking, &[("password", WRONG), ("next", "/o/halden-freight/roles")]).await;
        amara.get("/o/halden-freight/users").await.leads_to(asking);
        let fields = [("password", PASSWORD), ("next", "/o/halden-freight/roles")];
        amara.post(asking, &fields).await.leads_to("/o/halden-freight/roles");
        amara.get("/o/halden-freight/users").await.ok();
        app.visitor().get(asking).await.ok().says_not("Halden").says("Continue");
    }

    /// S9; ASVS 6.3.1: guesses there are budgeted, with the right one refused in the pause too.
    async fn guesses_of_a_signed_in_persons_password_are_budgeted(app: TestApp) {
        let mut amara = app.owner().await;
        for number in 0..tries(throttle::CONFIRM_PASSWORD) {
            let path = ["/step-up", "/o/halden-freight/sign-in"][number % 2];
            amara.post(path, &[("password", WRONG)]).await.is(422);
        }
        for path in ["/step-up", "/o/halden-freight/sign-in"] {
            let refused = amara.post(path, &[("password", PASSWORD)]).await.is(429);
            assert_eq!(refused.header("retry-after"), "900");
        }
        let fields = [("current_password", PASSWORD), ("password", "nine green bottles hang")];
        amara.post("/account/password", &fields).await.is(429);
        // That is a budget of its own: nobody is locked out by it.
        app.visitor().sign_in(AMARA, PASSWORD).await.leads_to("/");
        app.clock.advance(15 * MINUTE);
        amara.step_up().await;
    }

    /// ASVS 7.4.1, 14.3.1; HTX-04: signing out ends the session at once and has the browser forget.
    async fn signing_out_ends_the_session(app: TestApp) {
        let mut amara = app.owner().await;
        let mut phone = app.visitor();
        phone.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let own = cookie(&amara);
        let bye = amara.post("/sign-out", &[]).await.leads_to("/sign-in");
        assert_eq!(bye.header("clear-site-data"), "\"cache\", \"storage\"");
        assert_eq!(amara.session_cookie(), None);
        assert!(!is_live(&app, &own).await);
        amara.get("/account").await.leads_to("/sign-in");
        phone.get("/account").await.ok();
        // Signed out already, or never in: no error.
        amara.post("/sign-out", &[]).await.leads_to("/sign-in");
        amara.get("/sign-out").await.is(405);
    }

    /// Signing in again leaves no session behind in the same browser.
    async fn signing_in_again_ends_the_session_before(app: TestApp) {
        let mut amara = app.owner().await;
        let before = cookie(&amara);
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        assert!(!is_live(&app, &before).await);
        assert_eq!(database::count(&app, "sessions where ended_at is null").await, 1);
        // A wrong try ends nothing.
        amara.sign_in(AMARA, WRONG).await.is(422);
        amara.get("/account").await.ok();
    }

    /// SES-03 and the trap of the stock session store: what is still in flight when a session ends does
    /// not revive it.
    async fn a_late_save_does_not_revive_a_session(app: TestApp) {
        let mut amara = app.owner().await;
        let before = cookie(&amara);
        // The comparison of the tab's password waits behind these.
        let busy: Vec<_> = (0..16)
            .map(|_| {
                let passwords = app.app.passwords.clone();
                tokio::spawn(async move { passwords.verify(WRONG, None).await })
            })
            .collect();
        let mut tab = amara.clone();
        let late = tokio::spawn(async move {
            let answer = tab.post("/step-up", &[("password", PASSWORD)]).await;
            (answer, tab)
        });
        while database::count(&app, "throttles where key like 'confirm-password:%'").await == 0 {
            tokio::task::yield_now().await;
        }
        amara.post("/sign-out", &[]).await.leads_to("/sign-in");
        let (answer, mut tab) = late.await.expect("the tab is answered");
        answer.leads_to("/sign-in");
        for work in busy {
            work.await.expect("no comparison panics").expect("there is room for all of them");
        }
        tab.get("/account").await.leads_to("/sign-in");
        assert!(!is_live(&app, &before).await);
        assert_eq!(database::count(&app, "sessions where ended_at is null").await, 0);

        // A click that is written late moves nothing either.
        let id = database::only(database::texts(&app, "select id from sessions").await);
        let ended = database::texts(&app, "select cast(last_seen_at as text) from sessions").await;
        app.clock.advance(MINUTE);
        let mut tx = app.app.db.write().await.expect("the database takes a transaction");
        let (id, now) = (id.parse().expect("it is an id"), tx.now());
        sessions::note_click(&mut tx, id, None, now).await.expect("the statement is right");
        tx.commit().await.expect("the transaction is kept");
        assert_eq!(database::texts(&app, "select cast(last_seen_at as text) from sessions").await, ended);
        assert_eq!(database::count(&app, "sessions where ended_at is null").await, 0);
    }

    /// ASVS 11.4.2: a password that is stored with old parameters is stored anew when its person signs
    /// in; nothing else about it changes.
    async fn an_old_hash_is_made_anew_at_sign_in(app: TestApp) {
        app.owner().await;
        app.visitor().post("/forgot-password", &[("email", AMARA)]).await.leads_to("/forgot-password/sent");
        let link = app.mail_to(AMARA).await.path("/reset/");
        let params = Params::new(8_192, 1, 1, None).expect("the parameters are within argon2's bounds");
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let old = hasher.hash_password(PASSWORD.as_bytes()).expect("it can be hashed").to_string();
        database::execute(&app, &format!("update users set password_hash = '{old}'")).await;
        let changed = database::texts(&app, "select cast(password_changed_at as text) from users").await;

        let mut amara = app.visitor();
        amara.sign_in(AMARA, WRONG).await.is(422);
        assert_eq!(database::only(database::texts(&app, "select password_hash from users").await), old);
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let new = database::only(database::texts(&app, "select password_hash from users").await);
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        assert_eq!(database::texts(&app, "select cast(password_changed_at as text) from users").await, changed);
        app.visitor().sign_in(AMARA, PASSWORD).await.leads_to("/");
        assert_eq!(database::only(database::texts(&app, "select password_hash from users").await), new);
        app.visitor().get(&link).await.ok();
        assert_eq!(app.count_mails_to(AMARA).await, 2);
    }

    /// S4, DOS-02, INJ-03: whatever is typed, the answer is "no", what was typed is kept, and the password is not.
    async fn odd_sign_ins_are_refused(app: TestApp) {
        app.owner().await;
        let before = everything(&app).await;
        let mut visitor = app.visitor();
        let long = format!("{}@halden.example", "a".repeat(30_000));
        for email in ["", "amara", "amara\0@halden.example", "\u{202E}amara@halden.example", "<b>'\"--", &long] {
            for password in ["", "\0 a secret", WRONG, &"\u{202E}".repeat(2_000)] {
                let page = visitor.sign_in(email, password).await.is(422).says("do not match");
                assert!(password.is_empty() || !page.body.contains(password), "a password was sent back");
                let kept = page.body.contains(&format!("value=\"{email}\""));
                assert!(kept || email.contains('<'), "{email:?} is not kept");
                assert!(!page.body.contains("<b>'"), "{}", page.body);
            }
            visitor.address = format!("192.0.2.{}", email.len() % 200).parse().expect("it is an address");
        }
        visitor.post("/sign-in", &[]).await.is(422);
        visitor.address = "198.51.100.1".parse().expect("it is an address");
        refuses_bad_forms(&app, &mut visitor, "/sign-in", &[("email", AMARA), ("password", WRONG), ("next", "/")])
            .await;
        assert_eq!(everything(&app).await, before);
    }

    /// ASVS 3.4, 4.1.1, 14.2.2; HTX-02: the headers of every answer, errors and redirects included.
    async fn every_answer_has_its_headers(app: TestApp) {
        let mut amara = app.owner().await;
        let mut visitor = app.visitor();
        let big = Some("a".repeat(100_000));
        let answers = [
            visitor.get("/sign-in").await.is(200),
            visitor.get("/account").await.is(303),
            visitor.get("/nowhere").await.is(404),
            visitor.get("/verify/%FF").await.is(400),
            visitor.get("/reset/unknown").await.is(404),
            visitor.get_fragment("/account", "x").await.is(401),
            visitor.send(Method::PUT, "/sign-in", &[], None).await.is(405),
            visitor.send(Method::TRACE, "/sign-in", &[], None).await.is(405),
            visitor.send(Method::POST, "/sign-in", &[], big).await.is(413),
            visitor.sign_in(AMARA, WRONG).await.is(422),
            visitor.send(Method::POST, "/sign-in", &[("sec-fetch-site", "cross-site")], None).await.is(403),
            amara.get("/account").await.is(200),
            amara.get("/o/halden-freight/users").await.is(200),
            amara.get_fragment("/account/sessions/others", "dialog-slot").await.is(200),
            amara.get("/o/elsewhere/users").await.is(404),
            amara.get("/o/%00/users").await.is(400),
            amara.get("/o/halden-freight/users?q=%00").await.is(400),
        ];
        for answer in answers {
            let policy = answer.header("content-security-policy");
            for part in ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{answer:?}");
            }
            assert!(!policy.contains("unsafe"), "{answer:?}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("cache-control", "no-store"),
                // There is no https here.
                ("strict-transport-security", ""),
                ("access-control-allow-origin", ""),
                ("server", ""),
                ("x-powered-by", ""),
            ] {
                assert_eq!(answer.header(name), value, "{name} of {answer:?}");
            }
            assert!(answer.header("vary").to_ascii_lowercase().contains("hx-request"), "{answer:?}");
            if !answer.body.is_empty() {
                assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{answer:?}");
            }
            if answer.status == 405 {
                assert!(answer.header("allow").contains("POST"), "{answer:?}");
            }
        }
    }
}

on_both! {
    with &[("INTERLOCK_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")];

    /// ASVS 4.1.3: of a named proxy's word the rightmost hop that is no proxy counts, and nothing left of it.
    async fn a_named_proxy_is_believed(app: TestApp) {
        app.owner().await;
        let through = |hops: &str| {
            let mut visitor = app.visitor();
            visitor.headers = vec![("x-forwarded-for".to_owned(), hops.to_owned())];
            visitor
        };
        for number in 0..throttle::SIGN_IN_ADDRESS.tries {
            let hops = format!("198.51.100.{number}, 203.0.113.7, 10.1.2.3");
            through(&hops).sign_in(&format!("person-{number}@halden.example"), &cheap()).await.is(422);
        }
        for hops in ["203.0.113.7", "203.0.113.8, 203.0.113.7", "nonsense, 203.0.113.7, 10.9.9.9"] {
            through(hops).sign_in(AMARA, PASSWORD).await.is(429);
        }
        let mut two = through("203.0.113.8");
        two.headers.push(("x-forwarded-for".to_owned(), "203.0.113.7".to_owned()));
        two.sign_in(AMARA, PASSWORD).await.is(429);
        through("203.0.113.8").sign_in(AMARA, PASSWORD).await.leads_to("/");
        through("203.0.113.7, 203.0.113.9").sign_in(AMARA, PASSWORD).await.leads_to("/");
        through("203.0.113.7, nonsense").sign_in(AMARA, PASSWORD).await.leads_to("/");
        // Whoever is no proxy may say what they like.
        let mut direct = through("198.51.100.200");
        direct.address = "203.0.113.7".parse().expect("it is an address");
        direct.sign_in(AMARA, PASSWORD).await.is(429);
        let mut amara = through("203.0.113.50");
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        amara.get("/account/sessions").await.ok().says("203.0.113.50");
    }
}

on_both! {
    with &[("INTERLOCK_BASE_URL", "https://access.halden.example"), ("INTERLOCK_HSTS_SUBDOMAINS", "true")];

    /// SES-04; ASVS 3.3, 3.4.1: under https every cookie is `__Host-`, Secure, HttpOnly and Lax, also when it
    /// is taken back: a browser ignores what is not.
    async fn every_cookie_is_the_hosts_own(app: TestApp) {
        let mut amara = app.visitor();
        amara.origin = Some("https://access.halden.example".to_owned());
        let fields =
            [("organization", "Halden Freight"), ("name", "Amara Okafor"), ("email", AMARA), ("password", PASSWORD)];
        let mut answers = vec![amara.post("/sign-up", &fields).await];
        let mail = app.mail_to(AMARA).await;
        assert!(mail.text.contains("https://access.halden.example/verify/"), "{mail:?}");
        answers.push(amara.post(&mail.path("/verify/"), &[]).await);
        answers.push(amara.get("/o/halden-freight/users").await.ok());
        answers.push(amara.post("/step-up", &[("password", PASSWORD)]).await);
        answers.push(amara.post("/account/name", &[("name", "Amara O.")]).await);
        answers.push(amara.get("/account").await.ok());
        let mut odd = app.visitor();
        odd.cookies.insert("__Host-interlock".to_owned(), "x".to_owned());
        answers.push(odd.get("/sign-in").await.ok());
        answers.push(amara.post("/sign-out", &[]).await.leads_to("/sign-in"));
        answers.push(amara.sign_in(AMARA, PASSWORD).await.leads_to("/"));
        let mut seen = Vec::new();
        for answer in &answers {
            assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
            for cookie in answer.headers.get_all("set-cookie") {
                let cookie = cookie.to_str().expect("a cookie is text");
                let attributes: Vec<&str> = cookie.split(';').skip(1).map(str::trim).collect();
                assert!(cookie.starts_with("__Host-interlock"), "{cookie}");
                for needed in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                    assert!(attributes.contains(&needed), "{needed}: {cookie}");
                }
                assert!(!cookie.contains("Domain") && cookie.len() < 4_096, "{cookie}");
                seen.push(cookie.split('=').next().expect("a cookie has a name").to_owned());
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ["__Host-interlock", "__Host-interlock-flash", "__Host-interlock-sign-up"]);
        // The name without the prefix opens nothing here.
        let mut thief = app.visitor();
        thief.cookies.insert("interlock".to_owned(), cookie(&amara));
        // Nor does one that a browser would let a neighbouring host plant.
        thief.cookies.insert("%5F%5FHost-interlock".to_owned(), cookie(&amara));
        thief.get("/account").await.leads_to("/sign-in");
        thief.cookies.insert("__Host-interlock".to_owned(), cookie(&amara));
        thief.get("/account").await.ok();
    }
}
