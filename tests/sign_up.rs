//! `/sign-up`, `/verify/{token}` and `/setup/{token}`: how accounts and organizations come to be.

use axum::http::Method;
use interlock::clock::{DAY, HOUR, MINUTE, SECOND};
use interlock::domain::access::Role;
use interlock::domain::{housekeeping, sign_up, throttle};
use interlock::secrets::Token;

use crate::support::{
    Answer, PASSWORD, TestApp, Visitor, database, everything, fresh_schema, on_both, refuses_bad_forms,
};

const AMARA: &str = "amara@halden.example";
const FIELDS: [(&str, &str); 4] =
    [("organization", "Halden Freight"), ("name", "Amara Okafor"), ("email", AMARA), ("password", PASSWORD)];

/// The same form with another value.
fn with<'a>(fields: &[(&'a str, &'a str)], field: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|&(name, old)| (name, if name == field { value } else { old })).collect()
}

/// Signs up and gives the path of the mailed link.
async fn pending(app: &TestApp, visitor: &mut Visitor, fields: &[(&str, &str)]) -> String {
    visitor.post("/sign-up", fields).await.leads_to("/sign-up/sent");
    let (_, email) = fields.iter().find(|(name, _)| *name == "email").expect("the form has an address");
    app.mail_to(email).await.path("/verify/")
}

/// All that an answer tells, but for the secret in its cookie.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        let value = value.to_str().expect("a header is text");
        let value = if name == "set-cookie" {
            let (pair, attributes) = value.split_once(';').expect("a cookie has attributes");
            format!("{}; {attributes}", pair.split_once('=').expect("a cookie has a name").0)
        } else {
            value.to_owned()
        };
        (name.to_string(), value)
    };
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id").map(header).collect();
    (answer.status.as_u16(), headers, answer.body.clone())
}

on_both! {
    /// S2: nothing exists until the mailed link is confirmed, and only its form's POST confirms it:
    /// a mail scanner may open it as often as it likes.
    async fn an_account_begins_with_the_confirmed_address(app: TestApp) {
        let mut amara = app.visitor();
        amara.get("/sign-up").await.ok().says("Create an organization");
        let link = pending(&app, &mut amara, &FIELDS).await;
        amara.get("/sign-up/sent").await.ok().says("Check your mail").says("24 hours");
        assert_eq!(amara.session_cookie(), None);
        assert_eq!(database::count(&app, "users").await, 0);
        assert_eq!(database::count(&app, "organizations").await, 0);
        amara.sign_in(AMARA, PASSWORD).await.is(422);

        let before = everything(&app).await;
        for _ in 0..3 {
            app.visitor().get(&link).await.ok().says("Halden Freight").says(AMARA);
            app.visitor().send(Method::HEAD, &link, &[], None).await.is(200);
        }
        amara.get(&link).await.ok().says("You are about to create Halden Freight").says_not("another browser");
        assert_eq!(everything(&app).await, before);

        amara.post(&link, &[]).await.leads_to("/o/halden-freight/users");
        let users = amara.get("/o/halden-freight/users").await.ok();
        users.says("Halden Freight is ready, and you are its Owner").says("Amara Okafor (you)").says("1 person");
        let audit = amara.get("/o/halden-freight/audit").await.ok();
        audit.says("Created the organization").says("Created account");
        amara.get("/sign-up").await.leads_to("/");
    }

    /// S2: confirmed in another browser than the one that signed up, the page asks for the password.
    async fn another_browser_must_know_the_password(app: TestApp) {
        let mut amara = app.visitor();
        let link = pending(&app, &mut amara, &FIELDS).await;
        let mut other = app.visitor();
        other.get(&link).await.ok().says("You signed up in another browser");
        let before = everything(&app).await;
        other.post(&link, &[]).await.is(422).says("not the password that you signed up with");
        other.post(&link, &[("password", "eight plain wet stones")]).await.is(422);
        other.cookies.insert("interlock-sign-up".to_owned(), Token::generate().expose().to_owned());
        other.post(&link, &[]).await.is(422);
        other.cookies.insert("interlock-sign-up".to_owned(), "nonsense".to_owned());
        other.post(&link, &[("password", "")]).await.is(422);
        assert_eq!(everything(&app).await, before);
        assert_eq!(other.session_cookie(), None);
        other.post(&link, &[("password", PASSWORD)]).await.leads_to("/o/halden-freight/users");
        other.get("/o/halden-freight/users").await.ok();
        // The one that signed up has got nothing of it.
        amara.get("/o/halden-freight/users").await.leads_to("/sign-in");
        amara.post(&link, &[]).await.is(410);
    }

    /// S2, MFA-04's like: guesses of that password are budgeted, the right one included; the browser
    /// that signed up needs none and is not held up.
    async fn guesses_of_the_password_are_budgeted(app: TestApp) {
        let mut amara = app.visitor();
        let link = pending(&app, &mut amara, &FIELDS).await;
        let mut thief = app.visitor();
        for _ in 0..throttle::CONFIRM_PASSWORD.tries {
            thief.post(&link, &[("password", "eight plain wet stones")]).await.is(422);
        }
        let refused = thief.post(&link, &[("password", PASSWORD)]).await.is(429);
        assert_eq!(refused.header("retry-after"), "900");
        assert_eq!(database::count(&app, "users").await, 0);
        amara.post(&link, &[]).await.leads_to("/o/halden-freight/users");
    }

    /// S4, ENU-01: an address that has an account gets the same answer as one that has none, and a mail of its own.
    async fn a_known_address_gets_the_same_answer_and_its_own_mail(app: TestApp) {
        app.owner().await;
        let users = database::texts(&app, "select id || password_hash || name from users").await;
        let mut known = Vec::new();
        let mut unknown = Vec::new();
        for (answers, email) in [(&mut known, "AMARA@Halden.example"), (&mut unknown, "nina@halden.example")] {
            let mut visitor = app.visitor();
            answers.push(told(&visitor.post("/sign-up", &with(&FIELDS, "email", email)).await));
            answers.push(told(&visitor.get("/sign-up/sent").await));
        }
        assert_eq!(known, unknown);
        assert_eq!(known[0].0, 303);

        let mail = app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "You already have an account");
        assert!(!mail.text.contains("/verify/"), "{mail:?}");
        app.mail_to("nina@halden.example").await.path("/verify/");
        assert_eq!(database::texts(&app, "select id || password_hash || name from users").await, users);
    }

    /// S4: the password that somebody types for an address that has an account is not kept, not even hashed.
    async fn a_sign_up_that_leads_nowhere_keeps_no_password(app: TestApp) {
        app.owner().await;
        app.visitor().post("/sign-up", &FIELDS).await.leads_to("/sign-up/sent");
        assert_eq!(database::count(&app, "pending_sign_ups").await, 2);
        assert_eq!(database::count(&app, "pending_sign_ups where password_hash <> ''").await, 0);
    }

    /// S4, ENU-03: mails to one address and from one address are budgeted, known or not.
    async fn mails_that_strangers_cause_are_budgeted(app: TestApp) {
        app.owner().await;
        app.clock.advance(2 * HOUR);
        for email in [AMARA, "nina@halden.example"] {
            let mut visitor = app.visitor();
            for _ in 0..throttle::MAIL_RECIPIENT.tries {
                visitor.post("/sign-up", &with(&FIELDS, "email", email)).await.leads_to("/sign-up/sent");
            }
            let refused = visitor.post("/sign-up", &with(&FIELDS, "email", email)).await.is(429);
            assert_eq!(refused.header("retry-after"), "3600");
            refused.says("Wait 60 minutes and try again");
            // Resets are counted together with it.
            visitor.post("/forgot-password", &[("email", email)]).await.is(429);
        }
        let mails = app.count_mails_to("nina@halden.example").await;
        assert_eq!(mails, 5);
        app.clock.advance(HOUR);
        let mut visitor = app.visitor();
        for number in 0..throttle::MAIL_ADDRESS.tries {
            let email = format!("person-{number}@halden.example");
            visitor.post("/forgot-password", &[("email", &email)]).await.leads_to("/forgot-password/sent");
        }
        visitor.post("/sign-up", &with(&FIELDS, "email", "nina@halden.example")).await.is(429);
        visitor.address = "192.0.2.9".parse().expect("it is an address");
        visitor.post("/sign-up", &with(&FIELDS, "email", "nina@halden.example")).await.leads_to("/sign-up/sent");
    }

    /// S2: a pending sign-up reserves no address. The address's owner never ends up with a password
    /// that somebody else chose, and the stranger's sign-up dies when the address is verified.
    async fn nobody_squats_on_an_address(app: TestApp) {
        let mut stranger = app.visitor();
        let planted = with(&with(&FIELDS, "password", "a stranger chose this"), "organization", "Not Halden");
        let strangers = pending(&app, &mut stranger, &planted).await;
        let mut amara = app.visitor();
        // The stranger's link reaches the owner of the address, who does not know its password.
        amara.post(&strangers, &[("password", PASSWORD)]).await.is(422);
        let own = pending(&app, &mut amara, &FIELDS).await;
        amara.post(&own, &[]).await.leads_to("/o/halden-freight/users");
        stranger.get(&strangers).await.is(410).says("This link does not work any more");
        stranger.post(&strangers, &[]).await.is(410);
        app.visitor().post(&strangers, &[("password", "a stranger chose this")]).await.is(410);
        app.visitor().sign_in(AMARA, "a stranger chose this").await.is(422);
        assert_eq!(database::count(&app, "users").await, 1);
        assert_eq!(database::count(&app, "organizations").await, 1);
        assert_eq!(database::count(&app, "pending_sign_ups where password_hash <> ''").await, 0);
    }

    /// S2, S3: accepting an invitation verifies the address, and pending sign-ups for it die.
    async fn a_sign_up_dies_when_its_address_is_verified_by_an_invitation(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.visitor();
        let fields = with(&with(&FIELDS, "email", "dana@halden.example"), "organization", "Dana Ltd");
        let link = pending(&app, &mut dana, &fields).await;
        app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        dana.get(&link).await.is(410);
        dana.post(&link, &[]).await.is(410);
        assert_eq!(database::count(&app, "organizations").await, 1);
    }

    /// S2: five seconds before 24 hours the link works, five seconds after it does not; nothing but the
    /// clock decides.
    async fn a_sign_up_ends_after_a_day(app: TestApp) {
        let (mut early, mut late) = (app.visitor(), app.visitor());
        let link = pending(&app, &mut early, &with(&FIELDS, "email", "early@halden.example")).await;
        app.clock.advance(DAY - 5 * SECOND);
        early.get(&link).await.ok();
        early.post(&link, &[]).await.leads_to("/o/halden-freight/users");
        let link = pending(&app, &mut late, &with(&FIELDS, "email", "late@halden.example")).await;
        app.clock.advance(DAY + 5 * SECOND);
        late.get(&link).await.is(410).says("24 hours are over");
        late.post(&link, &[("password", PASSWORD)]).await.is(410);
        housekeeping::sweep(&app.app).await.expect("the sweep works");
        late.get(&link).await.is(410);
        app.clock.advance(8 * DAY);
        housekeeping::sweep(&app.app).await.expect("the sweep works");
        late.get(&link).await.is(404);
        assert_eq!(database::count(&app, "users").await, 1);
    }

    /// S2: the link works once, also for two that come at the same moment.
    async fn two_confirmations_at_once_make_one_organization(app: TestApp) {
        let mut amara = app.visitor();
        let link = pending(&app, &mut amara, &FIELDS).await;
        let mut tab = amara.clone();
        let (one, other) = tokio::join!(amara.post(&link, &[]), tab.post(&link, &[]));
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410]);
        assert_eq!(database::count(&app, "organizations").await, 1);
        assert_eq!(database::count(&app, "users").await, 1);
        assert_eq!(database::count(&app, "sessions").await, 1);
        amara.post(&link, &[]).await.is(410);
    }

    /// INV-14: links that nobody was given are 404, alike, and after a budget 429; a right one still works.
    async fn unknown_links_are_nothing_and_are_budgeted(app: TestApp) {
        let mut amara = app.visitor();
        let link = pending(&app, &mut amara, &FIELDS).await;
        let unknown = Token::generate();
        let long = "a".repeat(3_000);
        let odd = [unknown.expose(), "x", "%F0%9F%92%A9", "..%2F..%2Fetc", "a%20b", "'--", &long];
        let mut told = Vec::new();
        for token in odd {
            for kind in ["verify", "reset", "setup"] {
                let path = format!("/{kind}/{token}");
                told.push(amara.get(&path).await.is(404).says("There is nothing here").status);
                amara.post(&path, &[("password", PASSWORD)]).await.is(404);
            }
        }
        for odd in ["%FF", "%00", "x?q=%00"] {
            amara.get(&format!("/verify/{odd}")).await.is(400);
        }
        for _ in told.len() * 2..usize::try_from(throttle::UNKNOWN_LINK.tries).expect("it is small") {
            amara.get(&format!("/verify/{}", unknown.expose())).await.is(404);
        }
        let refused = amara.get(&format!("/verify/{}", unknown.expose())).await.is(429);
        assert_eq!(refused.header("retry-after"), "900");
        amara.get("/reset/x").await.is(429);
        amara.get(&link).await.ok();
        amara.post(&link, &[]).await.leads_to("/o/halden-freight/users");
        app.clock.advance(15 * MINUTE);
        amara.get("/reset/x").await.is(404);
    }

    /// S6, INJ-02, INJ-03: every mistake is shown at once, beside what was typed; a password is never sent back.
    async fn mistakes_are_shown_beside_what_was_typed(app: TestApp) {
        let before = everything(&app).await;
        let mut visitor = app.visitor();
        let empty = FIELDS.map(|(name, _)| (name, ""));
        let page = visitor.post("/sign-up", &empty).await.is(422);
        page.says("Enter a name.").says("Enter an email address.").says("Use at least 15 characters.");
        visitor.post("/sign-up", &[]).await.is(422);

        let (name_101, marks) = ("n".repeat(101), format!("a{}", "\u{301}".repeat(10_000)));
        let (long, long_email) = ("n".repeat(20_000), format!("{}@halden.example", "e".repeat(300)));
        let bad_lines = [
            ("", "Enter a name."),
            (" \t ", "Enter a name."),
            (&name_101, "at most 100 characters"),
            (&long, "at most 100 characters"),
            (&marks, "at most 100 characters"),
            ("Ann\u{202E}nnA", "characters that can't be shown"),
            ("Ann\u{200B}a", "characters that can't be shown"),
            ("Ann\0a", "characters that can't be shown"),
            ("Ann\r\nBcc: eve@evil.example", "characters that can't be shown"),
            ("Ann\u{1B}[31m", "characters that can't be shown"),
            ("Win at https://evil.example", "can't hold a web address"),
            ("---", "at least one letter or digit"),
        ];
        let bad_emails = [
            ("", "Enter an email address."),
            ("amara", "Enter a whole address"),
            (&long_email, "at most 254 characters"),
            ("amara@halden.example,eve@evil.example", "Enter a whole address"),
            ("amara@halden.example\r\nBcc: eve@evil.example", "Enter a whole address"),
            ("amara\0@halden.example", "Enter a whole address"),
            ("amara@halden.ex\u{202E}ample", "plain letters"),
            ("=?utf-8?q?amara?=@halden", "Enter a whole address"),
        ];
        let (too_long, one_short) = ("stone lemon ".repeat(30), "fourteen chars");
        let bad_passwords = [
            ("", "at least 15 characters"),
            (one_short, "at least 15 characters"),
            (&too_long, "at most 256 bytes"),
            ("passwordpassword", "guessed first"),
            ("Halden-Freight-2026", "your own or your organization's name"),
            ("amara.okafor.halden", "your own or your organization's name"),
        ];
        let cases = bad_lines.map(|case| ("organization", case)).into_iter();
        let cases = cases.chain(bad_lines.map(|case| ("name", case)));
        let cases = cases.chain(bad_emails.map(|case| ("email", case)));
        let cases = cases.chain(bad_passwords.map(|case| ("password", case)));
        for (field, (value, why)) in cases {
            let page = visitor.post("/sign-up", &with(&FIELDS, field, value)).await.is(422).says(why);
            for kept in ["Halden Freight", "Amara Okafor", AMARA] {
                let replaced = FIELDS.iter().any(|&(name, good)| name == field && good == kept);
                assert!(replaced || page.body.contains(&format!("value=\"{kept}\"")), "{field} {value:?}: {kept}");
            }
            if field == "password" {
                assert!(value.is_empty() || !page.body.contains(value), "a password was sent back");
            } else if !value.is_empty() && value.len() < 100 {
                let shown = page.body.contains(&format!("value=\"{value}\""));
                assert!(shown || value.contains(['\'', '\r']), "{field} {value:?} is not kept");
            }
            assert!(!page.body.contains(PASSWORD), "a password was sent back");
        }
        refuses_bad_forms(&app, &mut visitor, "/sign-up", &FIELDS).await;
        assert_eq!(everything(&app).await, before);
        assert!(app.mails().await.is_empty());
    }

    /// INJ-01: what is typed is text wherever it comes back: page, attribute, mail.
    async fn names_are_text_and_nothing_else(app: TestApp) {
        let script = "Ann\"><script>alert(1)</script>";
        let mut ann = app.visitor();
        let again = with(&with(&FIELDS, "name", script), "email", script);
        let page = ann.post("/sign-up", &again).await.is(422);
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
        let fields = with(&with(&FIELDS, "name", script), "organization", "Ann & <b>Sons</b>");
        let link = pending(&app, &mut ann, &fields).await;
        let mail = app.mail_to(AMARA).await;
        assert!(!mail.html.contains("<b>Sons"), "{}", mail.html);
        assert!(mail.text.contains("Ann & <b>Sons</b>"), "{}", mail.text);
        let page = ann.get(&link).await.ok().says("Ann & <b>Sons</b>");
        assert!(!page.body.contains("<b>Sons"), "{}", page.body);
        let users = ann.post(&link, &[]).await.location();
        let page = ann.get(&users).await.ok().says(script);
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
    }

    /// INV-06, DOS-02: the confirming form takes a password and nothing else.
    async fn the_confirming_form_takes_a_password_alone(app: TestApp) {
        let link = pending(&app, &mut app.visitor(), &FIELDS).await;
        let mut other = app.visitor();
        refuses_bad_forms(&app, &mut other, &link, &[("password", PASSWORD)]).await;
        for password in ["\u{202E}", "\0", &"x".repeat(300)] {
            other.post(&link, &[("password", password)]).await.is(422);
        }
    }

    /// SES-14: a form on another site signs nobody up and confirms nothing.
    async fn other_sites_sign_nobody_up(app: TestApp) {
        let mut amara = app.visitor();
        let link = pending(&app, &mut amara, &FIELDS).await;
        let before = everything(&app).await;
        for origin in [Some("https://evil.example"), Some("null"), None] {
            amara.origin = origin.map(str::to_owned);
            amara.post("/sign-up", &FIELDS).await.is(403).says("did not come from Interlock");
            amara.post(&link, &[]).await.is(403);
        }
        assert_eq!(everything(&app).await, before);
    }
}

const CLOSED: [(&str, &str); 1] = [("INTERLOCK_SIGN_UP", "closed")];

async fn setup_link(app: &TestApp) -> String {
    let token = sign_up::prepare_setup(&app.app).await.expect("the database works");
    format!("/setup/{}", token.expect("nobody has an account").expose())
}

on_both! {
    with &CLOSED;

    /// S2, S4: closed sign-up makes nothing, and its answer stays "check your mail".
    async fn closed_sign_up_makes_nothing(app: TestApp) {
        let link = setup_link(&app).await;
        app.visitor().post(&link, &FIELDS).await.leads_to("/o/halden-freight/users");
        app.visitor().get("/sign-up").await.ok().says("Sign-up is closed here").says_not("Work email");
        let mut answers = Vec::new();
        for email in [AMARA, "nina@halden.example"] {
            answers.push(told(&app.visitor().post("/sign-up", &with(&FIELDS, "email", email)).await));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].0, 303);
        assert_eq!(app.mail_to(AMARA).await.subject, "You already have an account");
        let mail = app.mail_to("nina@halden.example").await;
        assert_eq!(mail.subject, "Sign-up is closed here");
        assert!(!mail.text.contains("/verify/"), "{mail:?}");
        assert_eq!(database::count(&app, "pending_sign_ups where password_hash <> ''").await, 0);
        assert_eq!(database::count(&app, "organizations").await, 1);
        // An invitation still makes an account.
        let mut owner = app.visitor();
        owner.sign_in(AMARA, PASSWORD).await.leads_to("/");
        owner.org = "/o/halden-freight".to_owned();
        app.member(&mut owner, "Nina Berg", "nina@halden.example", Role::Member).await;
    }

    /// BOT-01: the setup link makes one Owner, once, and is then nothing.
    async fn the_setup_link_makes_one_owner(app: TestApp) {
        app.visitor().sign_in("admin@halden.example", "admin").await.is(422);
        app.visitor().sign_in("admin", "admin").await.is(422);
        let old = setup_link(&app).await;
        let link = setup_link(&app).await;
        app.visitor().get(&old).await.is(404);
        app.visitor().get(&format!("/setup/{}", Token::generate().expose())).await.is(404);
        app.visitor().get("/setup/").await.is(404);
        app.visitor().get("/setup").await.is(404);

        let mut amara = app.visitor();
        amara.get(&link).await.ok().says("Set up Interlock").says("You become its first Owner");
        amara.send(Method::HEAD, &link, &[], None).await.is(200);
        let page = amara.post(&link, &with(&FIELDS, "password", "too short")).await.is(422);
        assert!(page.body.contains("value=\"Amara Okafor\"") && !page.body.contains("too short"), "{}", page.body);
        amara.post(&link, &FIELDS.map(|(name, _)| (name, ""))).await.is(422);
        refuses_bad_forms(&app, &mut amara, &link, &FIELDS).await;
        assert_eq!(database::count(&app, "users").await, 0);

        amara.post(&link, &FIELDS).await.leads_to("/o/halden-freight/users");
        amara.get("/o/halden-freight/users").await.ok().says("Amara Okafor (you)").says("Owner");
        for path in [&link, &old] {
            app.visitor().get(path).await.is(404);
            app.visitor().post(path, &with(&FIELDS, "email", "eve@evil.example")).await.is(404);
        }
        let again = sign_up::prepare_setup(&app.app).await.expect("the database works");
        assert!(again.is_none(), "there is an Owner already");
        assert_eq!(database::count(&app, "users").await, 1);
    }

    /// BOT-01: two setups that race make one Owner.
    async fn two_setups_at_once_make_one_owner(app: TestApp) {
        let link = setup_link(&app).await;
        let (mut amara, mut eve) = (app.visitor(), app.visitor());
        let other = with(&with(&FIELDS, "email", "eve@halden.example"), "organization", "Eve Ltd");
        let (one, two) = tokio::join!(amara.post(&link, &FIELDS), eve.post(&link, &other));
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 404]);
        for table in ["users", "organizations", "memberships", "sessions"] {
            assert_eq!(database::count(&app, table).await, 1, "{table}");
        }
        app.visitor().post(&link, &other).await.is(404);
    }
}

/// BOT-01: the same race against two replicas on one database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_setups_on_two_replicas_make_one_owner() {
    let app = TestApp::with(Some(fresh_schema().await), &CLOSED).await;
    let replica = app.replica().await;
    let link = setup_link(&app).await;
    let (mut amara, mut eve) = (app.visitor(), replica.visitor());
    let other = with(&with(&FIELDS, "email", "eve@halden.example"), "organization", "Eve Ltd");
    let (one, two) = tokio::join!(amara.post(&link, &FIELDS), eve.post(&link, &other));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 404]);
    assert_eq!(database::count(&app, "users").await, 1);
}

/// S2: closing sign-up ends what was pending too: a link from before makes no organization.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_sign_up_ends_what_was_pending() {
    let database = fresh_schema().await;
    let key = ("INTERLOCK_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
    let app = TestApp::with(Some(database.clone()), &[key]).await;
    let mut amara = app.visitor();
    let link = pending(&app, &mut amara, &FIELDS).await;
    let restarted = TestApp::with(Some(database), &[key, ("INTERLOCK_SIGN_UP", "closed")]).await;
    let mut visitor = restarted.visitor();
    visitor.cookies = amara.cookies.clone();
    visitor.get(&link).await.is(410);
    visitor.post(&link, &[("password", PASSWORD)]).await.is(410);
    assert_eq!(database::count(&app, "organizations").await, 0);
}

/// S2: an open instance has no setup link.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_sign_up_has_no_setup_link() {
    let app = TestApp::sqlite().await;
    assert!(sign_up::prepare_setup(&app.app).await.expect("the database works").is_none());
}
