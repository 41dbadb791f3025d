//! A provider that is set up and not switched on yet: no machine of a demonstration has one to ask.

use super::people::FREIGHT;
use super::stage::{Result, Stage, day};
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::sso::{self, NewSecret, Provider, Setup};
use crate::ids::ConnectionId;

pub enum Act {
    Connect { by: &'static str },
}

pub fn script(end: Timestamp) -> Vec<(Timestamp, Act)> {
    vec![(day(end, 9, 15, 40), Act::Connect { by: "ingrid.solberg" })]
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    let Act::Connect { by } = act;
    let freight = stage.organization(FREIGHT)?;
    let actor = stage.actor(by, freight).await?;
    let (app, id) = (&stage.app, ConnectionId::generate());
    let secret = "of-no-use-anywhere".parse()?;
    let sealed = sso::seal_secret(app, id, &secret);
    let setup = Setup {
        provider: Provider::Google { hosted_domain: "halden.example".parse()? },
        client_id: "482019750012-halden.apps.googleusercontent.com".parse()?,
        secret: NewSecret::Typed(secret),
        enabled: false,
        admits_newcomers: true,
        newcomer_role: Role::Member,
        enforces_mfa: false,
    };
    sso::keep(app, &actor, id, true, &setup, Some(&sealed), None).await?;
    sso::add_domain(app, &actor, id, &"halden.example".parse()?).await?;
    Ok(())
}
