//! Passkeys: added, used after the password, for an organization, for a step-up, and alone.

use interlock::clock::{HOUR, MINUTE};
use interlock::domain::access::Role;
use interlock::domain::housekeeping;

use crate::support::page::between;
use crate::support::passkey::Device;
use crate::support::{PASSWORD, TestApp, Visitor, database, on_both, refuses_bad_forms};

const AMARA: &str = "amara@halden.example";
const REFUSED: &str = "This passkey was not accepted.";
const NOT_HERE: &str = "It opens no account here, or not any more.";
const UNASKED: &str = "This took longer than five minutes, or was answered already.";

/// The Owner of Halden Freight with a passkey, and their recovery codes.
async fn owner_with_passkey(app: &TestApp) -> (Visitor, Device, Vec<String>) {
    let mut owner = app.owner().await;
    let (device, codes) = with_passkey(&mut owner).await;
    (owner, device, codes)
}

async fn with_passkey(visitor: &mut Visitor) -> (Device, Vec<String>) {
    let mut device = Device::new();
    visitor.step_up().await;
    let page = visitor.add_passkey(&mut device, "Pixel 9").await.ok().says("Save your recovery codes");
    let codes: Vec<String> = between(&page.body, "<li>", "</li>").into_iter().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    (device, codes)
}

/// Past the password, and no further.
async fn half_signed_in(app: &TestApp) -> Visitor {
    let mut visitor = app.visitor();
    visitor.sign_in(AMARA, PASSWORD).await.leads_to("/sign-in/challenge");
    visitor
}

async fn set_rule(app: &TestApp, rule: &str) {
    database::execute(app, &format!("update organizations set mfa = '{rule}'")).await;
}

on_both! {
    /// S7, S11, MFA-10: the first passkey comes with recovery codes, is the session's own proof, ends the
    /// others, stands in the log, and is mailed.
    async fn a_passkey_is_added(app: TestApp) {
        let mut owner = app.owner().await;
        let mut elsewhere = app.visitor();
        elsewhere.sign_in(AMARA, PASSWORD).await.leads_to("/");
        owner.get("/account/mfa").await.ok().says("Multi-factor authentication is off").says("Add a passkey");
        let cookie = owner.session_cookie().cloned();
        let (_, codes) = with_passkey(&mut owner).await;
        assert_ne!(owner.session_cookie().cloned(), cookie);
        owner.get("/account/mfa").await.ok().says("Pixel 9").says("10 of 10 left").says_not("authentication is off");
        elsewhere.get("/account").await.leads_to("/sign-in");
        let mail = app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "A passkey was added to your account");
        owner.get(&format!("{}/audit", owner.org)).await.ok().says("Added a factor").says("Pixel 9");
        let dump = database::dump(&app).await;
        assert!(codes.iter().all(|code| !dump.contains(code)));
    }

    /// S12: without a proof of the last ten minutes there is no challenge to add one with.
    async fn adding_asks_for_a_step_up(app: TestApp) {
        let mut owner = app.owner().await;
        app.clock.advance(11 * MINUTE);
        owner.post("/account/mfa/passkeys/challenge", &[]).await.is(403).says("Reload this page");
        owner.get("/account/mfa/passkeys/new").await.ok().says("Confirm that it is you");
        owner.post("/account/mfa/passkeys/new", &[]).await.leads_to("/step-up");
        owner.step_up().await;
        owner.post("/account/mfa/passkeys/new", &[]).await.leads_to("/account/mfa/passkeys/new");
        let page = owner.get("/account/mfa/passkeys/new").await.ok().says("Create a passkey");
        assert!(page.body.contains("value=\"Firefox on Linux\""));
    }

    /// S11: after the password the challenge opens on the passkey, and the answer makes the sign-in whole.
    async fn a_passkey_after_the_password(app: TestApp) {
        let (_, mut device, _) = owner_with_passkey(&app).await;
        let mut visitor = half_signed_in(&app).await;
        let page = visitor.get("/sign-in/challenge").await.ok().says("Use your passkey").says("Use a recovery code");
        page.says_not("6-digit");
        visitor.get("/o/halden-freight/users").await.leads_to("/sign-in");
        visitor.pass_by_passkey(&mut device).await.leads_to("/");
        visitor.get("/o/halden-freight/users").await.ok();
        // It was a proof of now.
        visitor.post("/account/mfa/passkeys/challenge", &[]).await.ok();
    }

    /// S1, S11, SES-02: no address, no password, no further factor; the browser's old session ends.
    async fn a_passkey_alone(app: TestApp) {
        let (mut owner, mut device, _) = owner_with_passkey(&app).await;
        let mut visitor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let old = visitor.clone();
        visitor.sign_in_by_passkey(&mut device).await.leads_to("/");
        visitor.get("/account").await.ok().says(AMARA);
        visitor.get("/o/halden-freight/users").await.ok();
        old.clone().get("/account").await.leads_to("/sign-in");
        owner.get("/account").await.ok();
        assert_eq!(app.count_mails_to("noor@quill.example").await, 1);

        // A browser that was not seen before is told of, as after a password.
        let mut elsewhere = app.visitor();
        elsewhere.headers = vec![(
            "user-agent".to_owned(),
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1".to_owned(),
        )];
        elsewhere.sign_in_by_passkey(&mut device).await.leads_to("/");
        assert_eq!(app.mail_to(AMARA).await.subject, "A new sign-in to your account");
        let metrics = app.app.metrics.sign_ins.with_label_values(&["signed_in"]).get();
        assert_eq!(metrics, 2);
    }

    /// S7, 6.3.3: nothing is taken from a device that did not verify its owner, when it is made or used.
    async fn without_verification_nothing_is_taken(app: TestApp) {
        let (mut owner, mut device, _) = owner_with_passkey(&app).await;
        let mut careless = Device { verifies: false, ..Device::new() };
        owner.add_passkey(&mut careless, "Old key").await.is(422).says(REFUSED);
        device.verifies = false;
        half_signed_in(&app).await.pass_by_passkey(&mut device).await.is(422).says(REFUSED);
        app.visitor().sign_in_by_passkey(&mut device).await.is(422).says(NOT_HERE);
        owner.use_passkey(&mut device, "/step-up", "/step-up/passkey").await.is(422).says(REFUSED);
        device.verifies = true;
        half_signed_in(&app).await.pass_by_passkey(&mut device).await.leads_to("/");
    }

    /// 6.7.2: a passkey signs for our host and origin, and no answer for others is taken.
    async fn other_hosts_and_origins(app: TestApp) {
        let (mut owner, device, _) = owner_with_passkey(&app).await;
        let lured = ["http://localhost:3001", "https://localhost:3000", "http://evil.example", "http://a.localhost:3000"];
        for origin in lured {
            let mut lured = Device { origin: origin.to_owned(), ..device.clone() };
            half_signed_in(&app).await.pass_by_passkey(&mut lured).await.is(422).says(REFUSED);
            app.visitor().sign_in_by_passkey(&mut lured).await.is(422).says(NOT_HERE);
            let mut new = Device { origin: origin.to_owned(), ..Device::new() };
            owner.add_passkey(&mut new, "Lured").await.is(422).says(REFUSED);
        }
        let mut other = Device { host: "evil.example".to_owned(), ..device };
        half_signed_in(&app).await.pass_by_passkey(&mut other).await.is(422).says(REFUSED);
        app.visitor().sign_in_by_passkey(&mut other).await.is(422).says(NOT_HERE);
    }

    /// 6.7.2, MFA-06: a challenge is answered once, right or wrong, in its time, and for what it was posed for.
    async fn a_challenge_is_answered_once(app: TestApp) {
        let (mut owner, mut device, _) = owner_with_passkey(&app).await;
        let mut visitor = app.visitor();
        let challenge = visitor.challenge("/sign-in/passkey/challenge").await;
        let credential = device.sign(&challenge.options);
        visitor.answer_sign_in(&challenge, &credential).await.leads_to("/");
        app.visitor().answer_sign_in(&challenge, &credential).await.is(422).says(UNASKED);

        let challenge = visitor.challenge("/sign-in/passkey/challenge").await;
        let mut careless = Device { verifies: false, ..device.clone() };
        app.visitor().answer_sign_in(&challenge, &careless.sign(&challenge.options)).await.is(422).says(NOT_HERE);
        app.visitor().answer_sign_in(&challenge, &device.sign(&challenge.options)).await.is(422).says(UNASKED);

        // One that was posed to a person signs nobody in, and the other way round.
        let posed = owner.challenge("/step-up/passkey").await;
        app.visitor().answer_sign_in(&posed, &device.sign(&posed.options)).await.is(422).says(UNASKED);
        let posed = owner.challenge("/sign-in/passkey/challenge").await;
        let credential = device.sign(&posed.options);
        let fields = [("with", "passkey"), ("challenge", posed.id.as_str()), ("credential", &credential)];
        half_signed_in(&app).await.post("/sign-in/challenge", &fields).await.is(422).says(UNASKED);

        let challenge = visitor.challenge("/sign-in/passkey/challenge").await;
        app.clock.advance(5 * MINUTE);
        visitor.answer_sign_in(&challenge, &device.sign(&challenge.options)).await.is(422).says(UNASKED);
        app.clock.advance(HOUR);
        housekeeping::sweep(&app.app).await.expect("the sweep works");
        assert_eq!(database::count(&app, "passkey_challenges").await, 0);
    }

    /// Twenty answers to one challenge at once: one of them is let in.
    async fn one_answer_of_many_is_taken(app: TestApp) {
        let (_, mut device, _) = owner_with_passkey(&app).await;
        let challenge = app.visitor().challenge("/sign-in/passkey/challenge").await;
        let credential = device.sign(&challenge.options);
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (mut visitor, challenge, credential) = (app.visitor(), challenge.clone(), credential.clone());
            tries.spawn(async move { visitor.answer_sign_in(&challenge, &credential).await.status.as_u16() });
        }
        let mut statuses = tries.join_all().await;
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (303, &[422; 19][..]));
    }

    /// Another person's passkey, one that nobody has, and one that was removed: all are refused alike.
    async fn passkeys_of_others(app: TestApp) {
        let (mut owner, mut device, _) = owner_with_passkey(&app).await;
        let mut noor = app.member(&mut owner, "Noor Haddad", "noor@halden.example", Role::Member).await;
        let (mut theirs, _) = with_passkey(&mut noor).await;
        half_signed_in(&app).await.pass_by_passkey(&mut theirs).await.is(422).says(REFUSED);
        owner.use_passkey(&mut theirs, "/step-up", "/step-up/passkey").await.is(422).says(REFUSED);
        // A device that lies about whose passkey it keeps.
        let mut lying = Device { owner: device.owner.clone(), ..theirs.clone() };
        app.visitor().sign_in_by_passkey(&mut lying).await.is(422).says(NOT_HERE);
        half_signed_in(&app).await.pass_by_passkey(&mut lying).await.is(422).says(REFUSED);
        let mut unknown = Device { owner: device.owner.clone(), ..Device::new() };
        app.visitor().sign_in_by_passkey(&mut unknown).await.is(422).says(NOT_HERE);
        half_signed_in(&app).await.pass_by_passkey(&mut unknown).await.is(422).says(REFUSED);
        // The same passkey is not added twice, to nobody's account.
        owner.add_passkey(&mut theirs, "Again").await.is(409).says("was added before");

        let id = database::only(database::texts(&app, &format!(
            "select p.id from passkeys p join users u on u.id = p.user_id where u.email = '{AMARA}'"
        )).await);
        let page = format!("/account/mfa/passkeys/{id}/removal");
        noor.get(&page).await.is(404);
        noor.post(&page, &[]).await.is(404);
        noor.post(&format!("/account/mfa/passkeys/{id}/name"), &[("name", "Mine")]).await.is(404);
        owner.get(&page).await.ok().says("This is your last factor");
        owner.post(&page, &[]).await.leads_to("/account/mfa");
        app.visitor().sign_in_by_passkey(&mut device).await.is(422).says(NOT_HERE);
        assert_eq!(app.mail_to(AMARA).await.subject, "A passkey was removed from your account");
        app.visitor().sign_in(AMARA, PASSWORD).await.leads_to("/");
    }

    /// Web Authentication, 6.1.1: of a device that counts and its copy the one that is behind is found out.
    async fn a_counter_only_grows(app: TestApp) {
        let mut owner = app.owner().await;
        owner.step_up().await;
        let mut device = Device { counter: 5, ..Device::new() };
        owner.add_passkey(&mut device, "Key").await.ok();
        let mut copy = device.clone();
        // Posed before the counter grew: the challenge itself knows of the old one.
        let mut half = half_signed_in(&app).await;
        let early = half.challenge("/sign-in/challenge/passkey").await;
        app.visitor().sign_in_by_passkey(&mut device).await.leads_to("/");
        app.visitor().sign_in_by_passkey(&mut copy).await.is(422).says(NOT_HERE);
        copy.counter = 5;
        let credential = copy.sign(&early.options);
        let fields = [("with", "passkey"), ("challenge", early.id.as_str()), ("credential", &credential)];
        half.post("/sign-in/challenge", &fields).await.is(422).says(REFUSED);
        app.visitor().sign_in_by_passkey(&mut device).await.leads_to("/");
    }

    /// S12: a passkey steps up, and what was being done goes on.
    async fn a_passkey_steps_up(app: TestApp) {
        let (mut owner, mut device, codes) = owner_with_passkey(&app).await;
        app.clock.advance(11 * MINUTE);
        let to = owner.post("/account/mfa/passkeys/new", &[]).await.location();
        owner.get(&to).await.ok().says("Use your passkey").says("Use a recovery code").says_not("Password");
        let form = to.split_once('=').expect("it names the form").1.to_owned();
        let challenge = owner.challenge("/step-up/passkey").await;
        let credential = device.sign(&challenge.options);
        let fields =
            [("with", "passkey"), ("form", &form), ("challenge", &challenge.id), ("credential", &credential)];
        owner.post("/step-up", &fields).await.ok().says("Add a passkey to your account?");
        owner.post("/account/mfa/passkeys/new", &[]).await.leads_to("/account/mfa/passkeys/new");
        // The second passkey: no new codes, and the first is not to be made again.
        let challenge = owner.challenge("/account/mfa/passkeys/challenge").await;
        let excluded = challenge.options["excludeCredentials"].as_array().expect("it is a list");
        assert_eq!(excluded.len(), 1);
        assert_eq!(challenge.options["authenticatorSelection"]["residentKey"], "preferred");
        assert_eq!(challenge.options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(challenge.options["rp"]["id"], "localhost");
        owner.add_passkey(&mut Device::new(), "Laptop").await.leads_to("/account/mfa");
        owner.get("/account/mfa").await.ok().says("Laptop is added").says("Pixel 9").says("Laptop");

        app.clock.advance(11 * MINUTE);
        owner.post("/step-up", &[("with", "recovery"), ("code", &codes[0])]).await.leads_to("/");
        owner.post("/account/mfa/passkeys/challenge", &[]).await.ok();
    }

    /// S9, M5, M6: an organization that takes passkeys alone asks for one, and for nothing else.
    async fn an_organization_that_takes_passkeys_alone(app: TestApp) {
        let (mut owner, mut device, codes) = owner_with_passkey(&app).await;
        let mut plain = app.member(&mut owner, "Noor Haddad", "noor@halden.example", Role::Member).await;
        set_rule(&app, "passkey").await;
        owner.get("/o/halden-freight/users").await.ok();

        // Whoever has none sets one up, and nothing else; an app would not do.
        let to = plain.get("/o/halden-freight").await.leads_to("/account/mfa/enrol").location();
        plain.get(&to).await.ok().says("Halden Freight takes passkeys alone").says_not("Set up an authenticator app");
        with_passkey(&mut plain).await;
        plain.get("/o/halden-freight").await.ok().says("You are a Member here");

        // Whoever has one and came in by a recovery code is asked for it.
        let mut visitor = half_signed_in(&app).await;
        visitor.post("/sign-in/challenge", &[("with", "recovery"), ("code", &codes[0])]).await.leads_to("/");
        visitor.get("/o/halden-freight/users").await.leads_to("/o/halden-freight/sign-in");
        let page = visitor.get("/o/halden-freight/sign-in?with=recovery").await.ok();
        let page = page.says("takes passkeys alone").says("Use your passkey").says("Set up another one");
        page.says_not("Recovery code").says_not("6-digit");
        let code = [("with", "recovery"), ("code", codes[1].as_str())];
        visitor.post("/o/halden-freight/sign-in", &code).await.is(422).says("The browser gave no passkey");
        visitor.use_passkey(&mut device, "/o/halden-freight/sign-in", "/step-up/passkey").await.leads_to("/o/halden-freight");
        visitor.get("/o/halden-freight/users").await.ok();
        // The last passkey stays while the organization asks for one.
        let id = database::only(database::texts(&app, &format!(
            "select p.id from passkeys p join users u on u.id = p.user_id where u.email = '{AMARA}'"
        )).await);
        visitor.post(&format!("/account/mfa/passkeys/{id}/removal"), &[]).await.is(409).says("the last one stays");
    }

    /// S9: where a sign-in has become too old, a passkey does in place of the password.
    async fn a_passkey_meets_the_sign_in_policy(app: TestApp) {
        let (_, mut device, _) = owner_with_passkey(&app).await;
        let mut visitor = half_signed_in(&app).await;
        visitor.pass_by_passkey(&mut device).await.leads_to("/");
        database::execute(&app, "update organizations set session_idle = 3600000").await;
        database::execute(&app, "update memberships set proofs_after = 1900000000000").await;
        visitor.get("/o/halden-freight/users").await.leads_to("/o/halden-freight/sign-in");
        let page = "/o/halden-freight/sign-in";
        visitor.get(page).await.ok().says("Password").says("Use your passkey");
        database::execute(&app, "update memberships set proofs_after = 1795338000000 + 1000").await;
        visitor.use_passkey(&mut Device::new(), page, "/step-up/passkey").await.is(422).says(REFUSED);
        visitor.use_passkey(&mut device, page, "/step-up/passkey").await.leads_to("/o/halden-freight");
    }

    /// A person has twenty at most.
    async fn twenty_passkeys(app: TestApp) {
        let (mut owner, _, _) = owner_with_passkey(&app).await;
        for number in 2..=20 {
            owner.add_passkey(&mut Device::new(), &format!("Key {number}")).await.leads_to("/account/mfa");
        }
        let answer = owner.post("/account/mfa/passkeys/challenge", &[]).await.is(409);
        answer.says("You have twenty passkeys. Remove one first.");
    }

    /// Names, and what the forms refuse.
    async fn forms_of_passkeys(app: TestApp) {
        let (mut owner, _, _) = owner_with_passkey(&app).await;
        let id = database::only(database::texts(&app, "select id from passkeys").await);
        let page = format!("/account/mfa/passkeys/{id}/name");
        owner.get(&page).await.ok().says("Rename a passkey").body.contains("Pixel 9");
        owner.post(&page, &[("name", "")]).await.is(422);
        owner.post(&page, &[("name", "Work phone")]).await.leads_to("/account/mfa");
        owner.get("/account/mfa").await.ok().says("Work phone");
        owner.post("/account/mfa/passkeys", &[("name", "")]).await.is(422);
        for credential in ["", "{}", "[]", "null", "\u{0}", "{\"id\":\"x\"}"] {
            let fields = [("name", "Key"), ("challenge", "x"), ("credential", credential)];
            owner.post("/account/mfa/passkeys", &fields).await.is(422).says("The browser gave no passkey");
            let fields = [("challenge", "x"), ("credential", credential)];
            app.visitor().post("/sign-in/passkey", &fields).await.is(422).says("The browser gave no passkey");
        }
        refuses_bad_forms(&app, &mut owner, "/account/mfa/passkeys", &[("name", "Key")]).await;
        refuses_bad_forms(&app, &mut app.visitor(), "/sign-in/passkey", &[("next", "/")]).await;
        for path in ["/sign-in/passkey/challenge", "/step-up/passkey", "/account/mfa/passkeys/challenge"] {
            let mut lured = owner.clone();
            lured.origin = Some("https://evil.example".to_owned());
            lured.post(path, &[]).await.is(403);
        }
        let mut nobody = app.visitor();
        nobody.headers.push(("accept".to_owned(), "application/json".to_owned()));
        nobody.post("/step-up/passkey", &[]).await.is(401);
        nobody.post("/sign-in/challenge/passkey", &[]).await.is(401);
    }

    /// Of what is kept of a passkey nothing can be read off the database.
    async fn passkeys_are_sealed(app: TestApp) {
        let (mut owner, _, _) = owner_with_passkey(&app).await;
        owner.challenge("/step-up/passkey").await;
        let kept = database::texts(&app, "select credential from passkeys").await;
        let posed = database::texts(&app, "select state from passkey_challenges").await;
        assert!(!kept.is_empty() && !posed.is_empty());
        assert!(kept.iter().chain(&posed).all(|sealed| sealed.starts_with("x1.")));
    }
}

/// Browsers give no passkey to a host that is an address: nothing here offers one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_without_a_name_have_no_passkeys() {
    let app = TestApp::with(None, &[("INTERLOCK_BASE_URL", "http://127.0.0.1:3000")]).await;
    let mut visitor = app.visitor();
    visitor.origin = Some("http://127.0.0.1:3000".to_owned());
    visitor.get("/sign-in").await.ok().says_not("passkey");
    visitor.post("/sign-in/passkey/challenge", &[]).await.is(409).says("Passkeys need a server with a name");
}
