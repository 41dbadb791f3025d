//! The pages beside the way: where links end, what is refused, long names, the local mailbox.

use interlock::clock::{DAY, HOUR, MINUTE, SECOND};
use interlock::domain::access::Role;
use interlock::domain::sign_up;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::{TestApp, Visitor};

const LONG_NAME: &str =
    "Maria-Anna Wilhelmina Konstantinopolitanski von Hohenfels-Wallersteinberg zu Unterammergau and Sons, Jr";
const LONG_EMAIL: &str = "maria-anna.wilhelmina.konstantinopolitanski.von.hohenfels-waller@very-long-subdomain.of.halden-freight.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_of_an_invite() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    let mut owner = app.owner().await;
    let mut admin = app.member(&mut owner, "Jonas Lindqvist", "jonas@halden.example", Role::Admin).await;

    let used = app.invited(&mut owner, "used@halden.example", Role::Member).await;
    app.visitor().post(&used, &[("name", "Elif Demir"), ("password", PASSWORD)]).await.leads_to(&owner.org);
    sees(&stage, &browser, &used, "This invite has been used", "dead-used").await;

    let replaced = app.invited(&mut owner, "newer@halden.example", Role::Member).await;
    let rows = format!("{}/invitations", owner.org);
    let row = invitation(&mut owner).await;
    owner.post(&format!("{row}/mail"), &[]).await.leads_to(&rows);
    sees(&stage, &browser, &replaced, "There is a newer link", "dead-replaced").await;
    let newer = app.mail_to("newer@halden.example").await.path("/invite/");
    owner.post(&format!("{row}/revocation"), &[]).await.leads_to(&rows);
    sees(&stage, &browser, &newer, "This invite was taken back", "dead-revoked").await;

    let expired = app.invited(&mut owner, "late@halden.example", Role::Member).await;
    let void = app.invited(&mut admin, "void@halden.example", Role::Reviewer).await;
    let admin_id = app.id_of(&mut owner, "Jonas Lindqvist").await;
    owner.post(&format!("{}/users/{admin_id}/role", owner.org), &[("role", "member")]).await.is(303);
    sees(&stage, &browser, &void, "This invite is void", "dead-void").await;
    stage.sign_in_to_users(&browser, "amara@halden.example", PASSWORD).await;
    browser.press("Pending invites 2").await;
    browser.see("Void").await;
    stage.look(&browser, "pending-void").await;

    app.clock.advance(8 * DAY);
    sees(&stage, &browser, &expired, "This invite has expired", "dead-expired").await;
    browser.press("Ask for a new link").await;
    browser.see("We told whoever can send you a new link.").await;
    stage.look(&browser, "dead-asked").await;
    stage.sign_in_to_users(&browser, "amara@halden.example", PASSWORD).await;
    browser.press("Pending invites 2").await;
    browser.see("Ended 29 November").await;
    stage.look(&browser, "pending-expired").await;
    sees(&stage, &browser, "/invite/nobody-was-given-this", "There is nothing here", "dead-unknown").await;
    nothing_broke(&browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_into_an_organization() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    let mut owner = app.owner().await;
    let other = app.sign_up("Nordlicht Reederei", "Henrik Solberg", "henrik@nordlicht.example").await;
    let link = app.invited(&mut owner, "henrik@nordlicht.example", Role::Reviewer).await;
    sees(&stage, &browser, &link, "has an account: sign in with it", "invite-sign-in").await;
    browser.press("Sign in to accept").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.see("You are signed in as henrik@nordlicht.example").await;
    stage.look(&browser, "invite-accept").await;

    let foreign = app.invited(&mut owner, "elif@halden.example", Role::Member).await;
    sees(&stage, &browser, &foreign, "This invite is for someone else", "invite-wrong-account").await;
    stage.open(&browser, &link).await;
    browser.press("Join as Henrik Solberg").await;
    browser.see("Welcome to Halden Freight").await;
    stage.open(&browser, "/").await;
    browser.see("Choose where to go.").await;
    stage.look(&browser, "choose").await;
    stage.open(&browser, &other.org).await;
    browser.press("Nordlicht Reederei Owner Change organization").await;
    stage.look(&browser, "organization-menu").await;

    let guest = Browser::start().await;
    let link = copied_link(&mut owner).await;
    sees(&stage, &guest, &link, "Show that this address is yours", "invite-copied").await;
    guest.press("Mail me a code").await;
    guest.see("Code from the mail").await;
    stage.look(&guest, "invite-code").await;
    guest.fill("Code from the mail", "00000000").await;
    guest.press("Go on").await;
    guest.see("This is not the code").await;
    stage.look(&guest, "invite-code-error").await;

    let mail = app.sign_up_mail("Fjord Kontor", "mads@fjord.example").await;
    sees(&stage, &guest, &mail, "You signed up in another browser", "verify-elsewhere").await;
    nothing_broke(&browser).await;
    nothing_broke(&guest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_house_is_set_up_by_a_link() {
    let stage =
        Stage { app: TestApp::served_in_test_time(&[("INTERLOCK_SIGN_UP", "closed")]).await, looks: true };
    let browser = Browser::start().await;
    sees(&stage, &browser, "/sign-up", "Sign-up is closed here", "sign-up-closed").await;
    let token = sign_up::prepare_setup(&stage.app.app).await.expect("the database answers");
    let token = token.expect("nobody has an account yet");
    let link = format!("/setup/{}", token.expose());
    sees(&stage, &browser, &link, "Set up Interlock", "setup").await;
    sees(&stage, &browser, "/mailbox", "There is no mail yet.", "mailbox-empty").await;
    nothing_broke(&browser).await;
}

/// V2: the API's page is read by anyone, on a telephone and in the dark too, and its document is a link away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_is_read_without_a_key() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let browser = Browser::start().await;
    sees(&stage, &browser, "/docs/api", "Invite somebody", "api-docs").await;
    nothing_broke(&browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_any_length_fit() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    let mut owner = halden(app).await;
    stage.sign_in_to_users(&browser, "amara@halden.example", PASSWORD).await;
    browser.see("9 people").await;
    stage.look(&browser, "users").await;

    let long = app.member(&mut owner, long_name(), LONG_EMAIL, Role::Admin).await;
    stage.open(&browser, "/o/halden-freight/users").await;
    stage.look(&browser, "users-long").await;
    browser.press(&format!("More for {}", long_name())).await;
    browser.press("Remove from organization").await;
    stage.look(&browser, "leaving-long").await;
    browser.press("Cancel").await;
    browser.see("Sessions that open this organization").await;
    stage.look(&browser, "person-long").await;
    let fields = [("email", &*LONG_EMAIL.replace("maria", "marie")), ("role", "reviewer"), ("note", NOTE)];
    owner.post("/o/halden-freight/invitations", &fields).await.is(303);
    let mail = app.mail_to(fields[0].1).await;
    stage.open(&browser, "/o/halden-freight/invitations").await;
    stage.look(&browser, "pending-long").await;
    browser.press(&format!("Copy link of the invite to {}", fields[0].1)).await;
    browser.see("Done").await;
    stage.look(&browser, "copy-link-long").await;
    stage.open(&browser, "/o/halden-freight/audit").await;
    stage.look(&browser, "audit-long").await;

    let guest = Browser::start().await;
    stage.sign_in_to_users(&guest, &long.email, PASSWORD).await;
    guest.see("Invite people").await;
    stage.look(&guest, "long-person").await;
    stage.open(&guest, "/account").await;
    stage.look(&guest, "account-long").await;
    stage.open(&guest, &mail.path("/invite/")).await;
    stage.look(&guest, "invite-long").await;
    sees(&stage, &guest, "/mailbox", "Local mailbox", "mailbox").await;
    guest.press(&format!("{} To {}, just now", mail.subject, mail.to)).await;
    guest.see("See it as html").await;
    stage.look(&guest, "mail").await;
    guest.press("See it as html").await;
    guest.see("Accept").await;
    guest.screenshot("mail-html").await;
    sees(&stage, &guest, "/mailbox/kinds", "Kinds of mail", "mail-kinds").await;
    guest.press("Your code to join Halden Freight To dana.kovac@halden.example").await;
    guest.see("40718526").await;
    stage.look(&guest, "mail-kind").await;
    nothing_broke(&browser).await;
    nothing_broke(&guest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tries() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    app.owner().await;
    let mut guesser = app.visitor();
    for _ in 0..9 {
        guesser.sign_in("amara@halden.example", "not my password at all").await.is(422);
    }
    stage.sign_in(&browser, "amara@halden.example", "not my password at all").await;
    browser.see("There is a pause now, of up to 15 minutes.").await;
    stage.sign_in(&browser, "amara@halden.example", PASSWORD).await;
    browser.see("Too many tries").await;
    stage.look(&browser, "sign-in-paused").await;
    for _ in 0..60 {
        guesser.get("/invite/nobody-was-given-this").await;
    }
    sees(&stage, &browser, "/invite/nobody-was-given-this", "Wait 15 minutes", "error-429").await;
    sees(&stage, &browser, "/sign-in?next=/o/halden-freight/users", "Sign in", "sign-in-next").await;
    app.clock.advance(HOUR);
    browser.fill("Email", "amara@halden.example").await;
    browser.press("Continue").await;
    browser.see("Change email").await;
    stage.look(&browser, "sign-in-password").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.arrive("/o/halden-freight/users").await;
    sees(&stage, &browser, "/o/halden-freight/users?sort=shoe-size", "can't be read", "error-400").await;
    nothing_broke(&browser).await;
}

async fn sees(stage: &Stage, browser: &Browser, path: &str, text: &str, name: &str) {
    stage.open(browser, path).await;
    browser.see(text).await;
    stage.look(browser, name).await;
}

/// The path of the newest pending invitation.
async fn invitation(owner: &mut Visitor) -> String {
    let path = format!("{}/invitations", owner.org);
    let page = owner.get(&path).await.ok();
    let (_, rest) = page.body.split_once("id=\"invitation-").expect("an invitation is pending");
    format!("{path}/{}", &rest[..36])
}

async fn copied_link(owner: &mut Visitor) -> String {
    let path = format!("{}/link", invitation(owner).await);
    let page = owner.post(&path, &[]).await.ok();
    let (_, rest) = page.body.split_once("/invite/").expect("the link is shown");
    let end = rest.find(['<', '"']).expect("the link ends");
    format!("/invite/{}", &rest[..end])
}

const NOTE: &str = "Welcome. You will be on the night desk with Mei-Ling: she shows you how requests for access are decided, \
     and whom to call when a tool misbehaves.\n\nThe rota is in the usual place.";

/// Exactly as long as a name may be.
fn long_name() -> &'static str {
    assert!(LONG_NAME.len() >= 100);
    LONG_NAME[..100].trim_end()
}

/// Nine people who have been here for a while.
async fn halden(app: &TestApp) -> Visitor {
    let mut owner = app.owner().await;
    let people = [
        ("Sam Whitfield", "sam@auditpartners.example", Role::Auditor, 11 * DAY),
        ("Noor Haddad", "noor@halden.example", Role::Member, 5 * DAY),
        ("Elif Demir", "elif@halden.example", Role::Member, 8 * DAY),
        ("Mei-Ling Chow", "mei@halden.example", Role::Reviewer, 2 * DAY),
        ("Łukasz Brandt", "lukasz@halden.example", Role::Developer, 4 * DAY),
        ("Tomás Herrera", "tomas@halden.example", Role::Developer, DAY),
        ("Priya Raman", "priya@halden.example", Role::Developer, DAY),
        ("Jonas Lindqvist", "jonas@halden.example", Role::Admin, DAY),
    ];
    for (name, email, role, later) in people {
        owner.sign_in("amara@halden.example", PASSWORD).await.leads_to("/");
        app.member(&mut owner, name, email, role).await;
        app.clock.advance(later);
    }
    // Some have been here since.
    for (email, later) in [
        ("mei@halden.example", 19 * HOUR),
        ("lukasz@halden.example", 2 * HOUR),
        ("tomas@halden.example", 35 * MINUTE),
        ("priya@halden.example", 12 * MINUTE),
        ("jonas@halden.example", 0),
    ] {
        let mut visitor = app.visitor();
        visitor.sign_in(email, PASSWORD).await.leads_to("/");
        visitor.get(&format!("{}/roles", owner.org)).await.ok();
        app.clock.advance(later);
    }
    owner.sign_in("amara@halden.example", PASSWORD).await.leads_to("/");
    let elif = app.id_of(&mut owner, "Elif Demir").await;
    owner.post(&format!("/o/halden-freight/users/{elif}/suspension"), &[]).await.is(303);
    for (email, role) in
        [("dana.kovac@halden.example", Role::Developer), ("r.osei@partner.example", Role::Reviewer)]
    {
        app.invited(&mut owner, email, role).await;
        app.clock.advance(SECOND);
    }
    owner
}
