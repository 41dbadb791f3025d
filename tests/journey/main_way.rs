//! An Owner and the person whom they invite, each in a browser of their own.

use super::{NEXT_PASSWORD, PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::database::execute;
use crate::support::{TestApp, Visitor, fresh_schema};
use interlock::domain::access::Role;

const AMARA: &str = "amara@halden.example";
const DANA: &str = "dana.kovac@halden.example";
const ORG: &str = "/o/halden-freight";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    walk(Stage { app: TestApp::served(None, &[]).await, looks: true }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    walk(Stage { app: TestApp::served(Some(fresh_schema().await), &[]).await, looks: false }).await;
}

async fn walk(stage: Stage) {
    let (owner, guest) = (Browser::start().await, Browser::start().await);
    sign_up(&stage, &owner).await;
    invite(&stage, &owner).await;
    accept(&stage, &guest).await;
    change_role(&stage, &owner, &guest).await;
    suspend_and_reactivate(&stage, &owner, &guest).await;
    sign_out_everywhere(&stage, &owner, &guest).await;
    make_an_owner(&stage, &owner).await;
    remove(&stage, &owner, &guest).await;
    search(&stage, &owner).await;
    handle_invites(&stage, &owner).await;
    read_the_records(&stage, &owner).await;
    keep_the_account(&stage, &owner).await;
    leave(&stage, &owner).await;
    forget_the_password(&stage, &owner).await;
    nothing_broke(&owner).await;
    nothing_broke(&guest).await;
}

async fn sign_up(stage: &Stage, owner: &Browser) {
    stage.open(owner, "/sign-up").await;
    stage.look(owner, "sign-up").await;
    owner.fill("Organization name", "Halden Freight").await;
    owner.fill("Your name", "Amara Okafor").await;
    owner.fill("Work email", AMARA).await;
    owner.fill("Password", "passwordpassword").await;
    owner.press("Create organization").await;
    owner.see("This is one of the passwords that are guessed first.").await;
    stage.look(owner, "sign-up-error").await;
    owner.fill("Password", PASSWORD).await;
    owner.press("Create organization").await;
    owner.see("Check your mail").await;
    stage.look(owner, "sign-up-sent").await;
    let link = stage.app.mail_to(AMARA).await.path("/verify/");
    stage.open(owner, &link).await;
    stage.look(owner, "verify").await;
    owner.press("Confirm and create Halden Freight").await;
    owner.see("Halden Freight is ready, and you are its Owner").await;
    owner.see("Invite the first people").await;
    stage.look(owner, "users-alone").await;
    stage.open(owner, &link).await;
    owner.see("This link does not work any more").await;
    stage.look(owner, "verify-spent").await;
    stage.open(owner, "/").await;
}

async fn invite(stage: &Stage, owner: &Browser) {
    owner.press("Invite people").await;
    owner.see("Invite people to Halden Freight").await;
    stage.look(owner, "invite-dialog").await;
    owner.fill("Email addresses", "dana.kovac").await;
    owner.press("Send invites").await;
    owner.see("Enter a whole address, such as ann@example.com.").await;
    stage.look(owner, "invite-dialog-error").await;
    owner.fill("Email addresses", DANA).await;
    owner.press(&choice(Role::Reviewer)).await;
    owner.fill("Note (optional)", "Good to have you on the night desk, Dana.").await;
    owner.press("Send invites").await;
    owner.see("dana.kovac@halden.example is invited as a Reviewer").await;
    owner.arrive("/o/halden-freight/invitations").await;
    stage.app.mails().await;
    stage.open(owner, "/o/halden-freight/invitations").await;
    owner.see("Good to have you on the night desk, Dana.").await;
    stage.look(owner, "pending").await;
}

async fn accept(stage: &Stage, guest: &Browser) {
    let mail = stage.app.mail_to(DANA).await;
    stage.open(guest, &mail.path("/invite/")).await;
    guest.see("Amara Okafor writes:").await;
    stage.look(guest, "invite-join").await;
    guest.fill("Your name", "Dana Kovač").await;
    guest.fill("Password", "passwordpassword").await;
    guest.press("Join Halden Freight").await;
    guest.see("This is one of the passwords that are guessed first.").await;
    stage.look(guest, "invite-join-error").await;
    guest.fill("Password", PASSWORD).await;
    guest.press("Join Halden Freight").await;
    guest.see("You are a Reviewer here").await;
    stage.look(guest, "home").await;
}

/// A new role counts from the next click.
async fn change_role(stage: &Stage, owner: &Browser, guest: &Browser) {
    stage.open(owner, "/o/halden-freight/users").await;
    owner.select("Role of Dana Kovač", "Auditor").await;
    owner.press("Save the role of Dana Kovač").await;
    owner.see("Dana Kovač is now an Auditor").await;
    stage.look(owner, "users-role-changed").await;
    stage.open(guest, ORG).await;
    guest.press("Audit log").await;
    guest.see("Every change of access").await;
    owner.select("Role of Dana Kovač", "Member").await;
    owner.press("Save the role of Dana Kovač").await;
    owner.see("Dana Kovač is now a Member").await;
    guest.press("Audit log").await;
    guest.see("You can't open this page").await;
    stage.look(guest, "error-403").await;
    // What can't be done says why, and the choice goes back.
    owner.select("Role of Dana Kovač", "Developer").await;
    execute(&stage.app, &format!("update memberships set state = 'removed' where email = '{DANA}'")).await;
    owner.press("Save the role of Dana Kovač").await;
    owner.see("There is nothing here").await;
    stage.look(owner, "users-refused").await;
    owner.press_near("There is nothing here", "Dismiss").await;
    owner.see_not("There is nothing here").await;
    execute(&stage.app, &format!("update memberships set state = 'active' where email = '{DANA}'")).await;
}

async fn suspend_and_reactivate(stage: &Stage, owner: &Browser, guest: &Browser) {
    owner.press("More for Dana Kovač").await;
    stage.look(owner, "users-menu").await;
    owner.press("Suspend").await;
    owner.see("Suspend Dana Kovač?").await;
    stage.look(owner, "users-suspend").await;
    owner.press("Suspend").await;
    owner.see("Dana Kovač is suspended").await;
    stage.look(owner, "users-suspended").await;
    stage.open(guest, ORG).await;
    guest.see("There is nothing here").await;
    stage.look(guest, "error-404").await;
    stage.open(guest, "/").await;
    guest.see("You are in no organization").await;
    stage.look(guest, "no-organization").await;
    owner.press("More for Dana Kovač").await;
    owner.press("Reactivate").await;
    owner.see("Dana Kovač is active again").await;
    stage.open(guest, ORG).await;
    guest.see("You are a Member here").await;
}

async fn sign_out_everywhere(stage: &Stage, owner: &Browser, guest: &Browser) {
    owner.press("More for Dana Kovač").await;
    owner.press("Sign out everywhere").await;
    owner.see("Sign Dana Kovač out everywhere?").await;
    stage.look(owner, "users-sign-out").await;
    owner.press("Sign out").await;
    owner.see("Dana Kovač is signed out of Halden Freight").await;
    guest.press("Roles").await;
    guest.see("Halden Freight asks for a new sign-in.").await;
    guest.fill("Password", "not my password at all").await;
    guest.press("Sign in").await;
    guest.see("This is not your current password.").await;
    stage.look(guest, "organization-sign-in").await;
    guest.fill("Password", PASSWORD).await;
    guest.press("Sign in").await;
    guest.arrive("/o/halden-freight/roles").await;
}

/// The proof of sign-up is old news: making an Owner asks for the password, and keeps the form.
async fn make_an_owner(stage: &Stage, owner: &Browser) {
    owner.select("Role of Dana Kovač", "Owner").await;
    owner.press("Save the role of Dana Kovač").await;
    owner.see("Confirm that it is you").await;
    stage.look(owner, "step-up").await;
    owner.fill("Password", "not my password at all").await;
    owner.press("Confirm").await;
    owner.see("This is not your current password.").await;
    stage.look(owner, "step-up-error").await;
    owner.fill("Password", PASSWORD).await;
    owner.press("Confirm").await;
    owner.see("One press finishes what you began.").await;
    stage.look(owner, "step-up-done").await;
    owner.press("Make Owner").await;
    owner.see("Dana Kovač is now an Owner").await;
    owner.arrive("/o/halden-freight/users").await;
    owner.select("Role of Dana Kovač", "Member").await;
    owner.press("Save the role of Dana Kovač").await;
    owner.see("Dana Kovač is now a Member").await;
}

async fn remove(stage: &Stage, owner: &Browser, guest: &Browser) {
    owner.press("More for Dana Kovač").await;
    owner.press("Remove from organization").await;
    owner.see("Remove Dana Kovač?").await;
    stage.look(owner, "leaving-nothing").await;
    owner.press("Cancel").await;
    owner.see("Sessions that open this organization").await;
    owner.press("Remove").await;
    owner.press("Remove from organization").await;
    owner.see("Dana Kovač is removed").await;
    owner.arrive("/o/halden-freight/users").await;
    stage.look(owner, "users-removed").await;
    stage.open(guest, ORG).await;
    guest.see("There is nothing here").await;
}

/// Search as one types: the address follows, so that it can be sent to someone.
async fn search(stage: &Stage, owner: &Browser) {
    let mut clerk = clerk(stage).await;
    stage.app.member(&mut clerk, "Jonas Lindqvist", "jonas@halden.example", Role::Admin).await;
    stage.app.member(&mut clerk, "Priya Raman", "priya@halden.example", Role::Developer).await;
    stage.open(owner, "/o/halden-freight/users").await;
    owner.see("3 people").await;
    owner.press_key("/").await;
    owner.type_text("jon").await;
    owner.arrive("/users?q=jon&role=&status=&factors=").await;
    owner.see("1 person").await;
    owner.see_not("Priya Raman").await;
    owner.type_text("zz").await;
    owner.see("Nobody matches “jonzz”").await;
    stage.look(owner, "users-search").await;
    owner.back().await;
    owner.see("Jonas Lindqvist").await;
    stage.open(owner, "/o/halden-freight/users").await;
    owner.select("Filter by role", "Developer").await;
    owner.arrive("/users?q=&role=developer&status=&factors=").await;
    owner.see_not("Jonas Lindqvist").await;
    owner.press("Joined").await;
    owner.arrive("/users?role=developer&sort=joined").await;
    owner.see("Priya Raman").await;
}

async fn handle_invites(stage: &Stage, owner: &Browser) {
    let mut clerk = clerk(stage).await;
    stage.app.invited(&mut clerk, DANA, Role::Reviewer).await;
    stage.app.invited(&mut clerk, "r.osei@partner.example", Role::Auditor).await;
    stage.open(owner, "/o/halden-freight/invitations").await;
    owner.press("Resend the invite to r.osei@partner.example").await;
    owner.see("A new link is on its way to r.osei@partner.example.").await;
    stage.look(owner, "pending-resent").await;
    owner.press("Copy link of the invite to r.osei@partner.example").await;
    owner.see("Link for r.osei@partner.example").await;
    owner.see(&stage.url("/invite/")).await;
    stage.look(owner, "copy-link").await;
    owner.press("Done").await;
    owner.press("Revoke the invite to r.osei@partner.example").await;
    owner.see("Revoke this invite?").await;
    stage.look(owner, "revoke").await;
    owner.press("Revoke invite").await;
    owner.see("The invite to r.osei@partner.example is revoked").await;
    owner.press("Revoke the invite to dana.kovac@halden.example").await;
    owner.press("Revoke invite").await;
    owner.see("No invite is pending").await;
    stage.look(owner, "pending-empty").await;
}

async fn read_the_records(stage: &Stage, owner: &Browser) {
    owner.press("Audit log").await;
    owner.see("Revoked invite").await;
    stage.look(owner, "audit").await;
    owner.select("Filter by kind of change", "Changed role").await;
    owner.arrive("/audit?person=&kind=member.role_changed").await;
    owner.see("role: Member → Owner").await;
    owner.select("Filter by person", "Jonas Lindqvist").await;
    owner.see("Nothing matches").await;
    stage.look(owner, "audit-empty").await;
    owner.press("Roles").await;
    owner.see("What each role can and can't do.").await;
    stage.look(owner, "roles").await;
    owner.press_key("End").await;
    stage.look(owner, "roles-end").await;
    // In a narrow window the menu is a drawer.
    owner.resize(600, 900).await;
    owner.press("Open menu").await;
    owner.see("Audit log").await;
    stage.look(owner, "sidebar-open").await;
    owner.press("Audit log").await;
    owner.arrive("/o/halden-freight/audit").await;
    owner.resize(1440, 900).await;
}

async fn keep_the_account(stage: &Stage, owner: &Browser) {
    clerk(stage).await;
    clerk(stage).await;
    owner.press("Amara Okafor amara@halden.example Your account menu").await;
    stage.look(owner, "account-menu").await;
    owner.press("Account").await;
    stage.look(owner, "account").await;
    owner.fill("Name", "Amara N. Okafor").await;
    owner.press("Save name").await;
    owner.see("Your name is saved").await;
    stage.open(owner, "/account/sessions").await;
    owner.see("This session").await;
    stage.look(owner, "sessions").await;
    owner.press("End all others").await;
    owner.see("End all other sessions?").await;
    stage.look(owner, "sessions-end").await;
    owner.press("End all others").await;
    owner.see("other sessions ended").await;
    clerk(stage).await;
    stage.open(owner, "/account/sessions").await;
    owner.press("End the session of Firefox on Linux, 127.0.0.1").await;
    owner.see("The session is ended").await;
    stage.open(owner, "/account").await;
    owner.fill("Current password", "not my password at all").await;
    owner.fill("New password", NEXT_PASSWORD).await;
    owner.press("Change password").await;
    owner.see("This is not your current password.").await;
    stage.look(owner, "account-error").await;
    owner.fill("Current password", PASSWORD).await;
    owner.fill("New password", NEXT_PASSWORD).await;
    owner.press("Change password").await;
    owner.see("Your password is changed").await;
}

/// After signing out, “Back” shows nothing of what was open.
async fn leave(stage: &Stage, owner: &Browser) {
    stage.open(owner, "/o/halden-freight/users").await;
    owner.see("Priya Raman").await;
    owner.press("Amara N. Okafor amara@halden.example Your account menu").await;
    owner.press("Sign out").await;
    owner.arrive("/sign-in").await;
    stage.look(owner, "sign-in").await;
    owner.back().await;
    owner.see("Use the account that your organization knows.").await;
    owner.see_not("Priya Raman").await;
}

async fn forget_the_password(stage: &Stage, owner: &Browser) {
    stage.sign_in(owner, AMARA, PASSWORD).await;
    owner.see("That email and password do not match").await;
    stage.look(owner, "sign-in-error").await;
    owner.press("Forgot password?").await;
    stage.look(owner, "forgot-password").await;
    owner.fill("Email", AMARA).await;
    owner.press("Mail me a link").await;
    owner.see("If the address has an account").await;
    stage.look(owner, "forgot-password-sent").await;
    let link = stage.app.mail_to(AMARA).await.path("/reset/");
    stage.open(owner, &link).await;
    stage.look(owner, "reset").await;
    owner.fill("New password", PASSWORD).await;
    owner.press("Set password").await;
    owner.arrive("/sign-in").await;
    stage.look(owner, "sign-in-after-reset").await;
    stage.open(owner, &link).await;
    owner.see("This link does not work any more").await;
    stage.look(owner, "reset-spent").await;
    stage.sign_in(owner, AMARA, PASSWORD).await;
    owner.arrive("/o/halden-freight").await;
}

/// The Owner once more, elsewhere and without a browser: prepares what a chapter begins with.
async fn clerk(stage: &Stage) -> Visitor {
    let mut clerk = stage.app.visitor();
    clerk.sign_in(AMARA, PASSWORD).await.leads_to("/");
    clerk.org = ORG.to_owned();
    clerk.email = AMARA.to_owned();
    clerk
}

fn choice(role: Role) -> String {
    format!("{} {}", role.name(), role.best_for())
}
