//! `/account`, `/account/sessions` and `/step-up`: what a person does about themselves.

use axum::http::Method;
use interlock::clock::{HOUR, MINUTE};
use interlock::domain::access::Role;

use crate::support::{PASSWORD, TestApp, Visitor, database, everything, on_both, refuses_bad_forms};

const AMARA: &str = "amara@halden.example";
const NEW: &str = "nine green bottles hang";
const CHANGE: [(&str, &str); 2] = [("current_password", PASSWORD), ("password", NEW)];

/// Another browser of the same person.
async fn another(app: &TestApp, email: &str) -> Visitor {
    let mut visitor = app.visitor();
    visitor.sign_in(email, PASSWORD).await.leads_to("/");
    visitor
}

fn cookie(visitor: &Visitor) -> String {
    visitor.session_cookie().expect("the visitor has a session").clone()
}

async fn hash(app: &TestApp, email: &str) -> String {
    let rows = database::texts(app, "select email || ' ' || password_hash from users").await;
    let mut own = rows.iter().filter_map(|row| row.split_once(' ')).filter(|(of, _)| *of == email);
    own.next().expect("the person has an account").1.to_owned()
}

/// Where the forms of the sessions page lead.
fn session_paths(page: &str) -> Vec<String> {
    let ends = page.split("action=\"/account/sessions/").skip(1);
    ends.map(|rest| format!("/account/sessions/{}", rest.split('"').next().unwrap_or_default())).collect()
}

on_both! {
    /// U1, U2: a new name shows in each of one's organizations, and is audited there.
    async fn a_new_name_shows_everywhere_and_is_audited(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let mut other = app.sign_up("Other Ltd", "Nina Berg", "nina@other.example").await;
        let link = app.invited(&mut other, "dana@halden.example", Role::Member).await;
        dana.post(&link, &[]).await.leads_to(&other.org);

        dana.get("/account").await.ok().says("Dana Kovač").says("dana@halden.example");
        dana.post("/account/name", &[("name", "  Dana   Kovačić ")]).await.leads_to("/account");
        dana.get("/account").await.ok().says("Your name is saved").says("Dana Kovačić");
        dana.get("/account").await.ok().says_not("Your name is saved");
        for reader in [&mut owner, &mut other] {
            let org = reader.org.clone();
            reader.get(&format!("{org}/users?q=kova%C4%8Di%C4%87")).await.ok().says("Dana Kovačić");
            let audit = reader.get(&format!("{org}/audit?kind=account.name_changed")).await.ok();
            audit.says("Changed name").says("name: Dana Kovač → Dana Kovačić").says("1 entry");
        }
        // The same name again is no change.
        dana.post("/account/name", &[("name", "Dana Kovačić")]).await.leads_to("/account");
        assert_eq!(database::count(&app, "audit_events where kind = 'account.name_changed'").await, 3);
        assert_eq!(app.count_mails_to("dana@halden.example").await, 2);
    }

    /// INJ-01, INJ-03, INJ-04: a name that can't be one is kept in its field, and nothing changes.
    async fn a_name_that_cannot_be_one_is_refused(app: TestApp) {
        let mut amara = app.owner().await;
        let before = everything(&app).await;
        let long = "n".repeat(101);
        for (name, why) in [
            ("", "Enter a name."),
            ("   ", "Enter a name."),
            (&long, "at most 100 characters"),
            ("Am\u{202E}ara", "characters that can't be shown"),
            ("Am\0ara", "characters that can't be shown"),
            ("Amara\r\nX-Evil: 1", "characters that can't be shown"),
            ("https://evil.example", "can't hold a web address"),
            ("...", "at least one letter or digit"),
        ] {
            let page = amara.post("/account/name", &[("name", name)]).await.is(422).says(why);
            let kept = page.body.contains(&format!("name=\"name\" type=\"text\" autocomplete=\"name\" value=\"{name}\""));
            assert!(kept, "{name:?} is not kept");
        }
        amara.post("/account/name", &[]).await.is(422);
        refuses_bad_forms(&app, &mut amara, "/account/name", &[("name", "Amara O.")]).await;
        assert_eq!(everything(&app).await, before);
        amara.post("/account/name", &[("name", "<b>Amara</b> & \"co\"")]).await.leads_to("/account");
        let page = amara.get("/o/halden-freight/users").await.ok().says("<b>Amara</b> & \"co\"");
        assert!(!page.body.contains("<b>Amara</b>"), "{}", page.body);
    }

    /// SES-08, S12; ASVS 6.2.2, 6.3.7: a password is changed with the current one; other sessions end, this
    /// one goes on under another id; the person is mailed, and their organizations' audit logs know.
    async fn a_new_password_ends_the_other_sessions(app: TestApp) {
        let mut amara = app.owner().await;
        let mut phone = another(&app, AMARA).await;
        let mut tablet = another(&app, AMARA).await;
        let mut dana = app.member(&mut amara, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let before = cookie(&amara);
        amara.post("/account/password", &CHANGE).await.leads_to("/account");
        amara.get("/account").await.ok().says("Your password is changed, and 2 other sessions ended");
        assert_ne!(cookie(&amara), before);
        let mut thief = app.visitor();
        thief.cookies.insert("interlock".to_owned(), before);
        thief.get("/account").await.leads_to("/sign-in");
        phone.get("/o/halden-freight/users").await.leads_to("/sign-in");
        tablet.get_fragment("/account/sessions/others", "dialog-slot").await.is(401);
        dana.get("/account").await.ok();
        amara.get("/o/halden-freight/users").await.ok();
        assert_eq!(amara.get("/account/sessions").await.ok().body.matches("This session").count(), 1);

        app.visitor().sign_in(AMARA, PASSWORD).await.is(422);
        app.visitor().sign_in(AMARA, NEW).await.leads_to("/");
        let mail = app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "Your password was changed");
        assert!(!mail.text.contains(NEW) && !mail.html.contains(NEW), "{mail:?}");
        let audit = amara.get("/o/halden-freight/audit?kind=account.password_changed").await.ok();
        // From where is the instance's business alone (U2).
        audit.says("Changed password").says("1 entry").says_not("127.0.0.1");
        let from = "select coalesce(address, '') from audit_events where kind = 'account.password_changed' \
                    and chain = 'instance'";
        assert_eq!(database::texts(&app, from).await, ["127.0.0.1"]);
    }

    /// ASVS 6.2.2, 6.2.3: without the current password nothing changes, and nothing typed is sent back.
    async fn the_current_password_is_needed(app: TestApp) {
        let mut amara = app.owner().await;
        let mut phone = another(&app, AMARA).await;
        let (before, old) = (everything(&app).await, hash(&app, AMARA).await);
        let own = cookie(&amara);
        for wrong in ["", "seven plain wet stones ", "Seven plain wet stones", &"x".repeat(300)] {
            let fields = [("current_password", wrong), ("password", NEW)];
            let page = amara.post("/account/password", &fields).await.is(422);
            let page = page.says("This is not your current password.");
            assert!(!page.body.contains(NEW) && !page.body.contains(PASSWORD), "a password was sent back");
        }
        let too_long = "stone lemon ".repeat(30);
        for (password, why) in [
            ("", "at least 15 characters"),
            ("fourteen chars", "at least 15 characters"),
            (&too_long, "at most 256 bytes"),
            ("passwordpassword", "guessed first"),
            ("Halden-Freight-2026", "your own or your organization's name"),
        ] {
            let fields = [("current_password", PASSWORD), ("password", password)];
            let page = amara.post("/account/password", &fields).await.is(422).says(why);
            assert!(password.is_empty() || !page.body.contains(password), "a password was sent back");
        }
        amara.post("/account/password", &[]).await.is(422);
        let good = [("username", AMARA), ("current_password", "wrong"), ("password", NEW)];
        refuses_bad_forms(&app, &mut amara, "/account/password", &good).await;
        assert_eq!(hash(&app, AMARA).await, old);
        assert_eq!(everything(&app).await, before);
        assert_eq!(cookie(&amara), own);
        phone.get("/account").await.ok();
        // The user name is for password managers: another's changes another's nothing.
        let fields = [("username", "dana@halden.example"), ("current_password", PASSWORD), ("password", NEW)];
        amara.post("/account/password", &fields).await.leads_to("/account");
        app.visitor().sign_in(AMARA, NEW).await.leads_to("/");
    }

    /// SES-08: two changes at once: one password, one session.
    async fn two_changes_at_once_are_one(app: TestApp) {
        let mut amara = app.owner().await;
        let mut phone = another(&app, AMARA).await;
        let other = [("current_password", PASSWORD), ("password", "ten green bottles hang")];
        let (one, two) =
            tokio::join!(amara.post("/account/password", &CHANGE), phone.post("/account/password", &other));
        let won = |answer: &crate::support::Answer| {
            answer.status == 303 && answer.location() == "/account"
        };
        assert!(won(&one) != won(&two), "{} {}", one.status, two.status);
        let set = if won(&one) { NEW } else { "ten green bottles hang" };
        app.visitor().sign_in(AMARA, set).await.leads_to("/");
        assert_eq!(database::count(&app, "audit_events where kind = 'account.password_changed'").await, 2);
        assert_eq!(database::count(&app, "sessions where ended_at is null").await, 2);
    }

    /// S10; ASVS 7.5.2: people see their sessions in words and end one of them.
    async fn people_see_and_end_their_sessions(app: TestApp) {
        let mut amara = app.owner().await;
        app.clock.advance(2 * HOUR);
        let mut phone = app.visitor();
        phone.address = "203.0.113.20".parse().expect("it is an address");
        let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 \
                     Mobile/15E148 Safari/604.1";
        phone.headers = vec![("user-agent".to_owned(), agent.to_owned())];
        phone.sign_in(AMARA, PASSWORD).await.leads_to("/");
        let mut odd = app.visitor();
        odd.headers = vec![("user-agent".to_owned(), format!("<script>alert(1)</script>{}", "x".repeat(5_000)))];
        odd.sign_in(AMARA, PASSWORD).await.leads_to("/");

        let page = amara.get("/account/sessions").await.ok();
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
        assert_eq!(session_paths(&page.body).len(), 2);
        let page = page.says("Firefox on Linux 127.0.0.1, signed in 2 hours ago , last seen just now This session");
        let page = page.says("Safari on iPhone 203.0.113.20, signed in just now , last seen just now");
        let page = page.says("An unknown browser");
        let body = &page.body;
        let at = body.find("End<span class=\"sr-only\"> the session of Safari on iPhone, 203.0.113.20");
        let form = body[..at.expect("it can be ended")].rfind("action=\"").expect("in a form") + "action=\"".len();
        let path = body[form..form + "/account/sessions/".len() + 36].to_owned();

        amara.post(&path, &[]).await.leads_to("/account/sessions");
        amara.get("/account/sessions").await.ok().says("The session is ended").says_not("iPhone");
        phone.get("/account").await.leads_to("/sign-in");
        odd.get("/account").await.ok();
        // Ended already, and what can't be one.
        amara.post(&path, &[]).await.is(404);
        for id in ["x", "%F0%9F%92%A9", "00000000-0000-0000-0000-000000000000", "'; drop table sessions"] {
            let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
            amara.post(&format!("/account/sessions/{id}"), &[]).await.is(404);
        }
        amara.post(&path, &[("user_id", "x")]).await.is(422);
        amara.get(&path).await.is(405);
    }

    /// TEN-01's like: another person's session is answered like one that there never was.
    async fn another_persons_session_is_not_there(app: TestApp) {
        let mut amara = app.owner().await;
        let mut dana = app.member(&mut amara, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let mut second = another(&app, AMARA).await;
        let page = second.get("/account/sessions").await.ok();
        let [own] = <[String; 1]>::try_from(session_paths(&page.body)).expect("there is one other");
        let theirs = dana.post(&own, &[]).await.is(404);
        let nobodys = dana.post("/account/sessions/00000000-0000-7000-8000-000000000000", &[]).await.is(404);
        let text = |answer: &crate::support::Answer| {
            answer.text().split("request").next().unwrap_or_default().to_owned()
        };
        assert_eq!(text(&theirs), text(&nobodys));
        app.visitor().post(&own, &[]).await.leads_to("/sign-in");
        let mut stranger = second.clone();
        stranger.origin = Some("https://evil.example".to_owned());
        stranger.post(&own, &[]).await.is(403);
        amara.get("/account").await.ok();
        // One's own session may be ended by its own id: that is signing out.
        let mut page = amara.get("/account/sessions").await.ok();
        let seconds = session_paths(&page.body).pop().expect("there is one other");
        second.post(&seconds, &[]).await.leads_to("/sign-in");
        second.get("/account").await.leads_to("/sign-in");
        page = amara.get("/account/sessions").await.ok();
        assert!(session_paths(&page.body).is_empty(), "{}", page.body);
    }

    /// SES-03, V4: all others end at once, after a page that says how many; this one goes on.
    async fn all_other_sessions_end_at_once(app: TestApp) {
        let mut amara = app.owner().await;
        let mut dana = app.member(&mut amara, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let mut others = vec![another(&app, AMARA).await, another(&app, AMARA).await];
        amara.get("/account/sessions/others").await.ok().says("2 sessions end at once");
        let dialog = amara.get_fragment("/account/sessions/others", "dialog-slot").await.ok();
        let dialog = dialog.says("2 sessions end at once");
        assert!(dialog.body.contains("<dialog") && !dialog.body.contains("<html"), "{}", dialog.body);
        let before = cookie(&amara);
        amara.post("/account/sessions/others", &[("role", "owner")]).await.is(422);
        amara.post("/account/sessions/others", &[]).await.leads_to("/account/sessions");
        amara.get("/account/sessions").await.ok().says("2 other sessions ended");
        assert_eq!(cookie(&amara), before);
        for other in &mut others {
            other.get("/account").await.leads_to("/sign-in");
            let piece = other.get_fragment("/o/halden-freight/users", "users-table").await.is(401);
            assert!(piece.header("hx-redirect").starts_with("/sign-in") && piece.body.is_empty());
        }
        dana.get("/account").await.ok();
        amara.get("/account/sessions/others").await.ok().says("There is no other session.");
        amara.post("/account/sessions/others", &[]).await.leads_to("/account/sessions");
        amara.get("/account/sessions").await.ok().says("There was no other session");
    }

    /// S12: a proof is fresh for ten minutes, and not a moment longer; what was being done survives the step-up.
    async fn a_proof_is_fresh_for_ten_minutes(app: TestApp) {
        app.owner().await;
        let mut amara = another(&app, AMARA).await;
        let invitations = "/o/halden-freight/invitations";
        let owner = |email: &'static str| [("email", email), ("role", "owner"), ("note", "For the & \"board\"")];
        // The visitor's own request moves the clock by ten milliseconds.
        app.clock.advance(10 * MINUTE - 10);
        amara.post(invitations, &owner("first@halden.example")).await.leads_to(invitations);
        let asked = amara.post(invitations, &owner("second@halden.example")).await.leads_to("/step-up");
        assert_eq!(app.count_mails_to("second@halden.example").await, 0);

        let ask = asked.location();
        let page = amara.get(&ask).await.ok().says("Confirm that it is you").says("What you typed is kept");
        let form = ask.strip_prefix("/step-up?form=").expect("the form has an id").to_owned();
        assert!(page.body.contains(&format!("value=\"{form}\"")), "{}", page.body);
        let before = cookie(&amara);
        let wrong = amara.post("/step-up", &[("password", NEW), ("form", &form)]).await.is(422);
        let wrong = wrong.says("This is not your current password.");
        assert!(wrong.body.contains(&format!("value=\"{form}\"")) && !wrong.body.contains(NEW), "{}", wrong.body);
        let done = amara.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.ok();
        assert_ne!(cookie(&amara), before);
        let done = done.says("One press finishes what you began").says("second@halden.example");
        for kept in ["value=\"owner\"", "value=\"second@halden.example\"", "value=\"For the &#38; &#34;board&#34;\""] {
            assert!(done.body.contains(kept), "{kept}: {}", done.body);
        }
        assert!(done.body.contains(&format!("action=\"{invitations}\"")), "{}", done.body);
        amara.post(invitations, &owner("second@halden.example")).await.leads_to(invitations);
        app.mail_to("second@halden.example").await.path("/invite/");
        // The mailed link that made an account is no proof for this.
        let mut nina = app.sign_up("Other Ltd", "Nina Berg", "nina@other.example").await;
        nina.post("/o/other-ltd/invitations", &owner("third@halden.example")).await.leads_to("/step-up");
    }

    /// S12: a kept form is its own session's: not another person's, and not the same person's elsewhere.
    async fn a_kept_form_is_its_own_sessions(app: TestApp) {
        let mut amara = app.owner().await;
        let mut second = another(&app, AMARA).await;
        let mut eve = app.sign_up("Eve Ltd", "Eve Stone", "eve@evil.example").await;
        let invitations = "/o/halden-freight/invitations";
        let fields = [("email", "board@halden.example"), ("role", "owner"), ("note", "")];
        let ask = amara.post(invitations, &fields).await.leads_to("/step-up").location();
        let form = ask.strip_prefix("/step-up?form=").expect("the form has an id").to_owned();
        for other in [&mut second, &mut eve] {
            let answer = other.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await;
            assert!(!answer.body.contains("board@halden.example"), "{}", answer.body);
            answer.leads_to("/");
        }
        app.visitor().get(&ask).await.leads_to("/sign-in");
        app.visitor().post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.leads_to("/sign-in");
        for odd in ["x", "", "00000000-0000-7000-8000-000000000000", "\0", "<b>\"'"] {
            amara.post("/step-up", &[("password", PASSWORD), ("form", odd)]).await.leads_to("/");
        }
        let page = amara.get("/step-up?form=%22%3E%3Cscript%3E").await.ok();
        assert!(!page.body.contains("\"><script>"), "{}", page.body);
        amara.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.ok().says("board@halden.example");
        // It waits for an hour.
        app.clock.advance(HOUR);
        amara.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.leads_to("/");
        let dump = database::dump(&app).await;
        assert!(!dump.contains("board@halden.example"), "the kept form is sealed");
    }

    /// S12, by htmx: a piece of a page is told where to go.
    async fn a_step_up_is_asked_for_by_htmx_too(app: TestApp) {
        let mut amara = app.owner().await;
        let fields = [("email", "board@halden.example"), ("role", "owner"), ("note", "")];
        let piece = amara.post_fragment("/o/halden-freight/invitations", &fields).await.ok();
        let to = piece.header("hx-redirect").to_owned();
        assert!(to.starts_with("/step-up?form="), "{to}");
        let page = amara.get(&to).await.ok().says("Confirm that it is you");
        assert!(page.body.contains(AMARA), "the page says whose password it asks for");
    }

    /// INJ-04, DOS-02: the step-up's form, and other sites'.
    async fn odd_step_ups_are_refused(app: TestApp) {
        let mut amara = app.owner().await;
        let own = cookie(&amara);
        refuses_bad_forms(&app, &mut amara, "/step-up", &[("password", "wrong"), ("form", "")]).await;
        amara.post("/step-up", &[]).await.is(422);
        for path in ["/step-up", "/account/name", "/account/password", "/account/sessions/others"] {
            let mut other = amara.clone();
            other.origin = Some("https://evil.example".to_owned());
            other.post(path, &[("password", PASSWORD)]).await.is(403);
            app.visitor().send(Method::POST, path, &[], None).await.leads_to("/sign-in");
        }
        assert_eq!(cookie(&amara), own);
    }

    /// V1: a time zone and a theme are chosen, and every page of one's own follows; a chosen dark is the
    /// server's word, so that it needs no script. Audit rows stay in UTC, and nobody else sees a difference.
    async fn preferences_are_followed(app: TestApp) {
        let mut amara = app.owner().await;
        let mut dana = app.member(&mut amara, "Dana Kovač", "dana@halden.example", Role::Admin).await;
        amara.get("/account").await.ok().says("Times are shown in UTC.");
        let page = amara.get("/account/preferences").await.ok().says("Time and appearance");
        assert!(page.body.contains("<option value=\"UTC\" selected>"), "{}", page.body);
        assert!(page.body.contains("<html lang=\"en\" data-theme=\"system\">"), "{}", page.body);
        for group in ["<optgroup label=\"Europe\">", "<option value=\"America/Argentina/Buenos_Aires\">Argentina, Buenos Aires<"] {
            assert!(page.body.contains(group), "{group}");
        }
        let rows = database::count(&app, "audit_events").await;
        let choice = [("time_zone", "Asia/Tokyo"), ("theme", "dark")];
        amara.post("/account/preferences", &choice).await.leads_to("/account");
        amara.get("/account").await.ok().says("Your time zone and theme are saved").says("Times are shown in Asia/Tokyo. Pages are always dark.");
        let page = amara.get("/account/preferences").await.ok();
        assert!(page.body.contains("<option value=\"Asia/Tokyo\" selected>"), "{}", page.body);
        assert!(page.body.contains("name=\"theme\" value=\"dark\" checked"), "{}", page.body);
        let dark = "<html lang=\"en\" data-theme=\"dark\" class=\"dark\">";
        for path in ["/account", "/account/sessions", "/account/mail", "/o/halden-freight/users", "/step-up", "/nowhere"] {
            let page = amara.get(path).await;
            // No route, no person: such a page is everyone's.
            assert_eq!(page.body.contains(dark), path != "/nowhere", "{path}");
        }
        amara.get("/o/halden-freight/users/x").await.is(404).says("There is nothing here");
        assert!(amara.get("/o/halden-freight/users/x").await.body.contains(dark));
        assert!(amara.get("/o/no-such-place/users").await.is(404).body.contains(dark));
        assert!(!dana.get("/account").await.body.contains("class=\"dark\""));
        assert!(!app.visitor().get("/sign-in").await.body.contains("class=\"dark\""));
        assert_eq!(database::count(&app, "audit_events").await, rows);

        // 2026-11-22 20:30 in London is the 23rd in Tokyo.
        app.clock.advance(11 * HOUR + 30 * MINUTE);
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        app.member(&mut amara, "Late Comer", "late@halden.example", Role::Member).await;
        app.clock.advance(48 * HOUR);
        amara.sign_in(AMARA, PASSWORD).await.leads_to("/");
        dana.sign_in("dana@halden.example", PASSWORD).await.leads_to("/");
        let row = |page: &crate::support::Answer| {
            crate::support::page::between(&page.body, "data-label=\"Joined\">", "</td>").join(" ")
        };
        let hers = amara.get("/o/halden-freight/users").await.ok();
        assert!(row(&hers).contains("23 November"), "{}", row(&hers));
        assert!(hers.body.contains("title=\"2026-11-22 20:30:0"), "the exact time is in UTC");
        let danas = dana.get("/o/halden-freight/users").await.ok();
        assert!(row(&danas).contains("22 November"), "{}", row(&danas));
        amara.get("/o/halden-freight/audit").await.ok().says("2026-11-22 20:30:0");
    }

    /// V1, INJ-04: what is none of the choices is refused beside its field.
    async fn odd_preferences_are_refused(app: TestApp) {
        let mut amara = app.owner().await;
        let before = everything(&app).await;
        for zone in ["", "Mars/Olympus", "../etc/passwd", "Europe", "UTC\0", "<b>"] {
            let page = amara.post("/account/preferences", &[("time_zone", zone), ("theme", "dark")]).await.is(422);
            let page = page.says("Choose a time zone from the list");
            assert!(page.body.contains("<title>Error: ") && !page.body.contains("<b>\""), "{}", page.body);
        }
        for theme in ["", "Dark", "blue", "dark "] {
            let fields = [("time_zone", "UTC"), ("theme", theme)];
            amara.post("/account/preferences", &fields).await.is(422).says("Choose light, dark, or as the system is.");
        }
        let good = [("time_zone", "Europe/Berlin"), ("theme", "light")];
        refuses_bad_forms(&app, &mut amara, "/account/preferences", &good).await;
        assert_eq!(everything(&app).await, before);
        app.visitor().post("/account/preferences", &good).await.leads_to("/sign-in");
    }

    /// V1: a new account begins in its browser's time zone, whichever way it comes to be; a guess is no error.
    async fn a_time_zone_is_guessed(app: TestApp) {
        for (email, guess, zone) in [
            ("a@zone.example", "Europe/Oslo", "Europe/Oslo"),
            ("b@zone.example", "america/new_york", "America/New_York"),
            ("c@zone.example", "", "UTC"),
            ("d@zone.example", "Mars/Olympus", "UTC"),
            ("e@zone.example", "UTC\0", "UTC"),
        ] {
            let fields = [
                ("organization", "Zone Ltd"), ("name", "Zo Ne"), ("email", email), ("password", PASSWORD),
                ("time_zone", guess),
            ];
            let mut visitor = app.visitor();
            visitor.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
            let link = app.mail_to(email).await.path("/verify/");
            visitor.post(&link, &[]).await.is(303);
            let stored = database::texts(&app, &format!("select time_zone from users where email = '{email}'")).await;
            assert_eq!(stored, [zone], "{guess:?}");
            app.clock.advance(HOUR);
        }
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, "dana@halden.example", Role::Member).await;
        let mut dana = app.visitor();
        let page = dana.get(&link).await.ok();
        assert!(page.body.contains("<input type=\"hidden\" name=\"time_zone\" data-time-zone>"), "{}", page.body);
        let fields = [("name", "Dana Kovač"), ("password", PASSWORD), ("time_zone", "Asia/Kolkata")];
        dana.post(&link, &fields).await.leads_to(&owner.org);
        let page = dana.get("/account/preferences").await.ok();
        assert!(page.body.contains("<option value=\"Asia/Kolkata\" selected>"), "{}", page.body);
    }

    /// I9: what was mailed to one's address in 30 days, and how its delivery goes; of nobody else's mail,
    /// and neither text nor link.
    async fn mail_to_me_is_listed(app: TestApp) {
        let mut amara = app.owner().await;
        let mut dana = app.member(&mut amara, "Dana Kovač", "dana@halden.example", Role::Member).await;
        dana.post("/account/password", &CHANGE).await.leads_to("/account");
        let page = dana.get("/account/mail").await.ok().says("Your password was changed Notice: your password changed Just now Queued");
        let page = page.says("Amara Okafor invites you to Halden Freight Invite Just now Sent");
        let page = page.says_not("Confirm your address");
        assert!(!page.body.contains("/invite/"), "{}", page.body);
        app.mails().await;
        for (state, failure, said) in [
            ("sent", "null", "Sent"),
            ("queued", "'450 try later'", "Trying again 450 try later"),
            ("failed", "'550 <b>no</b> such user'", "Failed 550 <b>no</b> such user"),
        ] {
            let set = format!("update mail_outbox set state = '{state}', failure = {failure} where kind = 'password_changed'");
            database::execute(&app, &set).await;
            let page = dana.get("/account/mail").await.ok().says(said);
            assert!(!page.body.contains("<b>no"), "{}", page.body);
        }
        // However the address was typed.
        app.visitor().post("/forgot-password", &[("email", "DANA@Halden.example")]).await.is(303);
        dana.get("/account/mail").await.ok().says("Set a new password Setting a new password Just now");
        app.clock.advance(31 * 24 * HOUR);
        dana.sign_in("dana@halden.example", NEW).await.leads_to("/");
        dana.get("/account/mail").await.ok().says("Nothing was mailed to you lately").says_not("invites you to");
        app.visitor().get("/account/mail").await.leads_to("/sign-in");
    }

    /// DOS-04, V3: mail is walked in pages, each once; odd places are refused.
    async fn much_mail_is_walked(app: TestApp) {
        let mut amara = app.owner().await;
        let rows: String = (0..120).map(|n| {
            // Three of each moment, so that the place is more than a time.
            let at = 1_795_338_000_000_u64 - n / 3;
            format!(
                "insert into mail_outbox (id, kind, recipient, recipient_canonical, subject, state, attempts, due_at, \
                 leased_until, created_at) values ('01920000-0000-7000-8000-{n:012}', 'invitation', '{AMARA}', '{AMARA}', \
                 'Number {n:03}', 'sent', 1, 0, 0, {at});"
            )
        }).collect();
        database::execute(&app, &rows).await;
        let (mut path, mut seen) = (Some("/account/mail".to_owned()), Vec::new());
        while let Some(next) = path {
            let page = amara.get(&next).await.ok();
            let subjects = crate::support::page::between(&page.body, "<span class=\"fit\">", "</span>");
            assert!(subjects.len() <= 50);
            seen.extend(subjects.into_iter().map(str::to_owned));
            path = crate::support::page::link(&page, "Older");
        }
        assert_eq!(seen.len(), 121, "with the mail of the sign-up");
        let numbers: std::collections::BTreeSet<&String> = seen.iter().collect();
        assert_eq!(numbers.len(), 121);
        for odd in ["x", "1", "-", "1-x", "x-01920000-0000-7000-8000-000000000000", "99999999999999999999-a", "%00"] {
            amara.get(&format!("/account/mail?before={odd}")).await.is(400);
        }
        amara.get("/account/mail?before=0-01920000-0000-7000-8000-000000000000").await.ok().says("There is nothing older");
    }
}
