//! What a key may do with a resource, and why (A14). Access is people's: a key is let in nowhere by itself. It asks, or
//! acts for a person.

use super::{ActError, Kind, Listed, one};
use crate::app::App;
use crate::domain::access::Actor;
use crate::domain::environments;
use crate::domain::resources::Permission;
use crate::domain::resources::explain::{self, Explanation, Whole};
use crate::ids::{ApiKeyId, OrganizationId};

/// The answer for a key that the actor may see, on a resource that may be explained to them.
pub async fn why(
    app: &App,
    actor: &Actor,
    whole: &Whole,
    id: ApiKeyId,
    asked: Permission,
) -> Result<Explanation, ActError> {
    let key = one(app, actor, id).await?;
    let (resource, act) = (&whole.resource.name, asked.act());
    let holder = key.owner_name.as_deref().unwrap_or("whoever it acts for");
    let owner = match key.owner {
        Some(owner) => Some(explain::why_member(&app.db, whole, owner, holder, asked).await?),
        None => None,
    };
    let mut steps = vec![what_it_is(app, actor.organization, &key, holder).await?];
    if !key.state(app.db.now()).works() {
        steps.push("It does not work now.".to_owned());
    } else if let (Kind::Development, Some(owner), true) =
        (key.kind, &owner, whole.resource.developer().is_some_and(|developer| key.owner == Some(developer)))
    {
        steps.push(format!("{resource} is in that Dev mode, and what {holder} may holds for the key."));
        steps.extend(owner.steps.iter().cloned());
        return Ok(Explanation { steps, ..owner.clone() });
    } else {
        steps.extend(why_not(&key, whole, holder));
    }
    // What opens it is whoever the key acts for, and not the key.
    steps.extend(owner.map(|owner| format!("Signed in, {}", owner.verdict)));
    Ok(Explanation {
        allowed: false,
        verdict: format!("The key {} may not {act} {resource}.", key.name),
        steps,
    })
}

async fn what_it_is(
    app: &App,
    organization: OrganizationId,
    key: &Listed,
    holder: &str,
) -> Result<String, ActError> {
    let name = &key.name;
    Ok(match key.kind {
        Kind::Development => {
            format!("{name} is a development key, which acts for {holder} in their Dev mode.")
        }
        Kind::Admin => {
            format!("{name} is an admin API key, which acts for {holder} on the organization itself.")
        }
        Kind::Live | Kind::Ephemeral => {
            let agent = key.agent_name.as_deref().unwrap_or("no name");
            let environment = environment(app, organization, key).await?;
            format!("{name} is a live key of the agent {agent}, for {environment}.")
        }
    })
}

async fn environment(app: &App, organization: OrganizationId, key: &Listed) -> sqlx::Result<String> {
    let found = environments::find(&mut app.db.read().await?, organization, &key.environment).await?;
    Ok(found.map_or_else(|| key.environment.clone(), |environment| environment.name))
}

fn why_not(key: &Listed, whole: &Whole, holder: &str) -> Vec<String> {
    let resource = &whole.resource;
    let name = &resource.name;
    match key.kind {
        Kind::Development => vec![format!("{name} is not in it, so the key finds no such resource.")],
        Kind::Admin => vec![format!(
            "It may read and change how {name} is configured and who may open it, as {holder} may. None of that opens it."
        )],
        Kind::Live | Kind::Ephemeral => {
            let asks = match key.environment == resource.environment {
                true => {
                    "It asks whether a person may, by POST /v1/access/check, and gets the answer that this page gives for \
                     their address."
                        .to_owned()
                }
                false => format!("It asks about what is there, and {name} is not: it finds no such resource."),
            };
            vec![
                "Access is given to people and teams, and to no key: by itself it opens nothing.".to_owned(),
                asks,
            ]
        }
    }
}
