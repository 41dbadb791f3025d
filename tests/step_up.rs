//! `/step-up` of people without a password and without a factor (S8, S12).

use interlock::clock::MINUTE;
use interlock::domain::access::Role;

use crate::support::database::{count, execute, texts};
use crate::support::{Answer, TestApp, Visitor, on_both};

const DANA: &str = "dana.kovac@halden.example";

/// A member whose password is gone, as of people who sign in by a provider.
async fn without_password(app: &TestApp) -> (Visitor, Visitor) {
    let mut owner = app.owner().await;
    let dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
    forget_password(app).await;
    (owner, dana)
}

async fn forget_password(app: &TestApp) {
    execute(app, "update users set password_hash = null where name = 'Dana Kovač'").await;
    app.clock.advance(11 * MINUTE);
}

/// Makes the session one that an organization's provider alone vouches for.
async fn by_provider_alone(app: &TestApp) {
    execute(
        app,
        "insert into connections (id, organization, kind, name, issuer, client_id, client_secret, created_at, \
         changed_at) select '01930000-0000-7000-8000-000000000001', id, 'oidc', 'Halden ID', \
         'https://id.halden.example', 'interlock', 'unread', 0, 0 from organizations",
    )
    .await;
    execute(
        app,
        "update session_proofs set kind = 'sso', connection = '01930000-0000-7000-8000-000000000001' \
         where kind = 'password' and session in (select s.id from sessions s join users u on u.id = s.user_id \
         where u.name = 'Dana Kovač')",
    )
    .await;
    execute(
        app,
        "delete from session_proofs where kind <> 'sso' and session in (select s.id from sessions s \
         join users u on u.id = s.user_id where u.name = 'Dana Kovač')",
    )
    .await;
}

/// Asks for a change of address, which is kept, and gives the page that asks for a proof.
async fn asked_for_proof(dana: &mut Visitor) -> (String, Answer) {
    let path = dana.post("/account/email", &[("email", "dana@new.example")]).await.is(303).location();
    assert!(path.starts_with("/step-up?form="), "{path}");
    let page = dana.get(&path).await.ok();
    let form = path.trim_start_matches("/step-up?form=").to_owned();
    (form, page)
}

async fn newest_code(app: &TestApp) -> String {
    app.deliver().await;
    let mail = app.mail_to(DANA).await;
    assert!(mail.subject.contains("Your code"), "{mail:?}");
    let digits = mail.text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 8);
    digits.expect("the mail holds a code of eight digits").to_owned()
}

on_both! {
    /// S12: without a password, a factor and Google a mailed code is the proof, and what was typed is kept.
    async fn a_mailed_code_is_a_proof(app: TestApp) {
        let (_, mut dana) = without_password(&app).await;
        let (form, page) = asked_for_proof(&mut dana).await;
        page.says("a code to dana.kovac@halden.example proves that it is yours").says("Mail me a code").says_not("type=\"password\"").says_not("with Google");
        let asked = [("form", &*form), ("next", "")];
        let sent = dana.post("/step-up/code", &asked).await.is(303).location();
        let page = dana.get(&sent).await.ok().says("We mailed a code");
        assert!(page.body.contains("autocomplete=\"one-time-code\""));
        let code = newest_code(&app).await;
        let spaced = format!("{} {}", &code[..4], &code[4..]);
        let old = dana.session_cookie().cloned();
        let typed = [("code", &*spaced), ("form", &*form), ("next", "")];
        let done = dana.post("/step-up", &typed).await.ok().says("Change your email address to dana@new.example?");
        assert!(done.body.contains("value=\"dana@new.example\""));
        assert_ne!(dana.session_cookie().cloned(), old, "the raise gives another session id (SES-02)");
        dana.post("/account/email", &[("email", "dana@new.example")]).await.leads_to("/account");
        // Once.
        app.clock.advance(11 * MINUTE);
        dana.post("/step-up", &typed).await.is(422).says("This is not the code");
        // A code opens no organization (S9): it is a proof of the account alone.
        assert_eq!(count(&app, "session_proofs where kind = 'mailed_code'").await, 1);
    }

    /// ASVS 6.5.1, 6.6.2: it ends after ten minutes, the newest counts, and it is the browser's that asked.
    async fn a_code_is_of_its_session_and_time(app: TestApp) {
        let (_, mut dana) = without_password(&app).await;
        let mut elsewhere = app.visitor();
        elsewhere.cookies = dana.cookies.clone();
        dana.post("/step-up/code", &[]).await.is(303);
        let first = newest_code(&app).await;
        dana.post("/step-up/code", &[]).await.is(303);
        let second = newest_code(&app).await;
        assert_ne!(first, second);
        dana.post("/step-up", &[("code", &first)]).await.is(422).says("This is not the code");
        app.clock.advance(10 * MINUTE);
        dana.post("/step-up", &[("code", &second)]).await.is(422).says("has ended");
        assert!(texts(&app, "select code from mailed_codes").await.iter().all(|code| !code.contains(&second)), "sealed");
        dana.post("/step-up", &[("code", "")]).await.is(422);
        dana.post("/step-up", &[("code", "x")]).await.is(422);
    }

    /// DOS, MFA-04: codes and guesses are budgeted for the person.
    async fn codes_and_guesses_are_budgeted(app: TestApp) {
        let (_, mut dana) = without_password(&app).await;
        dana.post("/step-up/code", &[]).await.is(303);
        let code = newest_code(&app).await;
        for _ in 0..5 {
            dana.post("/step-up", &[("code", "00000000")]).await.is(422);
        }
        dana.post("/step-up", &[("code", &code)]).await.is(429);
        for _ in 0..4 {
            dana.post("/step-up/code", &[]).await.is(303);
        }
        dana.post("/step-up/code", &[]).await.is(429);
    }

    /// S12: whoever has a password or a factor proves that, and gets no code.
    async fn a_code_is_for_whoever_has_nothing_else(app: TestApp) {
        let mut owner = app.owner().await;
        owner.post("/step-up/code", &[]).await.is(422);
        assert_eq!(count(&app, "mailed_codes").await, 0);
        owner.enable_mfa(&app.clock).await;
        owner.post("/step-up/code", &[]).await.is(422);
        assert_eq!(count(&app, "mailed_codes").await, 0);
        app.visitor().post("/step-up/code", &[]).await.leads_to("/sign-in");
    }

    /// S8: a provider's word opens name, preferences, sessions and sign-out of the account, and its organization;
    /// all else asks for a proof of the person's own first.
    async fn a_providers_word_opens_hardly_anything_of_an_account(app: TestApp) {
        let (_, mut dana) = without_password(&app).await;
        by_provider_alone(&app).await;
        // The session began more than ten minutes ago, and its organization opens all the same.
        dana.get("/o/halden-freight").await.ok();
        for path in ["/account", "/account/preferences", "/account/sessions"] {
            dana.get(path).await.ok();
        }
        dana.post("/account/name", &[("name", "Dana K.")]).await.leads_to("/account");
        for path in ["/account/mail", "/account/mfa", "/account/organizations", "/organizations/new", "/account/password"] {
            let led = dana.get(path).await.is(303).location();
            assert_eq!(led, format!("/step-up?next={}", path.replace('/', "%2F")));
        }
        let before = texts(&app, "select email from users order by email").await;
        for (path, fields) in [
            ("/account/email", vec![("email", "x@new.example")]),
            ("/account/mfa/authenticators", vec![]),
            ("/organizations", vec![("organization", "Mine")]),
        ] {
            assert!(dana.post(path, &fields).await.is(303).location().starts_with("/step-up"), "{path}");
        }
        assert_eq!(texts(&app, "select email from users order by email").await, before);
        assert_eq!(count(&app, "organizations").await, 1);

        // A mailed code is their own: then it opens.
        dana.post("/step-up/code", &[("next", "/account/mfa")]).await.is(303);
        let code = newest_code(&app).await;
        dana.post("/step-up", &[("code", &code), ("next", "/account/mfa")]).await.leads_to("/account/mfa");
        dana.get("/account/mfa").await.ok();
        dana.get("/account/mail").await.ok();
    }

    /// O3, S8: a connection that is disabled or gone vouches for nobody any more, from the next click on.
    async fn a_disabled_connection_vouches_for_nobody(app: TestApp) {
        let (_, mut dana) = without_password(&app).await;
        by_provider_alone(&app).await;
        dana.get("/o/halden-freight").await.ok();
        execute(&app, "update connections set enabled = false").await;
        // Nothing else is in the session: it is no better than none.
        dana.get("/o/halden-freight").await.leads_to("/sign-in");
        execute(&app, "update connections set enabled = true").await;
        dana.get("/o/halden-freight").await.ok();
        execute(&app, "delete from connections").await;
        dana.get("/o/halden-freight").await.is(303);
    }
}
