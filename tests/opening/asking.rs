//! Asking for access (A13).

use interlock::domain::environments::Place;
use interlock::domain::resources::{ResourceError, asking};

use super::*;
use crate::support::access::actor;
use crate::support::page::between;
use crate::support::{everything, refuses_bad_forms};

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

    /// R5: whoever loses what it takes while their request is on its way neither dismisses a request nor asks.
    async fn who_lost_it_on_the_way_does_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ad Min", "ad@halden.example", Role::Admin).await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        app.member(&mut owner, "Tom Hale", "tom@halden.example", Role::Member).await;
        resource(&app, New { audience: "InviteRestricted", ..New::default() }).await;
        noor.post(&format!("{}/ask", at("refunds")), &[("note", "")]).await.is(303);
        let id = database::only(database::texts(&app, "select id from access_requests").await).parse().expect("an id");
        let (ad, tom) = (actor(&app, "halden-freight", "ad@halden.example").await, actor(&app, "halden-freight", "tom@halden.example").await);
        let place = Place::production(ad.organization);
        let note = "".parse().expect("a note");
        for (lost, regained) in [
            ("role = 'reviewer'", "role = 'admin'"),
            ("state = 'suspended'", "state = 'active'"),
            ("state = 'removed'", "state = 'active'"),
            ("ends_at = 1", "ends_at = null"),
        ] {
            execute(&app, &format!("update memberships set {lost} where email in ('ad@halden.example', 'tom@halden.example')")).await;
            let before = everything(&app).await;
            let dismissed = asking::dismiss(&app.app, &ad, &place, "refunds", id).await;
            assert!(matches!(dismissed, Err(ResourceError::Denied(_))), "{lost}: {dismissed:?}");
            let asked = asking::ask(&app.app, &tom, &place, "refunds", &note).await;
            assert!(matches!(asked, Err(ResourceError::Denied(_))), "{lost}: {asked:?}");
            assert_eq!(everything(&app).await, before, "{lost}");
            execute(&app, &format!("update memberships set {regained} where email = 'ad@halden.example'")).await;
        }
        execute(&app, "update memberships set role = 'member', state = 'active', ends_at = null where email = 'tom@halden.example'").await;
        asking::dismiss(&app.app, &ad, &place, "refunds", id).await.expect("they are an Admin again");
        asking::ask(&app.app, &tom, &place, "refunds", &note).await.expect("they are a Member again");
        assert_eq!(database::count(&app, "access_requests where closed_at is null").await, 1);
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
        tom.get(ORG).await.ok().says("you asked for access");
        assert_eq!((open().await, mails().await), (2, first + 4));
        execute(&app, "update access_requests set created_at = created_at - 604800000").await;
        tom.get(&at("refunds")).await.is(403).says("Ask for access");
        tom.get(ORG).await.ok().says("Ask for access to Refunds").says_not("you asked for access");
        tom.post(&ask, &[("note", "")]).await.is(303);
        tom.get(ORG).await.ok().says("you asked for access");
        assert_eq!((open().await, mails().await), (2, first + 5));
    }

    /// A13: whichever change lets somebody in closes their request and nobody else's: the access of the page above, a page
    /// that is archived, a team that is joined, by a tick or by a pasted address, and what a leaver made.
    async fn every_change_that_lets_in_closes(app: TestApp) {
        const AMARA: &str = "amara@halden.example";
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut people = Vec::new();
        for name in ["Noor", "Tom", "Uma", "Vic"] {
            people.push(app.member(&mut owner, &format!("{name} Hale"), &format!("{name}@halden.example"), Role::Member).await);
        }
        for slug in ["support", "finance"] {
            team(&app, "halden-freight", slug, slug, &["noor@halden.example"]).await;
        }
        let by_amara = New { creator: AMARA, ..New::default() };
        resource(&app, New { key: "money", kind: "page", audience: "teams", ..by_amara }).await;
        resource(&app, New { key: "money/refund", kind: "action", audience: "", ..by_amara }).await;
        resource(&app, New { key: "money/refund/all", kind: "action", audience: "", ..by_amara }).await;
        // Not under it, though it begins alike, and one that says itself who opens it.
        resource(&app, New { key: "moneybox", kind: "action", audience: "teams", ..by_amara }).await;
        resource(&app, New { key: "money/safe", kind: "action", audience: "teams", ..by_amara }).await;
        let keys = ["money", "money/refund", "money/refund/all", "moneybox", "money/safe"];
        for visitor in &mut people {
            for key in keys {
                visitor.post(&format!("{}/ask", at(key)), &[("note", "")]).await.is(303);
            }
        }
        let open = async || {
            let query = "select u.name || ' ' || r.key from access_requests a join users u on u.id = a.user_id \
                         join resources r on r.id = a.resource where a.closed_at is null order by u.name, r.key";
            database::texts(&app, query).await
        };
        assert_eq!(open().await.len(), 20);

        // The access of the page: of Noor alone, who is in the team, and of what takes it.
        let fields = [("audience", "teams"), ("default", "Read"), ("team-name-0", "support")];
        let access = format!("{}/access", at("money"));
        let shown = owner.post(&access, &fields).await.ok();
        let digest = between(&shown.body, "name=\"digest\" value=\"", "\"")[0].to_owned();
        let mut saved = fields.to_vec();
        saved.extend([("act", "save"), ("digest", digest.as_str())]);
        owner.post(&access, &saved).await.is(303);
        let of = async |name: &str| {
            let open = open().await;
            open.iter().filter_map(|one| one.strip_prefix(name)).map(str::trim).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of("Noor Hale").await, ["money/safe", "moneybox"]);
        assert_eq!(open().await.len(), 17);

        // A team that is joined, by a tick and by a pasted address.
        let tom = app.id_of(&mut owner, "Tom Hale").await;
        owner.post(&format!("{ORG}/teams/finance/members"), &[("people", &tom)]).await.is(303);
        assert_eq!(open().await.len(), 17, "nothing is granted to that team");
        owner.post(&format!("{ORG}/teams/support/members"), &[("people", &tom)]).await.is(303);
        assert_eq!(of("Tom Hale").await, ["money/safe", "moneybox"]);
        owner.post(&format!("{ORG}/teams/support/members/pasted"), &[("emails", "uma@halden.example")]).await.ok();
        assert_eq!(of("Uma Hale").await, ["money/safe", "moneybox"]);
        assert_eq!(of("Vic Hale").await.len(), 5);

        // Without its page an action is for everyone (A2); the page itself nobody opens.
        owner.post(&format!("{}/archive", at("money")), &[]).await.is(303);
        assert_eq!(of("Vic Hale").await, ["money", "money/safe", "moneybox"]);

        // What somebody made goes to an Owner, who had asked for it.
        resource(&app, New { key: "board", audience: "InviteRestricted", creator: "dev@halden.example", ..New::default() }).await;
        dev.get(&at("board")).await.ok();
        owner.post(&format!("{}/ask", at("board")), &[("note", "")]).await.is(303);
        assert_eq!(of("Amara Okafor").await, ["board"]);
        let id = app.id_of(&mut owner, "Dev Eloper").await;
        owner.post(&format!("{ORG}/users/{id}/removal"), &[]).await.is(303);
        assert_eq!(of("Amara Okafor").await, [""; 0]);
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
        let answer = noor.post(&format!("{}/ask", at("r20")), &[("note", "The quarter ends on Friday")]).await.is(429);
        assert!(answer.header("retry-after").parse::<i64>().is_ok_and(|seconds| seconds > 60));
        // The page keeps what was typed.
        let answer = answer.says("You can’t open R20").says("You have asked for a lot today. Wait 24 hours");
        assert!(answer.body.contains("The quarter ends on Friday</textarea>") && answer.body.contains("id=\"note-error\""));
        assert_eq!(database::count(&app, "access_requests").await, 20);
    }
}
