//! An Owner who pastes a list, an Auditor who gets a notice, and memberships that end by themselves.

use interlock::app::Shared;
use interlock::clock::DAY;
use interlock::domain::access::Role;
use interlock::domain::{invitations, leaving};
use tokio::sync::watch;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::database::count;

const AMARA: &str = "amara@halden.example";
const PASTED: &str = "Dana Kovač <dana.kovac@halden.example>\n\"Brandt, Łukasz\" <lukasz@halden.example>; Mei-Ling Chow <mei@halden.example>\n\
     omar@haldenexample\nDana.Kovac@halden.example\npriya@halden.example, tomas@halden.example\nthe night desk\namara@halden.example";

/// The worker as the program runs it, until the test ends.
fn worker(app: &Shared) -> watch::Sender<bool> {
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(invitations::run(app.clone(), stopping));
    stop
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_pasted_and_sent() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    stage.app.owner().await;
    let browser = Browser::start().await;
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.press("Invite people").await;
    browser.see("Invite people to Halden Freight").await;
    browser.fill("Email addresses", "omar@haldenexample").await;
    browser.fill("Last day (optional)", "2026-11-01").await;
    browser.press("Send invites").await;
    browser.see("Enter a whole address, such as ann@example.com.").await;
    browser.see("This day is over.").await;
    stage.look(&browser, "invite-many-error").await;

    browser.fill("Email addresses", PASTED).await;
    browser.fill("Last day (optional)", "2027-03-31").await;
    browser.fill("Note (optional)", "Welcome to the night desk.").await;
    stage.look(&browser, "invite-many-typed").await;
    browser.press("Send invites").await;
    browser.see("5 people will be invited, each as a Member.").await;
    browser.see("4 can’t be, and stop nobody else").await;
    stage.look(&browser, "invite-many-preview").await;
    browser.press("Back").await;
    browser.see("It stands in the mail, as plain text.").await;
    browser.press("Send invites").await;
    browser.see("Welcome to the night desk.").await;

    // Nobody works yet: the page says how far it is, and goes on by itself.
    browser.press("Send 5 invites").await;
    browser.see("4 of 9 done").await;
    stage.look(&browser, "batch-running").await;
    browser.press("Pending invites").await;
    browser.see("Sending 4 of 9…").await;
    stage.look(&browser, "pending-sending").await;
    browser.press("See each result").await;
    browser.see("4 of 9 done").await;
    let _worker = worker(&stage.app.app);
    browser.see("The invites are sent").await;
    browser.see("9 of 9 done").await;
    browser.see("5 invited, 4 not").await;
    browser.see("This person is already in the organization.").await;
    stage.look(&browser, "batch-done").await;
    stage.app.mails().await;
    browser.press("See pending invites").await;
    browser.see("Łukasz Brandt").await;
    stage.look(&browser, "pending-many").await;
    assert_eq!(count(&stage.app, "invitations where state = 'pending'").await, 5);

    let guest = Browser::start().await;
    let link = stage.app.mail_to("lukasz@halden.example").await.path("/invite/");
    stage.open(&guest, &link).await;
    guest.see("Until 31 March 2027, 23:59 (UTC)").await;
    stage.look(&guest, "invite-join-until").await;
    guest.fill("Password", PASSWORD).await;
    guest.press("Join Halden Freight").await;
    guest.see("You are a Member here").await;

    // A list in which nobody is to be invited says why, for each.
    stage.open(&browser, "/o/halden-freight/invitations/new").await;
    browser.fill("Email addresses", "the night desk, mei@halden.example; lukasz@halden.example").await;
    browser.press("Send invites").await;
    browser.see("Nobody of these can be invited.").await;
    stage.look(&browser, "invite-many-nobody").await;
    nothing_broke(&browser).await;
    nothing_broke(&guest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_gets_a_notice() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    stage.app.owner().await;
    let (browser, auditor) = (Browser::start().await, Browser::start().await);
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.press("Invite people").await;
    browser.fill("Email addresses", "Sam Whitfield <sam@auditpartners.example>").await;
    browser.see_not("Send a separate notice").await;
    browser.press(&format!("{} {}", Role::Auditor.name(), Role::Auditor.best_for())).await;
    let notice = "Send a separate notice A second mail without the link, which the Auditor can confirm. You see when they did.";
    browser.press(notice).await;
    browser.fill("Last day (optional)", "2026-12-06").await;
    stage.look(&browser, "invite-auditor").await;
    browser.press("Send invites").await;
    browser.see("sam@auditpartners.example is invited as an Auditor").await;
    browser.see("Notice queued").await;

    let mails = stage.app.mails().await;
    let notice = mails.iter().find(|mail| mail.text.contains("/notice/")).expect("the notice came");
    let link = notice.path("/notice/");
    stage.open(&auditor, "/mailbox").await;
    auditor.press(&format!("{} To {}, just now", notice.subject, notice.to)).await;
    auditor.press("See it as html").await;
    auditor.see("I expected this").await;
    auditor.screenshot("mail-notice").await;
    stage.open(&auditor, &link).await;
    auditor.see("Did you expect this?").await;
    stage.look(&auditor, "notice").await;
    auditor.press("I expected this").await;
    auditor.see("Confirmed").await;
    stage.look(&auditor, "notice-confirmed").await;
    stage.open(&browser, "/o/halden-freight/invitations").await;
    browser.see("Notice confirmed just now").await;
    stage.look(&browser, "pending-notice").await;
    browser.press("Revoke the invite to sam@auditpartners.example").await;
    browser.press("Revoke invite").await;
    browser.see("No invite is pending").await;
    stage.open(&auditor, &link).await;
    auditor.see("This notice has lapsed").await;
    stage.look(&auditor, "notice-dead").await;
    nothing_broke(&browser).await;
    nothing_broke(&auditor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_gets_an_end() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let mut owner = stage.app.owner().await;
    stage.app.member(&mut owner, "Elif Demir", "elif@halden.example", Role::Member).await;
    let browser = Browser::start().await;
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.press("More for Elif Demir").await;
    stage.look(&browser, "users-menu-end").await;
    browser.press("Set end date").await;
    browser.see("End date of Elif Demir").await;
    browser.fill("Last day", "2026-11-01").await;
    browser.press("Save end date").await;
    browser.see("This day is over.").await;
    stage.look(&browser, "end-date-error").await;
    browser.fill("Last day", "2026-12-31").await;
    browser.press("Save end date").await;
    browser.see("Elif Demir’s membership lasts until 31 December 2026, 23:59").await;
    browser.see("Ends in 40 days").await;
    stage.look(&browser, "users-end-date").await;
    stage.app.clock.advance(39 * DAY);
    leaving::end_due(&stage.app.app).await.expect("memberships can be ended");
    let mail = stage.app.mail_to("elif@halden.example").await;
    assert_eq!(mail.subject, "Your membership of Halden Freight ends on 31 December 2026");
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.arrive("/o/halden-freight/users").await;
    stage.open(&browser, &stage.app.mail_to(AMARA).await.path("/o/")).await;
    browser.see("End date of Elif Demir").await;
    stage.look(&browser, "end-date").await;
    browser.fill("Last day", "").await;
    browser.press("Save end date").await;
    browser.see("Elif Demir’s membership has no end date").await;
    nothing_broke(&browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_without_scripts() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    let mut owner = stage.app.owner().await;
    let browser = Browser::start_without_javascript().await;
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.press("Invite people").await;
    browser.arrive("/invitations/new").await;
    browser
        .fill("Email addresses", "Dana <dana@halden.example>, omar@haldenexample, mei@halden.example")
        .await;
    browser.press("Send invites").await;
    browser.see("2 people will be invited, each as a Member.").await;
    browser.screenshot("plain-invite-preview").await;
    browser.press("Back").await;
    browser.arrive("/invitations/new").await;
    browser.press("Send invites").await;
    browser.press("Send 2 invites").await;
    browser.see("1 of 3 done").await;
    browser.screenshot("plain-batch").await;
    assert_eq!(invitations::work_off(&stage.app.app).await.expect("the batch can be worked off"), 2);
    browser.press("Reload").await;
    browser.see("3 of 3 done").await;
    browser.see("Invites sent").await;

    stage.app.member(&mut owner, "Elif Demir", "elif@halden.example", Role::Member).await;
    stage.open(&browser, "/o/halden-freight/users").await;
    browser.press("More for Elif Demir").await;
    browser.press("Set end date").await;
    browser.arrive("/end-date").await;
    browser.screenshot("plain-end-date").await;
    browser.press("Save end date").await;
    browser.see("Elif Demir’s membership has no end date").await;
    nothing_broke(&browser).await;
}
