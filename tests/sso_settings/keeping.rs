//! O4: while single sign-on is required, there stays somebody who comes in without it, and something to come in by.

use interlock::domain::users::MemberError;
use interlock::domain::{account, factors, users};
use interlock::ids::UserId;

use super::*;
use crate::support::everything;
use crate::support::page::link;

const SEFA: &str = "sefa@halden.example";

async fn user_id(world: &World, email: &str) -> UserId {
    only(texts(&world.app, &format!("select id from users where email = '{email}'")).await)
        .parse()
        .expect("an id")
}

/// Amara alone has break-glass access; Sefa is an Owner without it.
async fn scene(world: &World) -> (Visitor, Phone, Visitor, Phone, String) {
    let (mut amara, phone, page) = world.ready().await;
    let (mut sefa, sefas) = another_owner(world, &mut amara, Some(&phone)).await;
    amara.post(REQUIREMENT, &[("sso", "required"), ("confirmed", "yes")]).await.leads_to(SSO);
    // Sefa comes in by the provider.
    let now = world.app.clock.now().0 + 1;
    let id = id_of(&page);
    execute(
        &world.app,
        &format!(
            "insert into session_proofs (session, kind, connection, at) select s.id, 'sso', '{id}', {now} \
         from sessions s join users u on u.id = s.user_id where u.email = '{SEFA}' and s.ended_at is null"
        ),
    )
    .await;
    sefa.step_up_with(&sefas).await;
    sefa.get(SSO).await.ok();
    (amara, phone, sefa, sefas, page)
}

in_both_worlds! {
    /// O4: neither removed, demoted, suspended nor unnamed; with another one all of that.
    async fn the_last_break_glass_owner_stays(world: World) {
        let (mut amara, phone, mut sefa, sefas, _) = scene(&world).await;
        let id = user_id(&world, AMARA).await;
        let before = everything(&world.app).await;
        let why = "the last Owner with break-glass access";
        sefa.post(&format!("{ORG}/users/{id}/role"), &[("role", "admin")]).await.is(409).says(why);
        sefa.post(&format!("{ORG}/users/{id}/suspension"), &[]).await.is(409).says(why);
        sefa.get(&format!("{ORG}/users/{id}/removal")).await.is(409).says(why);
        sefa.post(&format!("{ORG}/users/{id}/removal"), &[]).await.is(409).says(why);
        sefa.post(BREAK_GLASS, &[("email", AMARA), ("named", "")]).await.is(409).says(why);
        let organization = only(texts(&world.app, "select id from organizations").await);
        let leaving = format!("/account/organizations/{organization}/leaving");
        amara.get(&leaving).await.ok().says("its last Owner with break-glass access").says_not("Leave Halden Freight</button>");
        amara.post(&leaving, &[]).await.is(409).says("break-glass access");
        amara.step_up_with(&phone).await;
        let hand_over = [("email", SEFA), ("role", "admin"), ("confirmed", "yes")];
        sefa.post(&format!("{ORG}/settings/owner"), &[("email", AMARA), ("role", "admin"), ("confirmed", "yes")]).await.is(303);
        // Sefa is an Admin now, and Amara the only Owner, who hands over to nobody but beside herself.
        amara.post(&format!("{ORG}/settings/owner"), &hand_over).await.is(422).says("you are the last Owner with break-glass access");
        amara.post(&format!("{ORG}/settings/owner"), &with(&hand_over, "role", "owner")).await.is(303);
        assert_ne!(everything(&world.app).await, before);

        amara.post(BREAK_GLASS, &[("email", SEFA), ("named", "yes")]).await.leads_to(SSO);
        sefa.step_up_with(&sefas).await;
        sefa.post(BREAK_GLASS, &[("email", AMARA), ("named", "")]).await.leads_to(SSO);
        sefa.post(&format!("{ORG}/users/{id}/role"), &[("role", "admin")]).await.is(303);
        sefa.post(&format!("{ORG}/users/{id}/suspension"), &[]).await.is(303);
    }

    /// O4: nor do they give up the last factor; another Owner counts only with password and factor.
    async fn the_last_factor_stays(world: World) {
        let (mut amara, phone, mut sefa, _, _) = scene(&world).await;
        let removal = |page: &Answer| {
            let path = page.body.split("/account/mfa/authenticators/").nth(1).expect("it is listed")[..36].to_owned();
            format!("/account/mfa/authenticators/{path}/removal")
        };
        let mine = removal(&amara.get("/account/mfa").await.ok());
        amara.step_up_with(&phone).await;
        amara.post(&mine, &[]).await.is(409).says("its last Owner with break-glass access, which needs a factor");
        // Sefa's own is no business of that.
        let theirs = removal(&sefa.get("/account/mfa").await.ok());
        amara.post(BREAK_GLASS, &[("email", SEFA), ("named", "yes")]).await.leads_to(SSO);
        execute(&world.app, &format!("update users set password_hash = null where email = '{SEFA}'")).await;
        amara.post(&mine, &[]).await.is(409);
        execute(&world.app, &format!("update users set password_hash = 'x' where email = '{SEFA}'")).await;
        execute(&world.app, "update memberships set state = 'suspended' where email = 'sefa@halden.example'").await;
        amara.post(&mine, &[]).await.is(409);
        execute(&world.app, "update memberships set state = 'active' where email = 'sefa@halden.example'").await;
        amara.post(&mine, &[]).await.is(303);
        sefa.post(&theirs, &[]).await.is(409);
    }

    /// O4: no connection is disabled or ended, and no domain goes, so that none is left that works.
    async fn the_last_connection_stays(world: World) {
        let (mut owner, _, page) = world.required().await;
        let kept = with(&without(&oidc("", &world.forger.url), "draft"), "client_secret", "");
        let listed = owner.get(SSO).await.ok();
        let id = between(&listed.body, &format!("{DOMAINS}/"), "/").first().copied().expect("it has a path").to_owned();
        let domain = format!("{DOMAINS}/{id}");
        let before = everything(&world.app).await;
        let why = "Single sign-on is required, and";
        owner.post(&page, &without(&kept, "enabled")).await.is(422).says(why);
        owner.post(&format!("{page}/removal"), &[]).await.is(409).says(why);
        owner.post(&format!("{domain}/removal"), &[]).await.is(409).says(why);
        assert_eq!(everything(&world.app).await, before);
        // One without a proven domain is none; with one it is.
        let other = world.connect(&mut owner).await;
        let spare = add_domain(&mut owner, &other, "halden-logistics.example").await;
        owner.post(&format!("{domain}/removal"), &[]).await.is(409);
        world.dns.set_txt("halden-logistics.example", &[&record(&world.app, "halden-logistics.example").await]);
        owner.post(&format!("{spare}/check"), &[]).await.is(303);
        owner.post(&format!("{domain}/removal"), &[]).await.is(303);
        owner.post(&format!("{page}/removal"), &[]).await.is(303);
        owner.post(&format!("{other}/removal"), &[]).await.is(409);
        owner.post(&format!("{spare}/removal"), &[]).await.is(409);
        owner.post(REQUIREMENT, &[("sso", "optional")]).await.leads_to(SSO);
        owner.post(&format!("{other}/removal"), &[]).await.leads_to(SSO);
    }

    /// Two at once: of two break-glass Owners who take each other's access one keeps it.
    async fn not_even_by_two_at_once(world: World) {
        let (mut amara, phone, mut sefa, sefas, _) = scene(&world).await;
        amara.post(BREAK_GLASS, &[("email", SEFA), ("named", "yes")]).await.leads_to(SSO);
        amara.step_up_with(&phone).await;
        sefa.step_up_with(&sefas).await;
        // Whoever comes second is refused, or is no longer let in to ask.
        tokio::join!(
            amara.post(BREAK_GLASS, &[("email", SEFA), ("named", "")]),
            sefa.post(BREAK_GLASS, &[("email", AMARA), ("named", "")]),
        );
        assert_eq!(crate::support::database::count(&world.app, "memberships where break_glass").await, 1);
    }

    /// The sysadmin may do all of it, knowingly.
    async fn the_sysadmin_may(world: World) {
        let (_, _, _, _, _) = scene(&world).await;
        let (app, id) = (&world.app.app, user_id(&world, AMARA).await);
        let sysadmin = interlock::domain::access::Operator::sysadmin();
        let organization = only(texts(&world.app, "select id from organizations").await).parse().expect("an id");
        let last = users::sysadmin::is_last_break_glass(&mut app.db.read().await.expect("it reads"), organization, id).await;
        assert!(last.expect("it answers"));
        let refused = account::suspend(app, &sysadmin, id, Some(organization), false).await;
        assert!(matches!(refused, Err(MemberError::LastBreakGlass(_))), "{refused:?}");
        account::suspend(app, &sysadmin, id, Some(organization), true).await.expect("knowingly");
        assert!(factors::reset_by_sysadmin(app, &sysadmin, id).await.expect("it answers"));
    }

    /// The Owner who leaves sees why they can't, and where to go.
    async fn leaving_leads_to_the_settings(world: World) {
        let (mut amara, _, _, _, _) = scene(&world).await;
        let organization = only(texts(&world.app, "select id from organizations").await);
        let page = amara.get(&format!("/account/organizations/{organization}/leaving")).await.ok();
        assert_eq!(link(&page, "Open the settings").as_deref(), Some("/o/halden-freight/settings"));
    }
}
