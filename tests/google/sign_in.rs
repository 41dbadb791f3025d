//! Signing in by Google (S11, O3): what opens, and what does not.

use interlock::clock::MINUTE;
use serde_json::json;

use super::{AMARA, DANA, with_google};
use crate::support::database::{count, only, texts};
use crate::support::{PASSWORD, everything};

with_google! {
    /// SSO-10: who it is says the subject alone, whatever address Google has by now.
    async fn the_subject_is_the_person(scene) {
        let amara = scene.google_owner("Halden Freight", "Amara Okafor", AMARA).await;
        let mut dana = scene.sign_up("Brightwater Labs", "Dana Kovač", DANA).await;
        scene.provider.claims(AMARA, json!({ "email": DANA })).await;
        let mut browser = scene.visitor();
        scene.by_google(&mut browser, "/auth/google?next=/account/sessions", AMARA).await.leads_to("/account/sessions");
        browser.get("/account").await.ok().says(AMARA).says_not("Dana");
        browser.get(&format!("{}/users", amara.org)).await.ok();
        browser.get(&dana.org.clone()).await.is(404);
        assert_eq!(only(texts(&scene, "select email from identities").await), DANA, "it names nobody");
        assert_eq!(count(&scene, &format!("users where email = '{AMARA}'")).await, 1);
        dana.get("/account").await.ok().says(DANA);
    }

    /// SSO-09, SSO-05: the address of an account with password and factor opens nothing, links nothing, and
    /// tells its holder what to do.
    async fn an_address_is_nobody(scene) {
        let mut owner = scene.owner().await;
        owner.enable_mfa(&scene.clock).await;
        let before = everything(&scene).await;
        for from in ["/auth/google", "/sign-up/google"] {
            let mut thief = scene.visitor();
            let page = scene.by_google(&mut thief, from, AMARA).await.is(403).says("Sign in first").says(AMARA);
            assert!(page.body.contains("/sign-in?email=amara%40halden.example&#38;next=%2Faccount%2Fsign-in-methods"), "{}", page.body);
            assert!(thief.session_cookie().is_none() && !thief.cookies.contains_key("interlock-half"));
            for path in ["/account", "/sign-in/challenge", &owner.org] {
                thief.get(path).await.leads_to("/sign-in");
            }
            thief.get("/sign-up/arrived").await.is(410);
        }
        assert_eq!(everything(&scene).await, before);
        assert_eq!((count(&scene, "identities").await, count(&scene, "arrivals").await), (0, 0));
    }

    /// SES-14; ASVS 7.6.2: no other site begins a way that would sign its visitors in; they say first that they want
    /// to.
    async fn another_site_signs_nobody_in(scene) {
        scene.owner().await;
        for path in ["/auth/google", "/sign-up/google"] {
            for site in ["cross-site", "same-site"] {
                let mut browser = scene.visitor();
                browser.headers.push(("sec-fetch-site".to_owned(), site.to_owned()));
                browser.get(path).await.ok().says("Sign in here?").says("Another site led you here");
                assert!(browser.cookies.is_empty(), "{path} from {site}");
            }
        }
        assert_eq!(count(&scene, "sso_attempts").await, 0);
        for site in ["same-origin", "none"] {
            let mut browser = scene.visitor();
            browser.headers.push(("sec-fetch-site".to_owned(), site.to_owned()));
            browser.get("/auth/google").await.is(303);
        }
        assert_eq!(count(&scene, "sso_attempts").await, 2);
    }

    /// SSO-05: verified is JSON's true.
    async fn verified_is_true_and_nothing_else(scene) {
        for verified in [json!(false), json!("true"), json!(null)] {
            scene.provider.claims(AMARA, json!({ "email_verified": verified })).await;
            let mut amara = scene.visitor();
            let page = scene.by_google(&mut amara, "/auth/google", AMARA).await;
            assert_eq!(page.status, 403, "{verified}: {}", page.text());
            page.says("Google has not verified your address");
            assert!(amara.session_cookie().is_none());
        }
        // What is no word of Google's at all.
        scene.provider.claims(AMARA, json!({ "email_verified": 1 })).await;
        scene.by_google(&mut scene.visitor(), "/auth/google", AMARA).await.is(400).says("can't be trusted");
        assert_eq!((count(&scene, "users").await, count(&scene, "arrivals").await), (0, 0));
    }

    /// SSO-01, SSO-02: a way back works once, within ten minutes, in the browser that went.
    async fn a_way_back_works_once(scene) {
        scene.google_owner("Halden Freight", "Amara Okafor", AMARA).await;
        let mut browser = scene.visitor();
        for path in ["/auth/google/callback", "/auth/google/callback?state=&code=c", "/auth/google/callback?state=x&code=c"] {
            browser.get(path).await.is(400).says("This sign-in can't go on");
        }
        let back = scene.at_google(&mut browser, "/auth/google", AMARA).await;
        // In another browser, with a cookie of its own and without: nothing, and nothing is used up.
        let mut other = scene.visitor();
        other.get(&back).await.is(400);
        other.get("/auth/google").await.is(303);
        other.get(&back).await.is(400);
        assert!(other.session_cookie().is_none());
        // Two at once, and again: one.
        let mut twin = browser.clone();
        let (one, two) = tokio::join!(browser.get(&back), twin.get(&back));
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 400]);
        browser.get(&back).await.is(400);
        // Ten minutes.
        let mut late = scene.visitor();
        let back = scene.at_google(&mut late, "/auth/google", AMARA).await;
        scene.clock.advance(10 * MINUTE);
        late.get(&back).await.is(400);
        assert!(late.session_cookie().is_none());
        assert_eq!(count(&scene, "sessions").await, 2);
    }

    /// SSO-18: what goes wrong there is said in our words.
    async fn an_error_there_is_not_repeated(scene) {
        let mut browser = scene.visitor();
        let there = browser.get("/sign-up/google").await.location();
        let state = there.split("state=").nth(1).and_then(|rest| rest.split('&').next()).expect("a state");
        let back = format!("/auth/google/callback?state={state}&error=%3Cb%3Eno%3C%2Fb%3E&error_description=%3Cscript%3E");
        let page = browser.get(&back).await.says("You were not signed in");
        assert!(!page.body.contains("no</b>") && !page.body.contains("<script>"), "{}", page.body);
        assert!(page.body.contains("href=\"/sign-up\""), "it leads back to where it began: {}", page.body);
        browser.get(&back).await.is(400);
        assert_eq!(count(&scene, "sessions").await, 0);
    }

    /// S11: of a person with a factor Google is the first proof only, and S12 asks for the factor.
    async fn a_factor_is_asked_for(scene) {
        let mut amara = scene.google_owner("Halden Freight", "Amara Okafor", AMARA).await;
        let phone = amara.enable_mfa(&scene.clock).await;
        phone.next_step();
        let mut browser = scene.visitor();
        let half = scene.by_google(&mut browser, "/auth/google?next=/account/mfa", AMARA).await;
        assert_eq!(half.leads_to("/sign-in/challenge").location(), "/sign-in/challenge?next=%2Faccount%2Fmfa");
        assert!(browser.session_cookie().is_none());
        browser.get("/account").await.leads_to("/sign-in");
        let next = [("code", phone.code()), ("with", "code".to_owned()), ("next", "/account/mfa".to_owned())];
        let fields: Vec<(&str, &str)> = next.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/sign-in/challenge", &fields).await.leads_to("/account/mfa");
        browser.get("/account/mfa").await.ok();
        browser.get(&format!("{}/users", amara.org)).await.ok();
    }

    /// S9: the same person's session holds the proof from now on, another's ends.
    async fn a_session_that_is_there(scene) {
        let mut amara = scene.google_owner("Halden Freight", "Amara Okafor", AMARA).await;
        let cookie = amara.session_cookie().cloned();
        scene.by_google(&mut amara, "/auth/google?next=/account", AMARA).await.leads_to("/account");
        assert_eq!(count(&scene, "sessions where ended_at is null").await, 1);
        assert_eq!(count(&scene, "session_proofs").await, 1);
        assert_ne!(amara.session_cookie().cloned(), cookie, "under another id (SES-02)");

        let mut dana = scene.sign_up("Brightwater Labs", "Dana Kovač", DANA).await;
        let danas = dana.clone();
        scene.by_google(&mut dana, "/auth/google", AMARA).await.leads_to("/");
        dana.get("/account").await.ok().says(AMARA);
        let mut left = danas.clone();
        left.get("/account").await.leads_to("/sign-in");
        // A stranger's way back leaves it alone.
        scene.by_google(&mut amara, "/auth/google", "nobody@gmail.com").await.leads_to("/sign-up/arrived");
        amara.get("/account").await.ok().says(AMARA);
    }

    /// The mail of a browser that was not seen before.
    async fn a_new_browser_is_told(scene) {
        scene.google_owner("Halden Freight", "Amara Okafor", AMARA).await;
        let mut browser = scene.visitor();
        browser.headers = vec![("user-agent".to_owned(), "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1".to_owned())];
        scene.by_google(&mut browser, "/auth/google", AMARA).await.leads_to("/");
        assert_eq!(scene.mail_to(AMARA).await.subject, "A new sign-in to your account");
    }

    /// S5: who has no password may set one by mail, and change their address; the pages say what there is.
    async fn people_without_a_password(scene) {
        let mut amara = scene.google_owner("Halden Freight", "Amara Okafor", AMARA).await;
        amara.get("/account").await.ok().says("You have no password").says_not("Current password");
        amara.get("/account/password").await.leads_to("/account/sign-in-methods");
        let fields = [("current_password", PASSWORD), ("password", "four old copper bells")];
        amara.post("/account/password", &fields).await.leads_to("/account/sign-in-methods");
        amara.get("/account/sign-in-methods").await.ok().says("You have none").says("Set a password by mail");
        amara.post("/account/email", &[("email", "amara@new.example")]).await.leads_to("/account");
        let confirm = scene.mail_to("amara@new.example").await.path("/email/");
        amara.post(&confirm, &[]).await.is(303);
        amara.get("/account").await.ok().says("amara@new.example");
        // The identity still signs in.
        let mut browser = scene.visitor();
        scene.by_google(&mut browser, "/auth/google", AMARA).await.leads_to("/");
        browser.post("/account/sign-in-methods/password", &[]).await.leads_to("/account/sign-in-methods");
        let reset = scene.mail_to("amara@new.example").await.path("/reset/");
        scene.visitor().post(&reset, &[("password", PASSWORD)]).await.leads_to("/sign-in");
        browser.get("/account").await.leads_to("/sign-in");
        browser.sign_in("amara@new.example", PASSWORD).await.leads_to("/");
        browser.get("/account").await.ok().says("Current password");
    }
}
