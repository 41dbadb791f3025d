//! Whom single sign-on covers, as whoever invites is told (O2; issue: before and on sending).

use crate::support::database::{count, execute};
use crate::support::{TestApp, on_both};

/// A connection of the organization, with two domains.
async fn covered(app: &TestApp) {
    execute(
        app,
        "insert into connections (id, organization, kind, name, issuer, client_id, client_secret, created_at, \
         changed_at) select '01930000-0000-7000-8000-000000000001', id, 'oidc', 'Halden ID', \
         'https://id.halden.example', 'interlock', 'unread', 0, 0 from organizations",
    )
    .await;
    for (number, domain) in ["halden.example", "freight.example"].into_iter().enumerate() {
        execute(
            app,
            &format!(
                "insert into domains (id, organization, connection, domain, record, created_at) \
                 select '01930000-0000-7000-8000-00000000001{number}', organization, id, '{domain}', 'x', 0 \
                 from connections"
            ),
        )
        .await;
    }
}

on_both! {
    /// Without a connection nothing is said. With one the form says whom it covers, one address outside is shown
    /// before it is sent, and many are marked each.
    async fn whoever_invites_is_told_who_is_outside(app: TestApp) {
        let mut owner = app.owner().await;
        let (form, invite) = (format!("{}/invitations/new", owner.org), format!("{}/invitations", owner.org));
        owner.get(&form).await.ok().says_not("Single sign-on covers");
        let plain = [("emails", "ann@elsewhere.example"), ("role", "member"), ("note", "")];
        owner.post(&invite, &plain).await.leads_to(&invite);

        covered(&app).await;
        owner.get(&form).await.ok().says("Single sign-on covers freight.example and halden.example.");
        // Inside, whatever the case of its letters: at once.
        let inside = [("emails", "ben@HALDEN.example"), ("role", "member"), ("note", "")];
        owner.post(&invite, &inside).await.leads_to(&invite);
        owner.get(&invite).await.ok().says_not("Outside the domains");
        let sent = count(&app, "invitations").await;
        for outside in ["cat@elsewhere.example", "cat@sub.halden.example", "cat@evil-halden.example"] {
            let fields = [("emails", outside), ("role", "member"), ("note", "")];
            owner.post(&invite, &fields).await.ok().says("1 address is outside your sign-in domains")
                .says("sign in with a password, a passkey or Google");
        }
        assert_eq!(count(&app, "invitations").await, sent, "it is said before anything is sent");
        let many = "dan@halden.example, eve@elsewhere.example, fay@other.example";
        owner.post(&invite, &[("emails", many), ("role", "member"), ("note", "")]).await.ok()
            .says("2 addresses are outside your sign-in domains");

        // A script that sends one at once is told as well, in the sentence after it.
        owner.post(&invite, &[("email", "gus@elsewhere.example"), ("role", "member"), ("note", "")]).await.leads_to(&invite);
        owner.get(&invite).await.ok().says("Outside the domains of single sign-on");

        execute(&app, "update organizations set sso_required = true").await;
        execute(&app, "update memberships set break_glass = true").await;
        owner.enable_mfa(&app.clock).await;
        owner.get(&form).await.ok().says("can’t open Halden Freight, which requires it");
        // A connection that is off covers nobody.
        execute(&app, "update connections set enabled = false").await;
        owner.get(&form).await.ok().says_not("Single sign-on covers");
    }

    /// U3, O4: break-glass is written down and the Owners are mailed, once a session, before it lets anyone in.
    async fn break_glass_is_noted_before_it_lets_in(app: TestApp) {
        let mut owner = app.owner().await;
        covered(&app).await;
        let mut sefa = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", interlock::domain::access::Role::Owner).await;
        execute(&app, "update organizations set sso_required = true").await;
        // A password is not enough, for whoever is named neither, as long as they have no factor.
        for break_glass in ["false", "true"] {
            execute(&app, &format!("update memberships set break_glass = {break_glass} where name = 'Sefa Olsen'")).await;
            let led = sefa.get("/o/halden-freight/users").await.is(303).location();
            assert!(led.starts_with("/o/halden-freight/sign-in"), "{led}");
            assert_eq!(count(&app, "audit_events where kind = 'sso.break_glass_used'").await, 0);
        }
        sefa.enable_mfa(&app.clock).await;
        sefa.get("/o/halden-freight/users").await.ok().says("You are in by break-glass access");
        sefa.get("/o/halden-freight/users").await.ok();
        assert_eq!(count(&app, "audit_events where kind = 'sso.break_glass_used'").await, 1);
        app.deliver().await;
        for to in ["amara@halden.example", "sefa@halden.example"] {
            let mail = app.mail_to(to).await;
            assert!(mail.subject.contains("Sefa Olsen used break-glass access to Halden Freight"), "{mail:?}");
        }
        // Another session is another use.
        let mut phone = app.visitor();
        phone.cookies = sefa.cookies.clone();
        phone.get("/o/halden-freight/users").await.ok();
        assert_eq!(count(&app, "audit_events where kind = 'sso.break_glass_used'").await, 1);
        let led = owner.get("/o/halden-freight/users").await.is(303).location();
        assert!(led.starts_with("/o/halden-freight/sign-in"), "{led}");
    }
}
