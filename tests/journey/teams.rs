//! Teams: made, filled by a search, maintained, deleted; with scripts, by keyboard, and without scripts.

use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::database::execute;
use crate::support::{TestApp, Visitor};

const AMARA: &str = "amara@halden.example";
const LINE: &str = "Support is there. Add its people now";

async fn halden(app: &TestApp) -> Visitor {
    let mut owner = app.owner().await;
    for (name, email, role) in [
        ("Ana Silva", "ana@halden.example", Role::Member),
        ("Bo Berg", "bo@halden.example", Role::Developer),
        ("Cy Chen", "cy@halden.example", Role::Reviewer),
    ] {
        app.member(&mut owner, name, email, role).await;
    }
    owner
}

/// Two tools that are granted to the team.
async fn granted(app: &TestApp) {
    for (id, key, name) in [(1, "refunds", "Refund console"), (2, "tickets", "Ticket desk")] {
        execute(
            app,
            &format!(
                "insert into resources (id, organization, environment, developer, key, kind, name, name_key, \
                 description, creator, audience, created_at, changed_at) \
                 select '01a20000-0000-7000-8000-00000000000{id}', o.id, 'production', '', '{key}', 'tool', '{name}', \
                 '{key}', '', u.id, 'teams', 0, 0 from users u, organizations o where u.email = '{AMARA}'; \
                 insert into resource_teams (resource, organization, team) \
                 select '01a20000-0000-7000-8000-00000000000{id}', organization, id from teams where slug = 'support'"
            ),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_from_its_making_to_its_end() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    halden(app).await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    browser.press("Teams").await;
    browser.see("Make the first team").await;
    stage.look(&browser, "teams-empty").await;
    browser.press("New team").await;
    browser.fill("Name", "Support").await;
    browser.press_key("Tab").await;
    browser.see("What definitions name the team by").await;
    stage.look(&browser, "team-new").await;
    browser.press("Create team").await;
    browser.see(LINE).await;
    browser.arrive("/teams/support").await;
    browser.see("Nobody is in this team").await;
    stage.look(&browser, "team-empty").await;

    browser.press("Add people").await;
    browser.type_into("#q", "silva").await;
    browser.see_not("bo@halden.example").await;
    browser.press("Ana Silva ana@halden.example").await;
    // Whoever is ticked stays ticked while one searches on.
    browser.type_into("#q", "berg").await;
    browser.see("bo@halden.example").await;
    browser.see("ana@halden.example").await;
    browser.press("Bo Berg bo@halden.example").await;
    stage.look(&browser, "team-add").await;
    browser.press("Add to team").await;
    browser.see("2 people are in Support now").await;
    browser.press("Make maintainer Ana Silva").await;
    browser.see("Ana Silva maintains Support now").await;
    stage.look(&browser, "team").await;
    browser.press("Edit").await;
    browser.see("Settings of Support").await;
    browser.press("Cancel").await;
    browser.press("Invite").await;
    browser.see("Invite into Support").await;
    stage.look(&browser, "team-invite").await;
    browser.fill("Email address", "new@halden.example").await;
    browser.press("Send invite").await;
    browser.see("new@halden.example is invited as a Member, into Support").await;

    granted(app).await;
    browser.press("Remove Bo Berg").await;
    browser.see("Bo Berg loses what Support gives on 2 resources").await;
    stage.look(&browser, "team-remove").await;
    browser.press("Remove from team").await;
    browser.see("Bo Berg is not in Support any more").await;
    stage.open(&browser, "/o/halden-freight/users").await;
    browser.select("Filter by team", "Support").await;
    browser.see("1 person").await;
    browser.see_not("bo@halden.example").await;
    stage.look(&browser, "users-by-team").await;
    stage.open(&browser, "/o/halden-freight/invitations/new").await;
    stage.look(&browser, "invite-teams").await;
    stage.open(&browser, "/o/halden-freight/teams").await;
    stage.look(&browser, "teams").await;
    browser.press("Support").await;
    browser.press("Delete team").await;
    browser.see("1 person is in it. What it gives on 2 resources ends with it").await;
    browser.see("Refund console").await;
    stage.look(&browser, "team-delete").await;
    browser.press_near("Delete Support?", "Delete team").await;
    browser.see("Support is deleted, and what it gave on 2 resources").await;
    browser.see("Make the first team").await;
    nothing_broke(&browser).await;
}

/// V2: the same by keys alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_by_keyboard() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    let browser = Browser::start().await;
    halden(&stage.app).await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    browser.press("Teams").await;
    reach(&browser, "New team").await;
    browser.press_key("Enter").await;
    browser.see("Create team").await;
    assert_eq!(browser.focused().await, "Name");
    browser.type_text("Support").await;
    browser.press_key("Enter").await;
    browser.see(LINE).await;
    reach(&browser, "Add people").await;
    browser.press_key("Enter").await;
    browser.arrive("/members/new").await;
    assert_eq!(browser.focused().await, "Search people by name or email");
    reach(&browser, "Ana Silva ana@halden.example").await;
    browser.press_key("Space").await;
    reach(&browser, "Add to team").await;
    browser.press_key("Enter").await;
    browser.see("Ana Silva is in Support now").await;
    reach(&browser, "Delete team").await;
    browser.press_key("Enter").await;
    browser.see("Delete Support?").await;
    assert_eq!(browser.focused().await, "Cancel");
    browser.press_key("Escape").await;
    browser.see_not("Delete Support?").await;
    nothing_broke(&browser).await;
}

async fn reach(browser: &Browser, name: &str) {
    for _ in 0..60 {
        if browser.focused().await == name {
            return;
        }
        browser.press_key("Tab").await;
    }
    panic!("{name} can't be reached by Tab");
}

/// V2: the same by links and forms alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_needs_no_scripts() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    let browser = Browser::start_without_javascript().await;
    halden(&stage.app).await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    stage.open(&browser, "/o/halden-freight/teams").await;
    browser.press("New team").await;
    browser.arrive("/teams/new").await;
    browser.fill("Name", "Support").await;
    browser.press("Create team").await;
    browser.see(LINE).await;
    browser.press("Add people").await;
    browser.type_into("#q", "silva").await;
    browser.press("Search").await;
    browser.see_not("bo@halden.example").await;
    browser.press("Ana Silva ana@halden.example").await;
    browser.type_into("#q", "berg").await;
    browser.press("Search").await;
    browser.see("bo@halden.example").await;
    browser.press("Bo Berg bo@halden.example").await;
    browser.press("Add to team").await;
    browser.see("2 people are in Support now").await;
    browser.press("Make maintainer Bo Berg").await;
    browser.see("Bo Berg maintains Support now").await;
    browser.press("Remove Ana Silva").await;
    browser.see("Remove Ana Silva from Support?").await;
    browser.press("Remove from team").await;
    browser.see("Ana Silva is not in Support any more").await;
    browser.press("Delete team").await;
    browser.see("Delete Support?").await;
    browser.press("Delete team").await;
    browser.see("Support is deleted").await;
}
