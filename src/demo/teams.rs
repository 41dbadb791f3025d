//! Teams: who does what together at Halden Freight.

use super::people::FREIGHT;
use super::stage::{Result, Stage, day};
use crate::clock::{MINUTE, Timestamp};
use crate::domain::resources::joining;
use crate::domain::{teams, users};

pub enum Act {
    Make { by: &'static str, name: &'static str },
    Add { by: &'static str, team: &'static str, people: &'static [&'static str] },
    Maintain { by: &'static str, team: &'static str, who: &'static str },
    Remove { by: &'static str, team: &'static str, who: &'static str },
}

/// A team's name, its slug, its maintainer, and who else is in it.
struct Cast {
    name: &'static str,
    slug: &'static str,
    maintainer: &'static str,
    people: &'static [&'static str],
}

const TEAMS: [Cast; 6] = [
    Cast {
        name: "Customs desk",
        slug: "customs-desk",
        maintainer: "fatima.elamrani",
        people: &["wei.wang", "mohammed.hassan", "giorgos.papadopoulos", "anais.ndiaye", "ruta.kazlauskiene"],
    },
    Cast {
        name: "Operations",
        slug: "operations",
        maintainer: "bjorn.akesson",
        people: &[
            "olafur.jonsson",
            "cagla.yildiz",
            "thorunn.sveinsdottir",
            "grete.sorensen",
            "liisa.makinen",
        ],
    },
    Cast {
        name: "Support",
        slug: "support",
        maintainer: "siobhan.nibhriain",
        people: &["priya.raghunathan", "aroha.ngata", "kaisa.ounapuu"],
    },
    Cast {
        name: "Platform",
        slug: "platform",
        maintainer: "lukasz.brandt",
        people: &["zoe.vandermeer", "jose.munoz", "huong.nguyen", "chinonso.eze", "seoyeon.kim", "mads.holm"],
    },
    Cast {
        name: "Routing",
        slug: "routing",
        maintainer: "olena.shevchenko",
        people: &["tomas.dvorak", "stepanka.novakova", "reka.szabo", "janis.berzins", "olafur.jonsson"],
    },
    Cast { name: "Finance", slug: "finance", maintainer: "grete.sorensen", people: &["ingrid.solberg"] },
];

pub fn script(end: Timestamp) -> Vec<(Timestamp, Act)> {
    let mut script = Vec::new();
    for (number, Cast { name, slug, maintainer, people }) in (0_i64..).zip(&TEAMS) {
        let at = day(end, 63 - number * 5, 9 + number, 12 + number * 7);
        let by = if number % 2 == 0 { "amara.okafor" } else { "ingrid.solberg" };
        script.push((at, Act::Make { by, name }));
        let first = std::slice::from_ref(maintainer);
        script.push((at.plus(2 * MINUTE), Act::Add { by, team: slug, people: first }));
        script.push((at.plus(3 * MINUTE), Act::Maintain { by, team: slug, who: maintainer }));
        // The rest is the maintainer's to do (R9).
        script.push((at.plus(49 * MINUTE), Act::Add { by: maintainer, team: slug, people }));
    }
    let left = Act::Remove { by: "bjorn.akesson", team: "operations", who: "cagla.yildiz" };
    script.push((day(end, 12, 15, 5), left));
    script
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    let freight = stage.organization(FREIGHT)?;
    match act {
        Act::Make { by, name } => {
            let actor = stage.actor(by, freight).await?;
            teams::create(&stage.app, &actor, &name.parse()?, None).await?;
        }
        Act::Add { by, team, people } => {
            let actor = stage.actor(by, freight).await?;
            let mut there = Vec::new();
            for key in people {
                let user = stage.user(key)?;
                let member = users::member_of(&mut stage.app.db.read().await?, freight, user).await?;
                there.extend(member.filter(|member| member.is_active(stage.now())).map(|_| user));
            }
            joining::add_to_team(&stage.app, &actor, team, &there).await?;
        }
        Act::Maintain { by, team, who } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            teams::set_maintainer(&stage.app, &actor, team, user, true).await?;
        }
        Act::Remove { by, team, who } => {
            let (actor, user) = (stage.actor(by, freight).await?, stage.user(who)?);
            teams::remove(&stage.app, &actor, team, user).await?;
        }
    }
    Ok(())
}
