//! `/o/{org}/settings/environments`, and resources in each.

use interlock::domain::access::Role;
use interlock::domain::environments::Place;
use interlock::domain::resources::definition;
use interlock::domain::resources::editing::{self, EditError};

use super::*;
use crate::support::access::actor;
use crate::support::{everything, on_both, refuses_bad_forms};

const ENVIRONMENTS: &str = "/o/halden-freight/settings/environments";

on_both! {
    /// Added by name and colour, changed, and removed while it has no resources; the current one is on the page.
    async fn environments_come_and_go(app: TestApp) {
        let mut owner = app.owner().await;
        owner.get(ENVIRONMENTS).await.ok().says("Production").says("Development").says("always there");
        owner.post(ENVIRONMENTS, &[("name", "Staging Area"), ("slug", ""), ("color", "blue")]).await.leads_to(ENVIRONMENTS);
        owner.get(ENVIRONMENTS).await.ok().says("Staging Area").says("staging-area");
        let before = everything(&app).await;
        for (name, slug, why) in [("", "x", "Enter a name"), ("Other", "staging-area", "this slug already"), ("Live", "production", "this slug already"), ("Other", "A b", "Use up to 40")] {
            owner.post(ENVIRONMENTS, &[("name", name), ("slug", slug), ("color", "red")]).await.is(422).says(why);
        }
        owner.post(ENVIRONMENTS, &[("name", "X"), ("slug", "x"), ("color", "pink")]).await.is(422);
        assert_eq!(everything(&app).await, before);
        refuses_bad_forms(&app, &mut owner, ENVIRONMENTS, &[("name", "X"), ("slug", "x"), ("color", "red")]).await;
        owner.post(&format!("{ENVIRONMENTS}/staging-area"), &[("name", "Staging"), ("color", "violet")]).await.leads_to(ENVIRONMENTS);
        assert!(last_audited(&app, "environment.changed").await.contains(r#""color":{"new":"violet","old":"blue"}"#));

        let list = "/o/halden-freight/e/staging-area/resources";
        owner.get(list).await.ok().says("in Staging, and who may open each");
        let fields = [("kind", "interface"), ("name", "Ledger"), ("key", "ledger"), ("description", ""), ("url", "")];
        owner.post(list, &fields).await.leads_to(&format!("{list}/ledger/access"));
        owner.get(&format!("{list}/ledger/access")).await.ok().says("Ledger");
        say(&mut owner, &format!("{list}/ledger"), &[("audience", "Public"), ("default", "Read")]).await;
        owner.get(RESOURCES).await.ok().says_not("Ledger").says("Staging");
        owner.get(&format!("{RESOURCES}/ledger/access")).await.is(404);
        owner.get(&format!("{ENVIRONMENTS}/staging-area/removal")).await.is(409).says("It has resources");
        owner.post(&format!("{ENVIRONMENTS}/staging-area/removal"), &[]).await.is(409);
        owner.post(&format!("{list}/ledger/archive"), &[]).await.is(303);
        owner.post(&format!("{ENVIRONMENTS}/staging-area/removal"), &[]).await.is(409);
        execute(&app, "delete from resources").await;
        owner.get(&format!("{ENVIRONMENTS}/staging-area/removal")).await.ok().says("It has no resources");
        owner.post(&format!("{ENVIRONMENTS}/staging-area/removal"), &[]).await.leads_to(ENVIRONMENTS);
        owner.get(list).await.is(404);
        owner.post(&format!("{ENVIRONMENTS}/production/removal"), &[]).await.is(404);
        owner.post(&format!("{ENVIRONMENTS}/development"), &[("name", "X"), ("color", "red")]).await.is(404);
    }

    /// One more than an organization adds is not added, and what was typed is kept.
    async fn there_are_so_many_environments(app: TestApp) {
        let mut owner = app.owner().await;
        execute(
            &app,
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20) \
             insert into environments (organization, slug, name, color, created_at) \
             select o.id, 'e' || n.i, 'E' || n.i, 'blue', 0 from n, organizations o",
        )
        .await;
        let fields = [("name", "One too many"), ("slug", "too-many"), ("color", "red")];
        let answer = owner.post(ENVIRONMENTS, &fields).await.is(422).says("at most 20 environments. Remove one first");
        assert!(answer.body.contains("id=\"name-error\"") && answer.body.contains("value=\"One too many\""));
        assert!(answer.body.contains("value=\"too-many\""));
        assert_eq!(texts(&app, "select count(*) || '' from environments").await, ["20"]);
    }

    /// An environment leaves nothing to another of its slug: what is made as it is removed keeps it, or is not made.
    async fn nothing_is_made_in_one_that_is_gone(app: TestApp) {
        let mut owner = app.owner().await;
        let mut other = app.visitor();
        other.cookies = owner.cookies.clone();
        let list = "/o/halden-freight/e/staging/resources";
        for round in 0..12 {
            owner.post(ENVIRONMENTS, &[("name", "Staging"), ("slug", "staging"), ("color", "blue")]).await.leads_to(ENVIRONMENTS);
            let fields = [("kind", "interface"), ("name", "Ledger"), ("key", "ledger"), ("description", ""), ("url", "")];
            let removal = format!("{ENVIRONMENTS}/staging/removal");
            let (made, removed) = tokio::join!(owner.post(list, &fields), other.post(&removal, &[]));
            let statuses = (made.status.as_u16(), removed.status.as_u16());
            // Removed before the gate looked for it, or after.
            assert!(matches!(statuses, (303, 409) | (404 | 409, 303)), "round {round}: {statuses:?}");
            let stays = usize::from(statuses.0 == 303);
            assert_eq!(texts(&app, "select slug from environments").await.len(), stays, "round {round}");
            assert_eq!(texts(&app, "select key from resources").await.len(), stays, "round {round}");
            execute(&app, "delete from resources; delete from environments").await;
        }
        // Past the gate, and gone before the change begins.
        let actor = actor(&app, "halden-freight", "amara@halden.example").await;
        let place = Place { environment: "staging".to_owned(), ..Place::production(actor.organization) };
        let new = definition::parse("{ key: 'ledger' }").expect("it is one").to_make().expect("it makes one");
        let refused = editing::create(&app.app, &actor, &place, &new).await.expect_err("it is gone");
        assert!(matches!(refused, EditError::NoEnvironment), "{refused}");
        editing::create(&app.app, &actor, &Place::production(actor.organization), &new).await.expect("production stays");
        assert_eq!(texts(&app, "select environment from resources").await, ["production"]);
    }

    /// K3, V4: one whose keys are not revoked stays: they would open what is in another of its slug.
    async fn an_environment_with_keys_stays(app: TestApp) {
        let mut owner = app.owner().await;
        owner.post(ENVIRONMENTS, &[("name", "Staging"), ("slug", "staging"), ("color", "blue")]).await.leads_to(ENVIRONMENTS);
        let (_, id) = crate::api::key(&app, &owner.org, "staging", None).await;
        crate::api::key(&app, &owner.org, "production", None).await;
        let removal = format!("{ENVIRONMENTS}/staging/removal");
        let before = everything(&app).await;
        owner.get(&removal).await.is(409).says("1 of its keys").says("interlock keys revoke");
        owner.post(&removal, &[]).await.is(409).says("1 of its keys");
        assert_eq!(everything(&app).await, before);
        execute(&app, &format!("update api_keys set revoked_at = 1 where id = '{id}'")).await;
        owner.get(&removal).await.ok().says("no keys that work");
        owner.post(&removal, &[]).await.leads_to(ENVIRONMENTS);
    }

    /// Dev mode is each developer's own: neither an Owner nor another developer finds what is in it; keys are free there.
    async fn dev_mode_is_ones_own(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut auditor = app.member(&mut owner, "Au Ditor", "auditor@halden.example", Role::Auditor).await;
        let list = "/o/halden-freight/e/development/resources";
        let fields = [("kind", "interface"), ("name", "Trial"), ("key", "trial"), ("description", ""), ("url", "")];
        dev.post(list, &fields).await.leads_to(&format!("{list}/trial/access"));
        dev.get(list).await.ok().says("Trial").says("these are yours alone");
        owner.get(list).await.ok().says_not("Trial");
        owner.get(&format!("{list}/trial/access")).await.is(404);
        owner.post(list, &fields).await.is(303);
        auditor.get(list).await.is(403);
        auditor.get(RESOURCES).await.ok().says("Production").says_not("Development");
        let shown = say(&mut dev, &format!("{list}/trial"), &[("audience", "entire-organization"), ("default", "Read")]).await;
        shown.says("1 person may open this");
    }

    /// Whatever is said of who opens it, in Dev mode that is its developer, and each page says so; no link is made that
    /// would lead nowhere.
    async fn in_dev_mode_an_audience_holds_for_nobody(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let list = "/o/halden-freight/e/development/resources";
        let trial = format!("{list}/trial");
        dev.post(list, &[("kind", "interface"), ("name", "Trial"), ("key", "trial"), ("description", ""), ("url", "")]).await.is(303);
        for audience in ["Public", "DomainRestricted", "Unlisted"] {
            let fields = [("audience", audience), ("default", "Read")];
            let shown = say(&mut dev, &trial, &fields).await.says("In Dev mode its developer alone opens it");
            shown.says("1 person may open this; 1 may change it").says_not("Anyone").says_not("Whoever else").says_not("Everyone else");
            let page = dev.get(&format!("{trial}/access")).await.ok().says("In Dev mode its developer alone opens it");
            page.says("1 person may open this; 1 may change it").says_not("Anyone may open this").says_not("Links");
            let line = dev.post_fragment(&format!("{trial}/access/count"), &fields).await.ok();
            line.says("1 person may open this; 1 may change it");
            dev.get(&format!("{trial}/why")).await.ok().says("It is in Dev mode: its developer alone opens it").says_not("Anyone");
            dev.get(list).await.ok().says("Only Dev Eloper, in Dev mode");
        }
        let links = format!("{trial}/links");
        dev.get(&links).await.ok().says("no link leads to it").says_not("Make the first one");
        dev.post(&links, &[("name", "For the press"), ("expires", "")]).await.is(409).says("Make links where others use it");
        assert_eq!(texts(&app, "select count(*) || '' from resource_links").await, ["0"]);
    }
}
