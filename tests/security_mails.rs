//! The mails about a factor that an organization asks for, or is to.

use interlock::clock::{DAY, HOUR};
use interlock::domain::access::Role;
use interlock::domain::settings;

use crate::support::database::{count, execute};
use crate::support::page::link;
use crate::support::{PASSWORD, TestApp, Visitor, on_both};

const ORG: &str = "/o/halden-freight";
const SECURITY: &str = "/o/halden-freight/settings/security";
const AMARA: &str = "amara@halden.example";
const DANA: &str = "dana@halden.example";
const SEFA: &str = "sefa@halden.example";

const NOW: [(&str, &str); 4] = [("required", "yes"), ("factors", "any"), ("when", "now"), ("day", "")];

/// An Owner and Sefa who have factors, and Dana who has none.
async fn three(app: &TestApp) -> Visitor {
    let mut owner = app.owner().await;
    app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
    let mut sefa = app.member(&mut owner, "Sefa Olsen", SEFA, Role::Member).await;
    sefa.enable_mfa(&app.clock).await;
    owner.enable_mfa(&app.clock).await;
    owner
}

async fn require(owner: &mut Visitor, when: &str, day: &str) {
    let fields =
        [("required", "yes"), ("factors", "any"), ("when", when), ("day", day), ("confirmed", "yes")];
    owner.post(&format!("{SECURITY}/mfa"), &fields).await.leads_to(SECURITY);
}

/// The worker's minute.
async fn tell(app: &TestApp) {
    settings::tell_due(&app.app).await.expect("members can be told");
}

/// Subjects of the mails to an address about a factor.
async fn told(app: &TestApp, to: &str) -> Vec<String> {
    let mails = app.mails().await.into_iter().filter(|mail| mail.to == to).map(|mail| mail.subject);
    mails.filter(|subject| subject.starts_with("Halden Freight ")).collect()
}

on_both! {
    /// M4: whoever lacks a factor is told when it is required at once, one time, whatever is killed or runs
    /// beside; whoever has one, is suspended, or has enrolled meanwhile is not.
    async fn required_at_once(app: TestApp) {
        let mut owner = three(&app).await;
        app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Member).await;
        let id = app.id_of(&mut owner, "Adil Brandt").await;
        let mut late = app.member(&mut owner, "Elif Demir", "elif@halden.example", Role::Member).await;
        require(&mut owner, "now", "").await;
        assert_eq!(count(&app, "memberships where mfa_mail_due is not null").await, 3);
        owner.post(&format!("{ORG}/users/{id}/suspension"), &[]).await.is(303);
        late.enable_mfa(&app.clock).await;
        let replica = app.replica().await;
        let (one, other) = tokio::join!(settings::tell_due(&app.app), settings::tell_due(&replica.app));
        one.and(other).expect("members can be told");
        tell(&app).await;
        assert_eq!(told(&app, DANA).await, ["Halden Freight now requires multi-factor authentication"]);
        let mail = app.mail_to(DANA).await;
        assert!(mail.text.contains("opens again as soon as you have set it up"), "{}", mail.text);
        mail.path("/account/mfa/enrol");
        for to in [AMARA, SEFA, "adil@halden.example", "elif@halden.example"] {
            assert_eq!(told(&app, to).await, [""; 0], "{to}");
        }
        assert_eq!(count(&app, "memberships where mfa_mail_due is not null").await, 0);
    }

    /// M4: at the start of a grace period, three days and one day before its end, once each, in the reader's
    /// own time; not to who has a factor by then.
    async fn a_grace_period(app: TestApp) {
        let mut owner = three(&app).await;
        let mut elif = app.member(&mut owner, "Elif Demir", "elif@halden.example", Role::Member).await;
        execute(&app, &format!("update users set time_zone = 'America/New_York' where email = '{DANA}'")).await;
        require(&mut owner, "date", "2026-12-10").await;
        for _ in 0..3 {
            tell(&app).await;
        }
        let said = "Halden Freight requires multi-factor authentication from 9 December 2026";
        assert_eq!(told(&app, DANA).await, [said]);
        let mail = app.mail_to(DANA).await;
        assert!(mail.text.contains("From 9 December 2026, 19:00 (America/New_York)"), "{}", mail.text);
        assert_eq!(told(&app, "elif@halden.example").await.len(), 1);
        elif.enable_mfa(&app.clock).await;
        // From 22 November, 09:00, to three days before 10 December, 00:00.
        app.clock.advance(14 * DAY + 14 * HOUR);
        tell(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 1);
        app.clock.advance(HOUR);
        for _ in 0..3 {
            tell(&app).await;
        }
        assert_eq!(told(&app, DANA).await, [said; 2]);
        app.clock.advance(2 * DAY);
        let replica = app.replica().await;
        let (one, other) = tokio::join!(settings::tell_due(&app.app), settings::tell_due(&replica.app));
        one.and(other).expect("members can be told");
        assert_eq!(told(&app, DANA).await, [said; 3]);
        app.clock.advance(2 * DAY);
        tell(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 3);
        for to in [AMARA, SEFA] {
            assert_eq!(told(&app, to).await, [""; 0], "{to}");
        }
        assert_eq!(told(&app, "elif@halden.example").await.len(), 1);
    }

    /// A date that is near is told of by its own announcement; one that is taken back is told of no more, and
    /// neither is that of a deleted organization.
    async fn what_is_not_told(app: TestApp) {
        let mut owner = three(&app).await;
        require(&mut owner, "date", "2026-11-24").await;
        tell(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 1);
        app.clock.advance(HOUR);
        tell(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 1, "three days before is over");
        app.clock.advance(14 * HOUR + 30 * 60 * 1_000);
        tell(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 2, "a day before");
        execute(&app, "update organizations set mfa_notice = 0, closed_at = 1; update memberships set mfa_mail_due = 'any'").await;
        tell(&app).await;
        execute(&app, "update organizations set closed_at = null, mfa = 'optional', mfa_from = null; update memberships set mfa_mail_due = null").await;
        tell(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 2);
    }

    /// M4: before anything is required those who would be interrupted can be mailed: three times a day.
    async fn mail_them_now(app: TestApp) {
        let mut owner = three(&app).await;
        let asked = owner.post(&format!("{SECURITY}/mfa"), &NOW).await.location();
        owner.get(&asked).await.ok().says("Mail them now");
        let mails = format!("{SECURITY}/mails");
        for time in 1..=3 {
            let back = owner.post(&mails, &NOW).await.is(303).location();
            assert_eq!(back, asked, "the page that asked");
            owner.get(&back).await.ok().says("1 mail is on its way").says("Require it");
            tell(&app).await;
            assert_eq!(told(&app, DANA).await, vec!["Halden Freight is about to require multi-factor authentication"; time]);
        }
        owner.post(&mails, &NOW).await.is(429);
        tell(&app).await;
        assert_eq!(told(&app, DANA).await.len(), 3);
        assert_eq!(told(&app, SEFA).await.len(), 0);
        app.clock.advance(25 * HOUR);
        let mut admin = app.visitor();
        admin.sign_in(AMARA, PASSWORD).await.leads_to("/sign-in/challenge");
    }
}

/// Each page that mails says whom: the list of the settings leads to the same people.
#[tokio::test]
async fn the_settings_say_who_lacks_it() {
    let app = TestApp::sqlite().await;
    let mut owner = three(&app).await;
    require(&mut owner, "now", "").await;
    let page = owner
        .get(SECURITY)
        .await
        .ok()
        .says("1 person has not set it up")
        .says("Until they do, they can’t open");
    let users = link(&page, "See who").expect("there is a way");
    owner.get(&users).await.ok().says("Dana Kovač").says_not("Sefa Olsen").says("1 person");
    let back = owner
        .post(&format!("{SECURITY}/mails"), &[("required", "yes"), ("factors", "any"), ("when", "now")])
        .await;
    let settings = owner.get(&back.location()).await.is(303).location();
    assert_eq!(settings, SECURITY);
    owner.get(&settings).await.ok().says("1 mail is on its way");
}
