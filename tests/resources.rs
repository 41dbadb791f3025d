//! `/o/{org}/resources`: how resources are configured and who may open them, as far as that is said beforehand.

mod access;
mod binding;
mod definitions;
mod difference;
mod editing;
mod environments;
mod list;

use crate::support::database::{execute, texts};
use crate::support::{Answer, TestApp, Visitor};

const RESOURCES: &str = "/o/halden-freight/resources";

/// Makes a resource by the form, and gives its address.
async fn make(visitor: &mut Visitor, kind: &str, name: &str, key: &str) -> String {
    let url = if kind == "tool" {
        format!("https://{}.tools.example/", key.replace('/', "-"))
    } else {
        String::new()
    };
    let list = format!("{}/resources", visitor.org);
    let fields = [("kind", kind), ("name", name), ("key", key), ("description", ""), ("url", &url)];
    let path = format!("{list}/{}", key.replace('/', "%2F"));
    visitor.post(&list, &fields).await.leads_to(&format!("{path}/access"));
    path
}

/// Says who may open it: first shown, then saved as it was shown.
async fn say(visitor: &mut Visitor, path: &str, fields: &[(&str, &str)]) -> Answer {
    let access = format!("{path}/access");
    let shown = visitor.post(&access, fields).await.ok();
    let digest = digest(&shown);
    let mut again = fields.to_vec();
    again.extend([("digest", digest.as_str()), ("act", "save")]);
    visitor.post(&access, &again).await.leads_to(&access);
    shown
}

fn digest(shown: &Answer) -> String {
    let mark = "name=\"digest\" value=\"";
    let at = shown.body.find(mark).expect("it has a digest") + mark.len();
    shown.body[at..at + 64].to_owned()
}

/// A team as it stands in the tables, with members by their address.
async fn team(app: &TestApp, slug: &str, members: &[&str]) {
    let id = format!("01a20000-0000-7000-8000-{:0>12}", hex(slug));
    execute(
        app,
        &format!(
            "insert into teams (id, organization, slug, name, name_key, people, created_at) \
             select '{id}', id, '{slug}', '{slug}', '{slug}', {}, 0 from organizations where slug = 'halden-freight'",
            members.len()
        ),
    )
    .await;
    for email in members {
        execute(
            app,
            &format!(
                "insert into team_members (team, organization, user_id, added_at) \
                 select '{id}', o.id, u.id, 0 from organizations o, users u \
                 where o.slug = 'halden-freight' and u.email_canonical = '{email}'"
            ),
        )
        .await;
    }
}

/// Twelve hexadecimal digits that stand for a short word.
fn hex(word: &str) -> String {
    word.bytes().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What the audit log says of the newest change of a kind.
async fn last_audited(app: &TestApp, kind: &str) -> String {
    let query = format!("select changes from audit_events where kind = '{kind}' order by seq");
    texts(app, &query).await.pop().unwrap_or_default()
}
