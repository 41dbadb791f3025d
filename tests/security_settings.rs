//! `/o/{org}/settings/security`: what an organization asks of sessions, who may change that, and how.

use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::access::Role;

use crate::support::database::{count, execute, only, texts};
use crate::support::page::{between, link};
use crate::support::{PASSWORD, TestApp, Visitor, everything, on_both, refuses_bad_forms};

const ORG: &str = "/o/halden-freight";
const SECURITY: &str = "/o/halden-freight/settings/security";
const MFA: &str = "/o/halden-freight/settings/security/mfa";
const MAILS: &str = "/o/halden-freight/settings/security/mails";
const SESSIONS: &str = "/o/halden-freight/settings/security/sessions";
const AMARA: &str = "amara@halden.example";
const DANA: &str = "dana@halden.example";

const ANY_NOW: [(&str, &str); 4] = [("required", "yes"), ("factors", "any"), ("when", "now"), ("day", "")];
const PASSKEYS_NOW: [(&str, &str); 4] =
    [("required", "yes"), ("factors", "passkey"), ("when", "now"), ("day", "")];
const OFF: [(&str, &str); 3] = [("factors", "any"), ("when", "now"), ("day", "")];

fn from(day: &str) -> [(&'static str, &str); 4] {
    [("required", "yes"), ("factors", "any"), ("when", "date"), ("day", day)]
}

fn confirmed<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().copied().chain([("confirmed", "yes")]).collect()
}

/// "rule date": as the organization has it.
async fn rule(app: &TestApp) -> String {
    only(texts(app, "select mfa || ' ' || coalesce(cast(mfa_from as text), '-') from organizations").await)
}

async fn changes(app: &TestApp) -> Vec<String> {
    texts(app, "select changes from audit_events where kind = 'organization.security_changed' order by seq")
        .await
}

/// A passkey as its owner's row and session have it, without a browser.
async fn give_passkey(app: &TestApp, email: &str) {
    execute(
        app,
        &format!(
            "insert into passkeys (id, user_id, credential_id, name, credential, created_at) \
             select 'key-' || id, id, 'credential-' || id, 'Key', '', 0 from users where email = '{email}'; \
             update users set has_passkey = true where email = '{email}'; \
             update memberships set has_passkey = true where email = '{email}'"
        ),
    )
    .await;
}

/// Each live session of a person has proven a passkey just now.
async fn prove_passkey(app: &TestApp, email: &str) {
    let now = app.clock.now().0;
    execute(
        app,
        &format!(
            "insert into session_proofs (session, kind, connection, at) select s.id, 'passkey', '', {now} \
             from sessions s join users u on u.id = s.user_id where u.email = '{email}' and s.ended_at is null"
        ),
    )
    .await;
}

/// Follows a step-up to the form that it kept, and posts that.
async fn through_step_up(
    visitor: &mut Visitor,
    step_up: &str,
    proof: &[(&str, &str)],
) -> (String, Vec<(String, String)>) {
    let form = step_up.strip_prefix("/step-up?form=").expect("it asks for a proof").to_owned();
    let fields: Vec<(&str, &str)> = proof.iter().copied().chain([("form", &*form)]).collect();
    let done = visitor.post("/step-up", &fields).await.ok();
    let action = between(&done.body, "<form method=\"post\" action=\"", "\"").concat();
    let fields = between(&done.body, "<input type=\"hidden\" name=\"", ">");
    let fields = fields.into_iter().map(|field| {
        let (name, rest) = field.split_once("\" value=\"").expect("a field has a value");
        (name.to_owned(), rest.trim_end_matches('"').to_owned())
    });
    (action, fields.collect())
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (&**name, &**value)).collect()
}

on_both! {
    /// M4: whoever switches it on has a factor themselves; without one a sentence leads to the way to have it.
    async fn the_actor_has_a_factor_first(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let page = owner.get(SECURITY).await.ok().says("Require multi-factor authentication");
        let page = page.says("set up multi-factor authentication for yourself first").says("0 of 2 people with a factor.");
        let to = link(&page, "Set it up").expect("there is a way");
        assert_eq!(to, "/account/mfa/enrol?next=%2Fo%2Fhalden-freight%2Fsettings%2Fsecurity");
        let before = everything(&app).await;
        for fields in [&ANY_NOW[..], &confirmed(&ANY_NOW), &from("2026-12-01"), &confirmed(&from("2026-12-01"))] {
            let page = owner.post(MFA, fields).await.is(422).says("for yourself first");
            assert!(page.body.contains("name=\"required\" value=\"yes\" autocomplete=\"off\" checked"), "what was typed is kept");
            let fragment = owner.post_fragment(MFA, fields).await.is(422).says("for yourself first");
            assert!(fragment.body.contains("id=\"mfa\"") && !fragment.body.contains("<html"));
        }
        owner.get(&format!("{MFA}?required=yes&factors=any&when=now")).await.is(422).says("for yourself first");
        assert_eq!(everything(&app).await, before);
        owner.get(&to).await.ok();
    }

    /// M3, M4: asking leads to whom it interrupts; confirming asks for a proof of the factor, and then does it:
    /// one row in the log, and a mail to whoever lacks a factor.
    async fn requiring_it_now(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let mut sefa = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Member).await;
        sefa.enable_mfa(&app.clock).await;
        let phone = owner.enable_mfa(&app.clock).await;
        owner.get(SECURITY).await.ok().says("2 of 3 people with a factor.").says("Nobody has changed anything");
        app.clock.advance(11 * MINUTE);

        let before = everything(&app).await;
        let asked = owner.post(MFA, &ANY_NOW).await.is(303).location();
        assert!(asked.starts_with(&format!("{MFA}?required=yes&factors=any&when=now")), "{asked}");
        let fragment = owner.post_fragment(MFA, &ANY_NOW).await.ok();
        assert_eq!(fragment.header("hx-redirect"), asked);
        let page = owner.get(&asked).await.ok().says("Require multi-factor authentication in Halden Freight?");
        let page = page.says("1 person has no factor").says("Dana Kovač").says_not("Sefa Olsen");
        let page = page.says("2 people have a factor, and are asked for it unless their session has proven it.");
        assert_eq!(link(&page, "See them on the Users page").expect("there is a way"), format!("{ORG}/users?status=active&factors=none"));
        assert_eq!(everything(&app).await, before, "asking changes nothing");

        let step_up = owner.post(MFA, &confirmed(&ANY_NOW)).await.is(303).location();
        assert_eq!(rule(&app).await, "optional -");
        let (action, fields) = through_step_up(&mut owner, &step_up, &[("code", &phone.next_code()), ("with", "code")]).await;
        assert_eq!(action, MFA);
        owner.post(&action, &borrowed(&fields)).await.leads_to(SECURITY);
        assert_eq!(rule(&app).await, "any -");
        let page = owner.get(SECURITY).await.ok().says("Multi-factor authentication is required from now on");
        let page = page.says("1 person has not set it up").says("multi-factor authentication: optional → required, any factor");
        assert!(link(&page, "See all in the audit log").expect("there is a way").ends_with("/audit?kind=organization.security_changed"));
        assert_eq!(changes(&app).await, [r#"{"multi-factor authentication":{"new":"required, any factor","old":"optional"}}"#]);
        // The same again is no change, and needs no confirmation.
        let before = everything(&app).await;
        owner.post(MFA, &ANY_NOW).await.leads_to(SECURITY);
        owner.post(MFA, &confirmed(&ANY_NOW)).await.leads_to(SECURITY);
        assert_eq!(owner.get(&asked).await.is(303).location(), SECURITY);
        assert_eq!(everything(&app).await, before);
    }

    /// M4: a recovery code steps up like a code does, a password of who has a factor does not, and a
    /// remembered device never counts.
    async fn what_proves_the_actor(app: TestApp) {
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        app.clock.advance(11 * MINUTE);
        owner.post(MFA, &confirmed(&ANY_NOW)).await.leads_to("/step-up");
        owner.post("/step-up", &[("password", PASSWORD)]).await.is(422);
        owner.post(MFA, &confirmed(&ANY_NOW)).await.leads_to("/step-up");
        let now = app.clock.now().0;
        execute(&app, &format!("insert into session_proofs (session, kind, connection, at) select id, 'remembered_device', '', {now} from sessions where ended_at is null")).await;
        owner.post(MFA, &confirmed(&ANY_NOW)).await.leads_to("/step-up");
        let code = phone.recovery_codes[0].clone();
        owner.post("/step-up", &[("code", &code), ("with", "recovery")]).await.leads_to("/");
        // Signed out everywhere since: that proof is none here.
        execute(&app, &format!("update memberships set proofs_after = {}", app.clock.now().0 + 1)).await;
        owner.post(MFA, &confirmed(&ANY_NOW)).await.is(303);
        assert_eq!(rule(&app).await, "optional -");
        execute(&app, "update memberships set proofs_after = 0").await;
        owner.post(MFA, &confirmed(&ANY_NOW)).await.leads_to(SECURITY);
        assert_eq!(rule(&app).await, "any -");
    }

    /// M6: passkeys only is for whoever holds one and has proven it in this very session.
    async fn requiring_passkeys(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let phone = owner.enable_mfa(&app.clock).await;
        for fields in [&PASSKEYS_NOW[..], &confirmed(&PASSKEYS_NOW)] {
            let page = owner.post(MFA, fields).await.is(422).says("add a passkey to your account first");
            assert!(page.body.contains("value=\"passkey\" autocomplete=\"off\" checked"));
        }
        give_passkey(&app, AMARA).await;
        let asked = owner.post(MFA, &PASSKEYS_NOW).await.is(303).location();
        let page = owner.get(&asked).await.ok().says("Require passkeys in Halden Freight?").says("1 person has no passkey");
        assert!(page.body.contains("users?status=active&#38;factors=no-passkey"), "{}", page.body);
        owner.step_up_with(&phone).await;
        let page = owner.post(MFA, &confirmed(&PASSKEYS_NOW)).await.is(422).says("use yours in this session first");
        let way = link(&page, "Use it now").expect("there is a way");
        assert!(way.starts_with("/step-up?form=") && way.ends_with("&with=passkey"), "{way}");
        owner.get(&way).await.ok();
        assert_eq!(rule(&app).await, "optional -");
        prove_passkey(&app, AMARA).await;
        owner.post(MFA, &confirmed(&PASSKEYS_NOW)).await.leads_to(SECURITY);
        assert_eq!(rule(&app).await, "passkey -");
        owner.get(SECURITY).await.ok().says("Passkeys are required from now on").says("1 of 2 people with a passkey.");

        // Less again: a fresh proof, a row, and no list.
        app.clock.advance(11 * MINUTE);
        let step_up = owner.post(MFA, &ANY_NOW).await.is(303).location();
        let (action, fields) = through_step_up(&mut owner, &step_up, &[("code", &phone.next_code()), ("with", "code")]).await;
        owner.post(&action, &borrowed(&fields)).await.leads_to(SECURITY);
        owner.post(MFA, &OFF).await.leads_to(SECURITY);
        owner.get(SECURITY).await.ok().says("Multi-factor authentication is optional now");
        let rows = changes(&app).await;
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows[2].contains(r#""new":"optional","old":"required, any factor""#), "{rows:?}");
        assert_eq!(count(&app, "memberships where mfa_mail_due is not null").await, 0);
    }

    /// M4: a grace date is a day from tomorrow on, at most 90 ahead, where the actor lives; it takes nothing
    /// away of what is asked for already.
    async fn a_grace_date(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        owner.enable_mfa(&app.clock).await;
        owner.post("/account/preferences", &[("time_zone", "Asia/Tokyo"), ("theme", "system")]).await.is(303);
        // 09:00 UTC is 18:00 in Tokyo.
        for (day, why) in [
            ("", "Enter a day as year-month-day"),
            ("tomorrow", "Enter a day as year-month-day"),
            ("2026-11-22", "Choose a day from tomorrow on"),
            ("2020-01-01", "Choose a day from tomorrow on"),
            ("2027-02-21", "Choose a day within 90 days."),
            ("9999-12-31", "Choose a day within 90 days."),
        ] {
            for fields in [&from(day)[..], &confirmed(&from(day))] {
                let page = owner.post(MFA, fields).await.is(422).says(why);
                assert!(page.body.contains(&format!("value=\"{day}\" aria-invalid=\"true\"")), "{day:?} is kept");
                assert!(page.body.contains("<title>Error: ") && page.body.contains("value=\"date\" autocomplete=\"off\" checked"));
            }
        }
        assert_eq!(owner.get(&format!("{MFA}?required=yes&factors=any&when=date&day=soon")).await.is(303).location(), SECURITY);
        let asked = owner.post(MFA, &from("2027-02-20")).await.is(303).location();
        owner.get(&asked).await.ok().says("From 20 February 2027, 00:00 on, Halden Freight opens only");
        owner.post(MFA, &confirmed(&from("2026-12-01"))).await.leads_to(SECURITY);
        // The day begins in Tokyo at 15:00 UTC of the day before.
        let at = 1_796_050_800_000_i64;
        assert_eq!(rule(&app).await, format!("any {at}"));
        let page = owner.get(SECURITY).await.ok().says("Multi-factor authentication is required from 1 December 2026 on");
        let page = page.says("required from: 2026-11-30 15:00").says("From 1 December 2026, 00:00 on they can’t open");
        assert!(page.body.contains("value=\"2026-12-01\""));

        // An Admin who lives elsewhere saves it as it is: nothing changes.
        let before = everything(&app).await;
        owner.post(MFA, &from("2026-12-01")).await.leads_to(SECURITY);
        assert_eq!(everything(&app).await, before);
        owner.post("/account/preferences", &[("time_zone", "UTC"), ("theme", "system")]).await.is(303);
        let before = everything(&app).await;
        owner.post(MFA, &from("2026-11-30")).await.leads_to(SECURITY);
        assert_eq!(everything(&app).await, before);
        // Later is less, and asks for no list; sooner is more.
        owner.post(MFA, &from("2026-12-20")).await.leads_to(SECURITY);
        owner.post(MFA, &from("2026-12-10")).await.leads_to(MFA);
        assert_eq!(changes(&app).await.len(), 2);

        // Passkeys from a day, where any factor is asked for: that stays so until then.
        owner.post(MFA, &confirmed(&ANY_NOW)).await.leads_to(SECURITY);
        give_passkey(&app, AMARA).await;
        prove_passkey(&app, AMARA).await;
        owner.post(MFA, &from("2026-12-10")).await.is(422).says("asks for less than what holds: choose “Now”.");
        let passkeys = [("required", "yes"), ("factors", "passkey"), ("when", "date"), ("day", "2026-12-10")];
        owner.post(MFA, &confirmed(&passkeys)).await.leads_to(SECURITY);
        assert_eq!(only(texts(&app, "select mfa || mfa_before from organizations").await), "passkeyany");
    }

    /// S10, S6: lengths from the list, a fresh proof, one row from old to new, and none without a change.
    async fn session_rules(app: TestApp) {
        let mut owner = app.owner().await;
        let page = owner.get(SECURITY).await.ok().says("Ask again after no click for").says("Shortest password");
        assert!(page.body.contains("<option value=\"28800000\" selected>8 hours"));
        let before = everything(&app).await;
        let (hour, month) = (HOUR.to_string(), (30 * DAY).to_string());
        let same = [("idle", "28800000"), ("absolute", "86400000"), ("remembers", "yes"), ("shortest", "15")];
        owner.post(SESSIONS, &same).await.leads_to(SECURITY);
        let wrong = [("idle", &*month), ("absolute", &hour), ("remembers", ""), ("shortest", "20")];
        let page = owner.post(SESSIONS, &wrong).await.is(422).says("This is longer than the time in all.");
        assert!(page.body.contains("<option value=\"20\" selected>") && page.body.contains("<title>Error: "));
        let fragment = owner.post_fragment(SESSIONS, &wrong).await.is(422).says("longer than the time in all");
        assert!(fragment.body.contains("id=\"sessions\"") && !fragment.body.contains("<html"));
        for (field, value) in [("idle", "1"), ("absolute", "-1"), ("idle", ""), ("absolute", "900d"), ("shortest", "16"), ("remembers", "on")] {
            let mut fields = same;
            fields.iter_mut().filter(|(name, _)| *name == field).for_each(|one| one.1 = value);
            owner.post(SESSIONS, &fields).await.is(422);
        }
        refuses_bad_forms(&app, &mut owner, SESSIONS, &same).await;
        app.clock.advance(11 * MINUTE);
        let new = [("idle", &*hour), ("absolute", &month), ("remembers", ""), ("shortest", "20")];
        assert_eq!(everything(&app).await, before);
        let step_up = owner.post(SESSIONS, &new).await.is(303).location();
        let (action, fields) = through_step_up(&mut owner, &step_up, &[("password", PASSWORD)]).await;
        assert_eq!(action, SESSIONS);
        owner.post(&action, &borrowed(&fields)).await.leads_to(SECURITY);
        let row = only(changes(&app).await);
        for change in [
            r#""session without a click":{"new":"1 hour","old":"8 hours"}"#,
            r#""session in all":{"new":"30 days","old":"24 hours"}"#,
            r#""remembered devices":{"new":"not allowed","old":"allowed"}"#,
            r#""shortest password":{"new":"20 characters","old":"15 characters"}"#,
        ] {
            assert!(row.contains(change), "{row}");
        }
        execute(&app, "update users set password_length = 32").await;
        owner.get(SECURITY).await.ok().says("Saved").says("session in all: 24 hours → 30 days");
        owner.post(SESSIONS, &new).await.leads_to(SECURITY);
        owner.get(SECURITY).await.ok().says("Nothing was changed");
        assert_eq!(changes(&app).await.len(), 1);
    }

    /// ROL-01: an Admin sets it too; whoever manages no settings does not, by any of its ways.
    async fn who_may(app: TestApp) {
        let mut owner = app.owner().await;
        let mut admin = app.member(&mut owner, "Jonas Lindqvist", "jonas@halden.example", Role::Admin).await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Auditor).await;
        dana.enable_mfa(&app.clock).await;
        let before = everything(&app).await;
        dana.get(SECURITY).await.is(403);
        dana.get(MFA).await.is(403);
        for path in [MFA, MAILS] {
            dana.post(path, &confirmed(&ANY_NOW)).await.is(403);
        }
        dana.post(SESSIONS, &[("idle", "3600000"), ("absolute", "3600000"), ("shortest", "15")]).await.is(403);
        assert_eq!(everything(&app).await, before);
        let strange = [("required", "yes"), ("factors", "sms"), ("when", "now")];
        owner.post(MFA, &strange).await.is(422).says("Choose which factors count");
        owner.post(MFA, &[("required", "yes"), ("factors", "any"), ("when", "never")]).await.is(422).says("from when it holds");
        owner.post(MAILS, &OFF).await.is(422).says("Choose which factors count");
        refuses_bad_forms(&app, &mut owner, MFA, &OFF).await;
        assert_eq!(everything(&app).await, before);
        admin.enable_mfa(&app.clock).await;
        admin.post(MFA, &confirmed(&ANY_NOW)).await.leads_to(SECURITY);
        admin.get(SECURITY).await.ok().says("Jonas Lindqvist");
    }
}
