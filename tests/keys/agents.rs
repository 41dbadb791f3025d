//! Agents: added, renamed, archived with their keys.

use interlock::domain::access::Role;

use super::{audited, current, development, live, people};
use crate::support::database::{count, only, texts};
use crate::support::{on_both, refuses_bad_forms};

on_both! {
    /// V3, V4: shared agents by whoever manages live keys, each of its name once; archiving ends its keys.
    async fn shared_agents_come_and_go(app: TestApp) {
        let (mut owner, mut ad, mut dev) = people(&app).await;
        let agents = format!("{}/agents", owner.org);
        owner.get(&agents).await.ok().says("Add the first agent");
        dev.get(&agents).await.ok().says("There is no agent yet").says_not("New agent");
        dev.post(&agents, &[("name", "Mine")]).await.is(403);
        let path = ad.post(&agents, &[("name", "Scanners")]).await.is(303).location();
        ad.post(&agents, &[("name", "sCANNERS")]).await.is(422).says("called sCANNERS already");
        ad.post(&agents, &[("name", "")]).await.is(422);
        ad.post(&agents, &[("name", "Other")]).await.is(303);
        refuses_bad_forms(&app, &mut ad, &agents, &[("name", "Third")]).await;
        ad.get(&path).await.ok().says("It has no key");
        ad.post(&format!("{path}/name"), &[("name", "Other")]).await.is(422).says("called Other already");
        ad.post(&format!("{path}/name"), &[("name", "Warehouse scanners")]).await.leads_to(&path);
        let id = path.rsplit('/').next().expect("an id").to_owned();
        let (key_path, first) = live(&mut owner, &[("agent", &id), ("name", "First")]).await;
        let (_, second) = live(&mut owner, &[("agent", &id), ("name", "Second")]).await;
        dev.get(&path).await.ok().says("First").says("Warehouse scanners").says_not("il_live_");
        owner.get(&key_path).await.ok().says("Warehouse scanners");
        owner.get(&agents).await.ok().says("Ad Min");
        ad.get(&format!("{path}/archiving")).await.ok().says("2 keys of it end at once").says("First").says("Second");
        ad.post(&format!("{path}/archiving"), &[]).await.leads_to(&agents);
        for key in [&first, &second] {
            let answer = current(&app, key).await;
            assert_eq!(answer.status.as_u16(), 401, "{}", answer.body);
        }
        ad.get(&agents).await.ok().says("Warehouse scanners is archived, and 2 keys of it ended");
        ad.get(&agents).await.ok().says_not("Warehouse scanners");
        ad.get(&format!("{agents}?archived=1")).await.ok().says("Warehouse scanners");
        for noun in ["name", "archiving"] {
            let fields: &[(&str, &str)] = if noun == "name" { &[("name", "Again")] } else { &[] };
            ad.post(&format!("{path}/{noun}"), fields).await.is(409);
        }
        // Its name is free again.
        ad.post(&agents, &[("name", "Warehouse scanners")]).await.is(303);
        let rows = audited(&app).await;
        assert_eq!(rows[2], "agent.changed Warehouse scanners by Ad Min");
        assert_eq!(rows.iter().filter(|row| row.starts_with("key.revoked")).count(), 2);
        assert!(rows.contains(&"agent.archived Warehouse scanners by Ad Min".to_owned()));
    }

    /// A developer's own agent comes with their first key, and nobody renames or archives it.
    async fn a_developers_own_agent(app: TestApp) {
        let (mut owner, _, mut dev) = people(&app).await;
        development(&mut dev).await;
        let id = only(texts(&app, "select id from agents").await);
        let path = format!("{}/agents/{id}", owner.org);
        owner.get(&path).await.ok().says("De Vel’s own").says_not("Archive this agent");
        owner.post(&format!("{path}/name"), &[("name", "Mine")]).await.is(409);
        owner.post(&format!("{path}/archiving"), &[]).await.is(409);
        let mut reviewer = app.member(&mut owner, "Re View", "rev@halden.example", Role::Reviewer).await;
        let page = reviewer.get(&path).await.ok().says("Development key");
        assert!(!page.body.contains("/keys/"), "a reviewer has no keys' pages");
        // Its keys are no choice for a live key.
        let refused = crate::keys::send_live(&mut owner, &[("agent", &id)]).await;
        refused.is(422).says("no such shared agent");
        assert_eq!(count(&app, "api_keys").await, 1);
    }

    /// TEN-01, V3: agents of elsewhere are not there; the file has what the list has.
    async fn agents_are_the_organizations(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        live(&mut stranger, &[("agent_name", "=Theirs")]).await;
        live(&mut owner, &[("agent_name", "=Ours")]).await;
        let theirs = only(texts(&app, "select id from agents where name = '=Theirs'").await);
        for noun in ["", "/name", "/archiving"] {
            owner.get(&format!("{}/agents/{theirs}{noun}", owner.org)).await.is(404);
        }
        owner.post(&format!("{}/agents/{theirs}/archiving", owner.org), &[]).await.is(404);
        let csv = owner.get(&format!("{}/agents.csv", owner.org)).await.ok();
        assert!(csv.body.contains("'=Ours") && !csv.body.contains("Theirs"), "{}", csv.body);
        crate::keys::send_live(&mut owner, &[("agent", &theirs)]).await.is(422);
    }
}
