//! The plan: what the base permission allows, read-only, and what goes beyond it since it was lowered.

use interlock::domain::access::Role;

use super::*;
use crate::support::keys;
use crate::support::on_both;

on_both! {
    /// L7, ROL-01: Owners and Admins read the plan; a lowered base names what goes beyond it, and nobody sets it there.
    async fn the_plan_shows_the_base(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let plan = format!("{}/settings/plan", owner.org);
        dev.get(&plan).await.is(403);
        owner.get(&format!("{}/settings", owner.org)).await.ok().says("Plan");
        let page = owner.get(&plan).await.ok().says("has set none: everything may be granted, without limit");
        let page = page.says("source_type:*").says("file_type:*").says("interlock org set-base-permission halden-freight FILE");
        assert!(!page.body.contains("action=\"/o/halden-freight/settings/plan"));
        let path = make(&mut owner, &form("Import", "source_type", "icloud.account", "9")).await;
        make(&mut owner, &form("Modest", "source_type", "icloud.account", "1")).await;
        // What the last change said is shown once.
        owner.get(&path).await.ok();
        let base = r#"{"source_type:icloud.*":[{"level":"user","type":"count","value":3},{"level":"organisation","period":"1 day","type":"interval","value":50000}]}"#;
        keys::set_base(&app, "halden-freight", base).await;
        let page = owner.get(&plan).await.ok().says("1 permission says more than the base allows").says("Import").says_not("Modest");
        let page = page.says("The base permission of this organization allows each user: 3 ever.").says("0 of 50,000 per day");
        assert!(page.body.contains(&format!("href=\"{path}\"")));
        assert!(page.body.contains("<progress class=\"bar\" value=\"0\" max=\"50000\""));
        page.says("covers: icloud.account; and any later name below icloud");
        owner.get(&path).await.ok().says("It goes beyond the base permission").says("allows each user: 3 ever");
        keys::set_base(&app, "halden-freight", "{}").await;
        owner.get(&plan).await.ok().says("It grants nothing").says("2 permissions say more");
        // Another organization has its own.
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        stranger.get(&format!("{}/settings/plan", stranger.org)).await.ok().says("has set none");
    }
}
