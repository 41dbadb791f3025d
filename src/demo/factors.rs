//! Who has an authenticator app, and what the organization asks of sessions.

use totp_rs::{Builder, Secret};

use super::cast::HALDEN;
use super::people::FREIGHT;
use super::stage::{Result, Stage, cookie, day, device, password};
use crate::clock::{DAY, HOUR, Timestamp};
use crate::domain::factors::{self, Enrolment};
use crate::domain::sessions;
use crate::domain::settings::{self, SessionRules};
use crate::domain::sign_in::{self, Cookies};

pub enum Act {
    Enrol {
        who: &'static str,
        name: &'static str,
    },
    /// Longer sessions: people asked for them.
    LongerSessions {
        by: &'static str,
    },
}

/// Those whom the greeting names sign in by their password alone.
const WITHOUT: [&str; 6] = [
    "amara.okafor",
    "ingrid.solberg",
    "lukasz.brandt",
    "olafur.jonsson",
    "siobhan.nibhriain",
    "renee.dubois",
];

pub fn script(end: Timestamp) -> Vec<(Timestamp, Act)> {
    let mut script = vec![(day(end, 33, 10, 20), Act::LongerSessions { by: "ingrid.solberg" })];
    for (number, part) in (0_i64..).zip(&HALDEN) {
        if number % 3 != 0 && !WITHOUT.contains(&part.key) {
            let name = ["Pixel 9", "iPhone", "Authenticator app"][number as usize % 3];
            script.push((
                day(end, 21 - number % 14, 9 + number % 7, number),
                Act::Enrol { who: part.key, name },
            ));
        }
    }
    script
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    match act {
        // Those who have not come yet do so later, if they like.
        Act::Enrol { who, name } if stage.user(who).is_ok() => enrol(stage, who, name).await,
        Act::Enrol { .. } => Ok(()),
        Act::LongerSessions { by } => {
            let freight = stage.organization(FREIGHT)?;
            let actor = stage.actor(by, freight).await?;
            let rules = SessionRules {
                idle: 12 * HOUR,
                absolute: 3 * DAY,
                remembers_devices: true,
                shortest_password: 15,
            };
            settings::change_sessions(&stage.app, &actor, rules).await?;
            Ok(())
        }
    }
}

/// As its owner does: signs in, scans the code, types the first code, and is gone.
async fn enrol(stage: &mut Stage, who: &'static str, name: &str) -> Result {
    let (origin, new) = (stage.origin(who), cookie());
    let cookies = Cookies { new: &new, old: None, device: None };
    let (email, device) = (format!("{who}@halden.example"), device(0, who));
    let _ = sign_in::with_password(&stage.app, &email, password(), &device, &origin, cookies).await?;
    let session = sessions::current(&mut stage.app.db.read().await?, &new, stage.now()).await?;
    let person = session.ok_or("the session was just opened")?.person(origin);
    let id = factors::begin(&stage.app, &person).await?;
    let code = code(&factors::enrolment(&stage.app, &person, id).await?, stage.now())?;
    factors::confirm(&stage.app, &person, id, &code, &name.parse()?, &cookie()).await?;
    Ok(())
}

fn code(enrolment: &Enrolment, now: Timestamp) -> Result<String> {
    let secret =
        Secret::try_from_base32(enrolment.secret.replace(' ', "")).map_err(|error| error.to_string())?;
    let totp = Builder::new().with_secret(secret).build().map_err(|error| error.to_string())?;
    Ok(totp.generate(u64::try_from(now.0 / 1_000)?).to_string())
}
