//! Email domains: added, proven, checked again, removed (O2).

use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::sso;

use super::*;
use crate::support::database::count;
use crate::support::{everything, refuses_bad_forms};

async fn check_due(world: &World) {
    sso::check_due(&world.app.app).await.expect("the worker works");
}

async fn state(world: &World) -> String {
    let query = "select case when verified_at is null then 'open' when failing_since is null then 'proven' \
                 else 'failing' end from domains order by created_at";
    texts(&world.app, query).await.join(" ")
}

in_both_worlds! {
    /// O2: a TXT record at the domain itself proves it, and nothing less does.
    async fn a_domain_is_proven(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        let fields = [("domain", " @Halden.Example "), ("connection", id_of(&page))];
        owner.post(DOMAINS, &fields).await.leads_to(SSO);
        let record = record(&world.app, "halden.example").await;
        assert!(record.starts_with("interlock-verify=") && record.len() == 49, "{record}");
        let listed = owner.get(SSO).await.ok().says("Waiting for DNS").says(&record);
        let id = between(&listed.body, &format!("{DOMAINS}/"), "/").first().copied().expect("it has a path").to_owned();
        let check = format!("{DOMAINS}/{id}/check");

        owner.post(&check, &[]).await.leads_to(SSO);
        owner.get(SSO).await.ok().says("There is no such TXT record at halden.example yet");
        world.dns.set_txt("halden.example", &["v=spf1 -all", "interlock-verify=4f1c9a07e2d84b614f1c9a07e2d84b61"]);
        let fragment = owner.post_fragment(&check, &[]).await.ok().says("There is no such TXT record");
        assert!(fragment.body.contains("id=\"domains\"") && !fragment.body.contains("<html"));
        world.dns.fail(true);
        owner.post_fragment(&check, &[]).await.ok().says("did not answer. Nothing was changed");
        world.dns.fail(false);
        assert_eq!(state(&world).await, "open");
        world.dns.set_txt("sub.halden.example", &[&record]);
        owner.post(&check, &[]).await.leads_to(SSO);
        assert_eq!(state(&world).await, "open");
        world.dns.set_txt("halden.example", &["v=spf1 -all", &record]);
        let shown = owner.post_fragment(&check, &[]).await.ok().says("halden.example is verified.").says("Goes to Okta");
        assert!(!shown.body.contains(&record), "what is found need not be shown");
        assert_eq!(audited(&world.app, "sso.domain_added").await, [r#"{"connection":{"new":"Okta","old":null}}"#]);
        assert_eq!(audited(&world.app, "sso.domain_proven").await, ["{}"]);
        let email = "ann@halden.example".parse().expect("an address");
        let route = sso::route(&world.app.app.db, &email).await.expect("it answers");
        assert_eq!(route.map(|connection| connection.id.to_string()).as_deref(), Some(id_of(&page)));
    }

    /// What can't be claimed, by its field, with what was typed; and what no form sends.
    async fn what_is_no_domain(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        add_domain(&mut owner, &page, "halden.example").await;
        let before = everything(&world.app).await;
        for (wrong, why) in [
            ("", "Enter a domain"),
            ("gmail.com", "Anybody can have an address at this domain"),
            ("co.uk", "Anybody can have a domain under this one"),
            ("localhost", "a single word"),
            ("10.0.0.1", "an address of numbers"),
            ("ann@halden.example", "the part after the @ alone"),
            ("<script>", "the part after the @ alone"),
            ("HALDEN.example", "on the list already"),
        ] {
            let fields = [("domain", wrong), ("connection", id_of(&page))];
            let answer = owner.post(DOMAINS, &fields).await.is(422).says(why);
            assert!(answer.body.contains("id=\"domain-error\"") && answer.body.contains("Error: Single sign-on"));
            let fragment = owner.post_fragment(DOMAINS, &fields).await.is(422).says(why);
            assert!(fragment.body.contains("id=\"domains\"") && !fragment.body.contains("<html"));
        }
        let foreign = [("domain", "new.example"), ("connection", "01a20000-0000-7000-8000-000000000000")];
        owner.post(DOMAINS, &foreign).await.is(404);
        owner.post(DOMAINS, &[("domain", "new.example"), ("connection", "nonsense")]).await.is(422);
        assert_eq!(everything(&world.app).await, before);
        refuses_bad_forms(&world.app, &mut owner, DOMAINS, &[("domain", "new.example"), ("connection", id_of(&page))]).await;
        forget_proofs(&world.app).await;
        owner.post(DOMAINS, &[("domain", "new.example"), ("connection", id_of(&page))]).await.leads_to("/step-up");
    }

    /// O2: the first proof wins, and the second learns no more than that; once it is gone the other's counts.
    async fn the_first_proof_wins(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let (_, domain) = world.connect_with_domain(&mut owner).await;
        let first = record(&world.app, "halden.example").await;
        let mut other = world.app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        other.step_up().await;
        let form = other.get(&format!("{}/settings/sso/new", other.org)).await.ok();
        let draft = between(&form.body, "name=\"draft\" value=\"", "\"").concat();
        let page = other.post(&format!("{}/settings/sso/new", other.org), &oidc(&draft, &world.forger.url)).await.is(303).location();
        let domains = format!("{}/settings/sso/domains", other.org);
        other.post(&domains, &[("domain", "halden.example"), ("connection", id_of(&page))]).await.is(303);
        let second = record(&world.app, "halden.example").await;
        assert_ne!(first, second);
        let listed = other.get(&format!("{}/settings/sso", other.org)).await.ok();
        let id = between(&listed.body, &format!("{domains}/"), "/").first().copied().expect("it has a path").to_owned();
        world.dns.set_txt("halden.example", &[&first, &second]);
        let check = format!("{domains}/{id}/check");
        other.post_fragment(&check, &[]).await.ok().says("another organization has proven").says_not("Halden Freight");
        assert_eq!(count(&world.app, "domains where verified_at is not null").await, 1);
        // Each other's domains are as none.
        let id_of_first = id_of(&domain);
        for path in [format!("{domains}/{id_of_first}/check"), format!("{domains}/{id_of_first}/removal")] {
            other.post(&path, &[]).await.is(404);
        }
        other.get(&format!("{domains}/{id_of_first}/removal")).await.is(404);
        owner.post(&format!("{domain}/removal"), &[]).await.leads_to(SSO);
        other.post_fragment(&check, &[]).await.ok().says("halden.example is verified");
    }

    /// The worker asks every ten minutes for a week, then daily, and each once.
    async fn the_worker_proves_what_waits(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        add_domain(&mut owner, &page, "halden.example").await;
        let asked = || world.dns.questions();
        check_due(&world).await;
        assert_eq!(asked(), 0, "it was just added");
        for round in 1..=3 {
            world.app.clock.advance(10 * MINUTE);
            check_due(&world).await;
            check_due(&world).await;
            assert_eq!(asked(), round);
        }
        world.app.clock.advance(7 * DAY);
        check_due(&world).await;
        world.app.clock.advance(HOUR);
        check_due(&world).await;
        assert_eq!(asked(), 4, "then daily");
        world.dns.set_txt("halden.example", &[&record(&world.app, "halden.example").await]);
        world.app.clock.advance(DAY);
        check_due(&world).await;
        assert_eq!(state(&world).await, "proven");
        let operator = texts(&world.app, "select operator_name from audit_events where kind = 'sso.domain_proven'").await;
        assert_eq!(only(operator), "Interlock");
    }

    /// O2: a proof that is gone warns once, for 14 days, then stops newcomers and linking only, and comes back by itself.
    async fn a_proof_that_fails(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        world.connect_with_domain(&mut owner).await;
        let vouches = || async {
            let mut reader = world.app.app.db.read().await.expect("it reads");
            let organization = only(texts(&world.app, "select id from organizations").await).parse().expect("an id");
            let domains = sso::domains_of(&mut reader, organization).await.expect("it answers");
            domains[0].vouches(world.app.clock.now())
        };
        let mails = world.app.count_mails_to(AMARA).await;
        // Neither an answer that does not come nor one that says nothing is a failure.
        world.dns.fail(true);
        world.app.clock.advance(DAY);
        check_due(&world).await;
        assert_eq!(state(&world).await, "proven");
        world.dns.fail(false);
        world.dns.set_txt("halden.example", &["v=spf1 -all"]);
        world.app.clock.advance(10 * MINUTE);
        check_due(&world).await;
        assert_eq!(state(&world).await, "failing");
        assert!(vouches().await);
        let mail = world.app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "The proof of halden.example is missing");
        assert!(mail.text.contains(&record(&world.app, "halden.example").await), "{}", mail.text);
        for _ in 0..20 {
            world.app.clock.advance(DAY);
            check_due(&world).await;
        }
        assert_eq!(world.app.count_mails_to(AMARA).await, mails + 1, "once");
        assert!(!vouches().await, "after 14 days it admits and links nobody");
        let email = "ann@halden.example".parse().expect("an address");
        assert!(sso::route(&world.app.app.db, &email).await.expect("it answers").is_some(), "and still routes");
        owner.sign_in(AMARA, crate::support::PASSWORD).await.is(303);
        owner.get(SSO).await.ok().says("Record missing").says("Check now");
        world.dns.set_txt("halden.example", &[&record(&world.app, "halden.example").await]);
        world.app.clock.advance(HOUR);
        check_due(&world).await;
        assert_eq!(state(&world).await, "proven");
        assert!(vouches().await);
        assert_eq!(audited(&world.app, "sso.domain_failing").await, [r#"{"record":{"new":"missing","old":"found"}}"#]);
    }

    /// V4: removing says how many have an address there; checks are budgeted.
    async fn a_domain_is_removed(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let (_, domain) = world.connect_with_domain(&mut owner).await;
        owner.get(&format!("{domain}/removal")).await.ok().says("Remove halden.example?").says("1 person here has an address");
        for _ in 0..59 {
            owner.post(&format!("{domain}/check"), &[]).await.is(303);
        }
        owner.post(&format!("{domain}/check"), &[]).await.is(429);
        forget_proofs(&world.app).await;
        owner.post(&format!("{domain}/removal"), &[]).await.leads_to("/step-up");
        owner.step_up().await;
        owner.post(&format!("{domain}/removal"), &[]).await.leads_to(SSO);
        assert_eq!(audited(&world.app, "sso.domain_removed").await, [r#"{"state":{"new":null,"old":"proven"}}"#]);
        owner.post(&format!("{domain}/check"), &[]).await.is(404);
    }
}
