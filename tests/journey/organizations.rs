//! Several organizations in one browser, and the life of one: made, renamed, handed over, left, deleted, undone.

use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::{TestApp, Visitor, fresh_schema};

const AMARA: &str = "amara@halden.example";
const NOOR: &str = "noor@quill.example";

/// Halden Freight, and Noor, who is a Member there and the Owner of Quill Works.
async fn two_organizations(app: &TestApp) -> Visitor {
    let mut owner = app.owner().await;
    let mut noor = app.sign_up("Quill Works", "Noor Haddad", NOOR).await;
    let link = app.invited(&mut owner, NOOR, Role::Member).await;
    noor.post(&link, &[]).await.leads_to(&owner.org);
    owner
}

/// TEN-04, R5: Owner in one tab, Member in the other, in one browser and with one session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    let mut owner = two_organizations(app).await;
    stage.sign_in(&browser, NOOR, PASSWORD).await;
    browser.see("Choose where to go.").await;
    stage.look(&browser, "choose-two").await;
    browser.press("Open Quill Works").await;
    browser.see("This is everything that you may open").await;
    browser.press("Users").await;
    browser.arrive("/o/quill-works/users").await;
    browser.press("Quill Works Owner Change organization").await;
    browser.see("New organization").await;
    stage.look(&browser, "switcher").await;

    let (quill, halden) = browser.open_tab().await;
    stage.open(&browser, "/o/quill-works/users").await;
    browser.press("Quill Works Owner Change organization").await;
    browser.press("Halden Freight Member").await;
    browser.see("You are a Member here").await;
    browser.see_not("Settings").await;

    // The first tab is still where it was, and what it began goes on there.
    browser.turn_to(&quill).await;
    browser.press_key("Escape").await;
    browser.press("Invite people").await;
    browser.fill("Email addresses", "lena@quill.example").await;
    browser.turn_to(&halden).await;
    browser.press("Roles").await;
    browser.see("You are a Member.").await;
    browser.turn_to(&quill).await;
    browser.press("Send invites").await;
    browser.see("lena@quill.example is invited as a Member").await;
    browser.arrive("/o/quill-works/invitations").await;
    assert!(app.mail_to("lena@quill.example").await.subject.contains("Quill Works"));

    // A new role in the one changes nothing in the other.
    let id = app.id_of(&mut owner, "Noor Haddad").await;
    owner.post(&format!("{}/users/{id}/role", owner.org), &[("role", "auditor")]).await.is(303);
    browser.turn_to(&halden).await;
    stage.open(&browser, "/o/halden-freight").await;
    browser.see("Halden Freight Auditor").await;
    browser.press("Audit log").await;
    browser.arrive("/o/halden-freight/audit").await;
    browser.turn_to(&quill).await;
    browser.press("Settings").await;
    browser.see("Name and slug").await;

    // Leaving in the one tab: the other organization stays.
    browser.turn_to(&halden).await;
    browser.press("Halden Freight Auditor Change organization").await;
    browser.press("Your organizations").await;
    browser.see("Each has its own people").await;
    stage.look(&browser, "organizations").await;
    browser.press("Leave Quill Works").await;
    browser.see("You are the last Owner of Quill Works.").await;
    stage.look(&browser, "organization-leave-refused").await;
    browser.press("Back").await;
    browser.press("Leave Halden Freight").await;
    browser.see("You stop being an Auditor of Halden Freight at once").await;
    stage.look(&browser, "organization-leave").await;
    browser.press("Leave Halden Freight").await;
    browser.see("You have left Halden Freight").await;
    browser.see_not("Leave Halden Freight").await;
    stage.open(&browser, "/o/halden-freight").await;
    browser.see("There is nothing here").await;
    browser.turn_to(&quill).await;
    browser.press("Users").await;
    browser.see("1 person").await;
    nothing_broke(&browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    life_of_one(Stage { app: TestApp::served(None, &[]).await, looks: true }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    life_of_one(Stage { app: TestApp::served(Some(fresh_schema().await), &[]).await, looks: false }).await;
}

async fn life_of_one(stage: Stage) {
    let (owner, member) = (Browser::start().await, Browser::start().await);
    two_organizations(&stage.app).await;
    stage.sign_in(&owner, AMARA, PASSWORD).await;
    stage.sign_in(&member, NOOR, PASSWORD).await;
    member.see("Choose where to go.").await;
    make(&stage, &owner).await;
    rename(&stage, &owner, &member).await;
    hand_over(&stage, &owner, &member).await;
    delete_and_undo(&stage, &owner, &member).await;
    nothing_broke(&owner).await;
    nothing_broke(&member).await;
}

async fn make(stage: &Stage, owner: &Browser) {
    owner.press("Halden Freight Owner Change organization").await;
    owner.press("New organization").await;
    owner.see("What it means to be in several organizations").await;
    stage.look(owner, "organization-new").await;
    owner.fill("Name", "...").await;
    owner.press("Create organization").await;
    owner.see("Use at least one letter or digit.").await;
    stage.look(owner, "organization-new-error").await;
    owner.fill("Name", "Nordlicht Reederei").await;
    owner.press("Create organization").await;
    owner.see("Nordlicht Reederei is ready, and you are its Owner").await;
    owner.arrive("/o/nordlicht-reederei/users").await;
}

/// The old address leads on whoever stands on it.
async fn rename(stage: &Stage, owner: &Browser, member: &Browser) {
    stage.open(member, "/o/halden-freight/roles").await;
    member.see("You are a Member.").await;
    stage.open(owner, "/o/halden-freight/settings").await;
    stage.look(owner, "settings").await;
    owner.fill("Slug", "quill-works").await;
    owner.press("Save").await;
    owner.see("Another organization has this slug, or had it.").await;
    stage.look(owner, "settings-error").await;
    owner.fill("Slug", "settings").await;
    owner.press("Save").await;
    owner.see("This word is reserved for Interlock itself.").await;
    owner.fill("Name", "Halden Logistics").await;
    owner.fill("Slug", "halden").await;
    owner.press("Save").await;
    owner.arrive("/o/halden/settings").await;
    owner.see("Saved").await;
    member.press("Roles").await;
    member.arrive("/o/halden/roles").await;
    member.see("Halden Logistics").await;
}

async fn hand_over(stage: &Stage, owner: &Browser, member: &Browser) {
    stage.open(owner, "/o/halden/settings").await;
    owner.press("Hand over").await;
    owner.see("Hand over Halden Logistics").await;
    stage.look(owner, "hand-over").await;
    owner.fill("Email address of the new Owner", "nobody@halden.example").await;
    owner.press("Go on").await;
    owner.see("Nobody who is active here has this address.").await;
    stage.look(owner, "hand-over-error").await;
    owner.fill("Email address of the new Owner", NOOR).await;
    owner.press("Go on").await;
    owner.see("Hand over Halden Logistics to Noor Haddad?").await;
    owner.see("You become an Admin").await;
    stage.look(owner, "hand-over-confirm").await;
    owner.press("Hand over").await;
    owner.see("Noor Haddad is now an Owner of Halden Logistics").await;
    owner.press("Settings").await;
    owner.see("Name and slug").await;
    owner.see_not("Delete organization").await;
    stage.open(member, "/o/halden/settings").await;
    member.see("Delete organization").await;
}

async fn delete_and_undo(stage: &Stage, admin: &Browser, owner: &Browser) {
    owner.press("Delete organization").await;
    owner.see("2 people lose everything in Halden Logistics at once").await;
    stage.look(owner, "delete").await;
    owner.fill("Type halden to confirm", "halden-freight").await;
    owner.press("Delete organization").await;
    owner.see("This is neither its slug nor its name.").await;
    stage.look(owner, "delete-error").await;
    owner.fill("Type halden to confirm", "halden").await;
    owner.press("Delete organization").await;
    owner.see("Halden Logistics is deleted").await;
    stage.look(owner, "closed").await;

    admin.press("Users").await;
    admin.see("There is nothing here").await;
    stage.open(admin, "/").await;
    admin.arrive("/o/nordlicht-reederei").await;
    stage.open(owner, "/account/organizations").await;
    owner.see("Erased for good after").await;
    stage.look(owner, "organizations-deleted").await;

    stage.open(owner, &stage.app.mail_to(NOOR).await.path("/o/")).await;
    owner.press("Undo the deletion").await;
    owner.see("Halden Logistics is back as it was").await;
    owner.press("Users").await;
    owner.see("2 people").await;
    stage.open(admin, "/o/halden/users").await;
    admin.see("2 people").await;
}
