//! R8, RES-01, A12: whichever way somebody leaves, teams, entries and resources are settled alike.

use interlock::clock::DAY;
use interlock::domain::access::Role;
use interlock::domain::leaving;

use super::{added, audited, counts_are_true, made, maintaining, memberships, resource, resource_id};
use crate::support::database::{execute, texts};
use crate::support::{PASSWORD, TestApp, Visitor, everything, on_both};

const ANA: &str = "ana@halden.example";

/// A Developer with teams, entries and resources, and another Owner since.
async fn a_leaver(app: &TestApp, owner: &mut Visitor) -> (Visitor, String) {
    let ana = app.member(owner, "Ana Silva", ANA, Role::Developer).await;
    app.member(owner, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
    let (support, ops) = (made(owner, "Support").await, made(owner, "Ops").await);
    added(app, owner, &support, "Ana Silva").await;
    added(app, owner, &support, "Sefa Olsen").await;
    let id = maintaining(app, owner, &ops, "Ana Silva").await;
    resource(app, "own", ANA, "production", "Private", None).await;
    resource(app, "shared", ANA, "production", "teams", Some("support")).await;
    resource(app, "draft", ANA, "development", "Private", None).await;
    resource(app, "other", "amara@halden.example", "production", "InviteRestricted", None).await;
    let (other, shared) = (resource_id("other"), resource_id("shared"));
    execute(
        app,
        &format!(
            "insert into resource_people (resource, organization, email, email_canonical, user_id, created_at) \
             select '{other}', organization, '{ANA}', '{ANA}', '{id}', 0 from resources where key = 'other'; \
             insert into resource_people (resource, organization, email, email_canonical, created_at) \
             select '{shared}', organization, '{ANA}', '{ANA}', 0 from resources where key = 'shared'; \
             insert into access_requests (id, organization, resource, user_id, note, created_at) \
             select 'q', organization, '{other}', '{id}', '', 0 from resources where key = 'other'"
        ),
    )
    .await;
    (ana, id)
}

/// Nothing of a leaver is left but what is archived, and it goes to this Owner.
async fn is_settled(app: &TestApp, heir: &str) {
    assert_eq!(memberships(app).await, ["support Sefa Olsen"]);
    counts_are_true(app).await;
    assert!(texts(app, "select email from resource_people").await.is_empty());
    assert!(texts(app, "select id from access_requests where closed_at is null").await.is_empty());
    let made = texts(
        app,
        "select r.key || ' ' || u.name || case when r.archived_at is null then '' else ' archived' end \
         from resources r join users u on u.id = r.creator where r.key <> 'other' order by r.key",
    )
    .await;
    let heirs = format!("own {heir}");
    assert_eq!(made, ["draft Ana Silva archived", &heirs, &heirs.replace("own", "shared")]);
    // Nobody else gains anything: the audience is what it was.
    assert_eq!(texts(app, "select audience from resources where key = 'own'").await, ["Private"]);
    assert_eq!(audited(app, "resource.handed_over").await.len(), 2);
    assert_eq!(audited(app, "resource.entry_ended").await.len(), 2);
    assert_eq!(audited(app, "resource.left").await.len(), 1);
    assert_eq!(audited(app, "team.member_removed").await.len(), 2);
}

on_both! {
    /// R8, V4, RES-01: the screen says what is left behind, and whoever removes the person chooses the Owner.
    async fn removed_by_an_owner(app: TestApp) {
        let mut owner = app.owner().await;
        let (mut ana, id) = a_leaver(&app, &mut owner).await;
        let removal = format!("{}/users/{id}/removal", owner.org);
        let before = everything(&app).await;
        let page = owner.get(&removal).await.ok().says("They leave 2 teams: Ops, Support.");
        let page = page.says("Their own entry on 2 resources ends").says("They have made 2 resources");
        page.says("1 resource in their Dev mode is archived").says("The own").says("Sefa Olsen");
        // Who has what they made is an Owner, and now one.
        for heir in [id.as_str(), "01a20000-0000-7000-8000-000000000000", "x"] {
            owner.post(&removal, &[("heir", heir)]).await.is(422);
        }
        assert_eq!(everything(&app).await, before);
        let sefa = app.id_of(&mut owner, "Sefa Olsen").await;
        owner.post(&removal, &[("heir", &sefa)]).await.is(303);
        is_settled(&app, "Sefa Olsen").await;
        ana.get(&owner.org).await.is(404);

        // Only an invite brings them back, with nothing of what was.
        let link = app.invited(&mut owner, ANA, Role::Developer).await;
        ana.post(&link, &[]).await.leads_to(&owner.org);
        is_settled(&app, "Sefa Olsen").await;
        ana.get(&format!("{}/teams/ops/members/new", owner.org)).await.is(403);
    }

    /// RES-01: who leaves by oneself leaves what they made to the longest-standing Owner.
    async fn left_by_oneself(app: TestApp) {
        let mut owner = app.owner().await;
        let (mut ana, _) = a_leaver(&app, &mut owner).await;
        let organization = texts(&app, "select id from organizations").await.remove(0);
        let leaving = format!("/account/organizations/{organization}/leaving");
        let page = ana.get(&leaving).await.ok().says("You leave 2 teams and your own entry on 2 resources");
        page.says("2 resources that you made go to the Owner who has been one for the longest");
        ana.post(&leaving, &[]).await.leads_to("/account/organizations");
        is_settled(&app, "Amara Okafor").await;
    }

    /// The same on the end date, once, however often the worker looks.
    async fn ended_by_date(app: TestApp) {
        let mut owner = app.owner().await;
        let (_, id) = a_leaver(&app, &mut owner).await;
        execute(&app, &format!("update memberships set ends_at = {} where user_id = '{id}'", app.clock.now().0 + DAY)).await;
        leaving::end_due(&app.app).await.expect("memberships can be ended");
        assert_eq!(memberships(&app).await.len(), 3);
        app.clock.advance(2 * DAY);
        leaving::end_due(&app.app).await.expect("memberships can be ended");
        leaving::end_due(&app.app).await.expect("memberships can be ended");
        is_settled(&app, "Amara Okafor").await;
    }

    /// R8: suspension keeps what somebody has, and takes it only as long as it lasts.
    async fn suspension_keeps_all(app: TestApp) {
        let mut owner = app.owner().await;
        let (mut ana, id) = a_leaver(&app, &mut owner).await;
        let kept = memberships(&app).await;
        owner.post(&format!("{}/users/{id}/suspension", owner.org), &[]).await.is(303);
        assert_eq!(memberships(&app).await, kept);
        ana.get(&format!("{}/teams/ops", owner.org)).await.is(404);
        owner.post(&format!("{}/users/{id}/reactivation", owner.org), &[]).await.is(303);
        ana.sign_in(ANA, PASSWORD).await.leads_to("/");
        ana.get(&format!("{}/teams/ops/members/new", owner.org)).await.ok();
        counts_are_true(&app).await;
    }

    /// U1, U2: whoever leaves with thousands of resources leaves a row for each, and the chain holds.
    async fn thousands_are_handed_over(app: TestApp) {
        use interlock::domain::audit::{Chain, Verdict, verify};

        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Silva", ANA, Role::Developer).await;
        let team = made(&mut owner, "Support").await;
        let id = added(&app, &mut owner, &team, "Ana Silva").await;
        let many = format!(
            "insert into resources (id, organization, environment, key, kind, name, name_key, description, creator, \
             audience, created_at, changed_at) with recursive n (at) as (select 1 union all select at + 1 from n \
             where at < 1201) select '01a20000-0000-7000-8000-' || substr(cast(100000000000 + at as text), 1, 12), o.id, \
             'production', 'r' || cast(at as text), 'interface', 'R', 'r', '', '{id}', 'Private', 0, 0 \
             from n, organizations o"
        );
        execute(&app, &many).await;
        owner.post(&format!("{}/users/{id}/removal", owner.org), &[]).await.is(303);
        assert_eq!(audited(&app, "resource.handed_over").await.len(), 1201);
        assert_eq!(audited(&app, "team.member_removed").await.len(), 1);
        let chain = texts(&app, "select chain from audit_heads where chain <> 'instance'").await.remove(0);
        let chain = Chain::Organization(chain.parse().expect("an id"));
        assert!(matches!(verify(&app.app.db, chain).await.expect("it can be read"), Verdict::Whole { .. }));
        // And it goes on after them.
        owner.post(&format!("{team}/deletion"), &[]).await.is(303);
        assert!(matches!(verify(&app.app.db, chain).await.expect("it can be read"), Verdict::Whole { .. }));
    }
}
