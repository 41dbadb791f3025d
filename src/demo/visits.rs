//! Who was there lately, and the sessions that are still open.

use super::cast::HALDEN;
use super::people::{FREIGHT, NORDLICHT_LINIE};
use super::stage::{Result, Stage, cookie, day, device, password};
use crate::clock::{HOUR, MINUTE, Timestamp};
use crate::domain::sign_in::{self, Cookies};
use crate::domain::users;

pub enum Act {
    /// A click inside an organization, by whoever may enter it at that time.
    Click {
        organization: &'static str,
        who: &'static str,
    },
    SignIn {
        who: &'static str,
        device: usize,
    },
}

pub fn script(end: Timestamp) -> Vec<(Timestamp, Act)> {
    let mut script = Vec::new();
    let click = |who| Act::Click { organization: FREIGHT, who };
    for (number, part) in (0_i64..).zip(&HALDEN) {
        // Everyone came now and then; the last time was today, this week, or long ago.
        for days_ago in [70, 45, 27, 15] {
            script.push((day(end, days_ago, 9 + number % 8, number * 7 % 60), click(part.key)));
        }
        let last = match number % 10 {
            0..=3 => end.plus(-(7 + number * 11) * MINUTE),
            4..=6 => end.plus(-(9 + number) * HOUR),
            7 | 8 => day(end, 3 + number % 5, 14, number % 60),
            _ => continue,
        };
        script.push((last, click(part.key)));
    }
    let sign_in = |hours: i64, minutes: i64, who, device| {
        (end.plus(-hours * HOUR - minutes * MINUTE), Act::SignIn { who, device })
    };
    script.extend([
        (end.plus(-27 * HOUR), Act::Click { organization: NORDLICHT_LINIE, who: "amara.okafor" }),
        sign_in(6, 12, "amara.okafor", 0),
        sign_in(0, 41, "amara.okafor", 3),
        sign_in(5, 3, "ingrid.solberg", 1),
        sign_in(3, 30, "lukasz.brandt", 2),
        sign_in(1, 15, "lukasz.brandt", 3),
        sign_in(2, 8, "renee.dubois", 1),
    ]);
    script
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    match act {
        Act::Click { organization, who } => click(stage, organization, who).await,
        Act::SignIn { who, device: number } => {
            let (origin, new) = (stage.origin(who), cookie());
            let cookies = Cookies { new: &new, old: None, device: None };
            let (email, device) = (format!("{who}@halden.example"), device(number, who));
            let _ = sign_in::with_password(&stage.app, &email, password(), &device, &origin, cookies).await?;
            Ok(())
        }
    }
}

/// Those who have not come yet, are suspended or removed click nothing.
async fn click(stage: &mut Stage, organization: &str, who: &str) -> Result {
    let (Ok(organization), Ok(person)) = (stage.organization(organization), stage.person(who)) else {
        return Ok(());
    };
    let now = stage.now();
    let member = users::member_of(&mut stage.app.db.read().await?, organization, person.user).await?;
    if member.is_some_and(|member| member.is_active(now)) {
        let mut tx = stage.app.db.write().await?;
        users::visited(&mut tx, organization, &person, now).await?;
        tx.commit().await?;
    }
    Ok(())
}
