//! Asking for access (A13).

use super::*;
use crate::support::page::between;
use crate::support::refuses_bad_forms;

on_both! {
    /// A13: a member asks for what they see and may not open. Its creator gets a mail, and sees who asks; one request each.
    async fn a_member_asks(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        resource(&app, New { audience: "InviteRestricted", creator: "dev@halden.example", ..New::default() }).await;
        resource(&app, New { key: "secret", creator: "dev@halden.example", ..New::default() }).await;
        let ask = format!("{}/ask", at("refunds"));
        noor.post(&ask, &[("note", &"x".repeat(501))]).await.is(422).says("You can’t open Refunds");
        refuses_bad_forms(&app, &mut noor, &ask, &[("note", "")]).await;
        noor.post(&ask, &[("note", "I take over the refunds desk")]).await.leads_to(&at("refunds"));
        let mail = app.mail_to("dev@halden.example").await;
        assert!(mail.subject.contains("Noor Rahman asks for access to Refunds") && mail.text.contains("refunds desk"));
        mail.path("/o/halden-freight/resources/refunds/why");
        noor.get(&at("refunds")).await.is(403).says("You asked for access");
        noor.get(ORG).await.ok().says("you asked for access");
        let before = app.count_mails_to("dev@halden.example").await;
        noor.post(&ask, &[("note", "again")]).await.leads_to(&at("refunds"));
        assert_eq!(database::count(&app, "access_requests").await, 1);
        assert_eq!(app.count_mails_to("dev@halden.example").await, before);
        noor.post(&format!("{}/ask", at("secret")), &[("note", "")]).await.is(404);
        noor.post(&format!("{}/ask", at("no-such-key")), &[("note", "")]).await.is(404);
        dev.post(&ask, &[("note", "")]).await.is(409);

        let why = format!("{}/why", at("refunds"));
        let page = dev.get(&why).await.ok().says("Noor Rahman").says("refunds desk");
        let dismissal = between(&page.body, &format!("{}/requests/", at("refunds")), "\"").first().map(|rest| (*rest).to_owned());
        let dismissal = format!("{}/requests/{}", at("refunds"), dismissal.expect("it can be dismissed"));
        dev.get(&dismissal).await.ok().says("Dismiss the request of Noor Rahman?");
        dev.post(&dismissal, &[]).await.leads_to(&why);
        dev.post(&dismissal, &[]).await.is(404);
        noor.get(&at("refunds")).await.is(403).says("Ask for access");
        // Asked again and let in: the request is seen no longer.
        noor.post(&ask, &[("note", "")]).await.leads_to(&at("refunds"));
        entry(&app, "refunds", "noor@halden.example", None).await;
        noor.get(&at("refunds")).await.ok();
        dev.get(&why).await.ok().says_not("Asked for access");
    }

    /// A13: a request is closed in the change that lets its person in, and as they open what they asked for; whoever loses
    /// it again asks again, with a mail. One that nobody answered is asked anew after a week.
    async fn a_request_is_answered(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        let mut tom = app.member(&mut owner, "Tom Hale", "tom@halden.example", Role::Member).await;
        resource(&app, New { audience: "InviteRestricted", creator: "dev@halden.example", ..New::default() }).await;
        team(&app, "halden-freight", "support", "Support", &["noor@halden.example"]).await;
        let ask = format!("{}/ask", at("refunds"));
        let open = async || database::count(&app, "access_requests where closed_at is null").await;
        let mails = async || app.count_mails_to("dev@halden.example").await;
        let first = mails().await;
        noor.post(&ask, &[("note", "")]).await.is(303);
        tom.post(&ask, &[("note", "")]).await.is(303);
        assert_eq!((open().await, mails().await), (2, first + 2));

        let fields = [("audience", "InviteRestricted"), ("default", "Read"), ("team-name-0", "support")];
        let shown = dev.post(&format!("{}/access", at("refunds")), &fields).await.ok();
        let digest = between(&shown.body, "name=\"digest\" value=\"", "\"")[0].to_owned();
        let mut saved = fields.to_vec();
        saved.extend([("act", "save"), ("digest", digest.as_str())]);
        dev.post(&format!("{}/access", at("refunds")), &saved).await.is(303);
        assert_eq!(open().await, 1);
        dev.get(&format!("{}/why", at("refunds"))).await.ok().says("Tom Hale");

        // In by no change of its access, and out again.
        execute(&app, "delete from resource_teams").await;
        noor.post(&ask, &[("note", "")]).await.is(303);
        assert_eq!((open().await, mails().await), (2, first + 3));
        team_entry(&app, "refunds", "support", None).await;
        noor.get(&at("refunds")).await.ok();
        assert_eq!(open().await, 1);
        execute(&app, "delete from resource_teams").await;
        noor.get(&at("refunds")).await.is(403).says("Ask for access");
        noor.post(&ask, &[("note", "")]).await.is(303);
        assert_eq!((open().await, mails().await), (2, first + 4));

        tom.post(&ask, &[("note", "")]).await.is(303);
        tom.get(&at("refunds")).await.is(403).says("You asked for access");
        assert_eq!((open().await, mails().await), (2, first + 4));
        execute(&app, "update access_requests set created_at = created_at - 604800000").await;
        tom.get(&at("refunds")).await.is(403).says("Ask for access");
        tom.post(&ask, &[("note", "")]).await.is(303);
        assert_eq!((open().await, mails().await), (2, first + 5));
    }

    /// Where the creator is gone the Owners and Admins hear of it; and one person can't mail them without end.
    async fn who_manages_is_mailed(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        for number in 0..22 {
            let key = format!("r{number}");
            resource(&app, New { key: &key, audience: "teams", creator: "dev@halden.example", ..New::default() }).await;
        }
        execute(&app, "update memberships set role = 'member' where role = 'developer'").await;
        for number in 0..20 {
            noor.post(&format!("{}/ask", at(&format!("r{number}"))), &[("note", "")]).await.is(303);
        }
        assert!(app.mail_to("amara@halden.example").await.subject.contains("Noor Rahman asks for access"));
        noor.post(&format!("{}/ask", at("r20")), &[("note", "")]).await.is(429);
        assert_eq!(database::count(&app, "access_requests").await, 20);
    }
}
