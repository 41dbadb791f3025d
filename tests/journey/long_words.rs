//! Names of one word, as long as a name may be: no page and no mail is wider than its screen.

use interlock::clock::MINUTE;
use interlock::domain::access::Role;
use interlock::domain::previews;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;

const OWNER: &str = "owner@halden.example";

/// V2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_scrolls_sideways() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: false };
    let (app, browser) = (&stage.app, Browser::start().await);
    let [organization, name, other] = ["W", "M", "Q"].map(|letter| letter.repeat(100));
    let mut owner = app.sign_up(&organization, &name, OWNER).await;
    app.member(&mut owner, &other, &format!("{}@halden.example", "m".repeat(60)), Role::Admin).await;
    let org = owner.org.clone();
    let user = format!("{org}/users/{}", app.id_of(&mut owner, &other).await);
    let own = app.id_of(&mut owner, &name).await;
    let join = app.invited(&mut owner, &format!("{}@quill.example", "j".repeat(60)), Role::Reviewer).await;
    let note = "N".repeat(400);
    let fields = [("email", "k@quill.example"), ("role", "auditor"), ("note", &*note), ("notice", "yes")];
    owner.post(&format!("{org}/invitations"), &fields).await.is(303);
    let mine = app.invited(&mut owner, "sam@quill.example", Role::Member).await;
    app.sign_up(&"S".repeat(100), &other, "sam@quill.example").await;
    let verify = app.sign_up_mail(&"F".repeat(100), "mads@fjord.example").await;

    let mut wide = Vec::new();
    let mut measure = async |browser: &Browser, path: &str| {
        stage.open(browser, path).await;
        wide.extend(browser.sideways().await.into_iter().map(|how| format!("{path} {how}")));
    };
    for path in [&verify, &join, &mine, "/mailbox", "/mailbox/kinds"] {
        measure(&browser, path).await;
    }
    let newest = app.mails().await;
    assert!(!newest.is_empty());
    for message in previews::all(&app.app) {
        measure(&browser, &format!("/mailbox/kinds/{}", message.kind)).await;
        measure(&browser, &format!("/mailbox/kinds/{}/html", message.kind)).await;
    }
    for mail in owner.get("/mailbox").await.ok().body.split("href=\"/mailbox/").skip(1).take(6) {
        let name = mail.split('"').next().expect("a link ends").to_owned();
        measure(&browser, &format!("/mailbox/{name}")).await;
        if name != "kinds" {
            measure(&browser, &format!("/mailbox/{name}/html")).await;
        }
    }
    measure(&browser, &format!("{org}/sign-in")).await;
    let guest = Browser::start().await;
    stage.sign_in_to_users(&guest, "sam@quill.example", PASSWORD).await;
    guest.see("Invite people").await;
    measure(&guest, &mine).await;
    measure(&guest, &join).await;

    stage.sign_in_to_users(&browser, OWNER, PASSWORD).await;
    browser.see("Invite people").await;
    let organizations = owner.get("/account/organizations").await.ok().body;
    let leaving = organizations.split("href=\"").find(|link| link.contains("/leaving"));
    let leaving = leaving.and_then(|link| link.split('"').next()).expect("one can leave").to_owned();
    for path in [
        &org,
        &format!("{org}/users"),
        &user,
        &format!("{org}/users/{own}"),
        &format!("{user}/suspension"),
        &format!("{user}/sign-out"),
        &format!("{user}/removal"),
        &format!("{user}/end-date"),
        &format!("{org}/invitations"),
        &format!("{org}/invitations/new"),
        &format!("{org}/roles"),
        &format!("{org}/audit"),
        &format!("{org}/settings"),
        &format!("{org}/settings/owner"),
        &format!("{org}/settings/deletion"),
        "/account",
        "/account/mail",
        "/account/sessions",
        "/account/organizations",
        &leaving,
        "/organizations/new",
        "/step-up",
        "/nowhere",
    ] {
        measure(&browser, path).await;
    }
    // The last page before someone is an Owner.
    app.clock.advance(11 * MINUTE);
    let asked = owner.post(&format!("{user}/role"), &[("role", "owner")]).await.location();
    assert!(asked.starts_with("/step-up"), "{asked}");
    stage.open(&browser, &user).await;
    browser.select(&format!("Role of {other}"), "Owner").await;
    browser.press("Change role").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Confirm").await;
    browser.see("One press finishes").await;
    wide.extend(browser.sideways().await);
    assert!(wide.is_empty(), "{}", wide.join("\n"));
    nothing_broke(&browser).await;
    nothing_broke(&guest).await;
}
