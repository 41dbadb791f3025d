//! `/o/{org}/teams`: teams, who is in them, who maintains them, and what they touch.

mod invites;
mod leaving;
mod maintainers;
mod pages;
mod pasted;
mod races;

use crate::support::database::{execute, texts};
use crate::support::{TestApp, Visitor};

/// Makes a team, and gives where it is.
async fn made(owner: &mut Visitor, name: &str) -> String {
    let path = format!("{}/teams", owner.org);
    owner.post(&path, &[("name", name)]).await.is(303).location()
}

async fn added(app: &TestApp, owner: &mut Visitor, team: &str, name: &str) -> String {
    let id = app.id_of(owner, name).await;
    owner.post(&format!("{team}/members"), &[("people", &id)]).await.leads_to(team);
    id
}

async fn maintaining(app: &TestApp, owner: &mut Visitor, team: &str, name: &str) -> String {
    let id = added(app, owner, team, name).await;
    owner.post(&format!("{team}/members/{id}/maintainer"), &[("maintainer", "yes")]).await.leads_to(team);
    id
}

/// "slug name", by both.
async fn memberships(app: &TestApp) -> Vec<String> {
    texts(
        app,
        "select t.slug || ' ' || u.name || case when m.maintainer then ' (maintainer)' else '' end \
         from team_members m join teams t on t.id = m.team join users u on u.id = m.user_id order by t.slug, u.name",
    )
    .await
}

/// The counts that are kept are the counts that are.
async fn counts_are_true(app: &TestApp) {
    let wrong = texts(
        app,
        "select t.slug from teams t where t.people <> (select count(*) from team_members m where m.team = t.id)",
    )
    .await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// "kind target changes" of what is audited of a kind, in order.
async fn audited(app: &TestApp, kind: &str) -> Vec<String> {
    texts(
        app,
        &format!(
            "select kind || ' ' || target_name || ' ' || changes from audit_events \
             where kind like '{kind}%' and chain <> 'instance' order by seq"
        ),
    )
    .await
}

/// The id of the resource of a key, in these tests.
fn resource_id(key: &str) -> String {
    let hex: String = key.bytes().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("01a20000-0000-7000-8000-{hex:0>12}")
}

/// A resource that somebody made, in an environment; with what audience, and granted to which team.
async fn resource(
    app: &TestApp,
    key: &str,
    maker: &str,
    environment: &str,
    audience: &str,
    team: Option<&str>,
) {
    let id = resource_id(key);
    let developer = match environment {
        "development" => format!("(select id from users where email = '{maker}')"),
        _ => "''".to_owned(),
    };
    execute(
        app,
        &format!(
            "insert into resources (id, organization, environment, developer, key, kind, name, name_key, description, \
             creator, audience, created_at, changed_at) select '{id}', o.id, '{environment}', {developer}, '{key}', \
             'tool', 'The {key}', 'the {key}', '', u.id, '{audience}', 0, 0 from users u, organizations o \
             where u.email = '{maker}' and o.slug = 'halden-freight'"
        ),
    )
    .await;
    if let Some(team) = team {
        execute(
            app,
            &format!(
                "insert into resource_teams (resource, organization, team) \
                 select '{id}', organization, id from teams where slug = '{team}'"
            ),
        )
        .await;
    }
}
