//! An organization to look around in: three months of its past, played through the same functions that
//! the pages call, on a clock that is set back and moved. So its rules hold, its counters fit and its
//! audit chains verify.
//!
//! What happens is a list of steps, each at its time. A feature adds a file with its own list and what
//! its steps do, and a line in [`script`] and in [`play`].

mod cast;
mod factors;
mod keys;
mod people;
mod permissions;
mod resources;
mod sso;
mod stage;
mod teams;
mod visits;

use self::stage::{Result, Stage};
use crate::app::{self, App};
use crate::clock::{Clock, DAY, Timestamp};
use crate::config::{Config, SignUp};
use crate::domain::audit::{self, Verdict};
use crate::domain::organizations;
use crate::domain::users;
use crate::mail::Transport;

/// Everyone's. Whoever runs the demonstration reads it on the screen.
const PASSWORD: &str = "seven quiet cranes at dawn";
/// How far back it begins.
const PAST: i64 = 92 * DAY;

enum Step {
    People(people::Act),
    Factor(factors::Act),
    Visit(visits::Act),
    Sso(sso::Act),
    Team(teams::Act),
    Resource(resources::Act),
    Key(keys::Act),
    Permission(permissions::Act),
}

/// All that happens, in the order of time.
fn script(end: Timestamp) -> Vec<(Timestamp, Step)> {
    let people = people::script(end).into_iter().map(|(at, act)| (at, Step::People(act)));
    let visits = visits::script(end).into_iter().map(|(at, act)| (at, Step::Visit(act)));
    let factors = factors::script(end).into_iter().map(|(at, act)| (at, Step::Factor(act)));
    let sso = sso::script(end).into_iter().map(|(at, act)| (at, Step::Sso(act)));
    let teams = teams::script(end).into_iter().map(|(at, act)| (at, Step::Team(act)));
    let resources = resources::script(end).into_iter().map(|(at, act)| (at, Step::Resource(act)));
    let permissions = permissions::script(end).into_iter().map(|(at, act)| (at, Step::Permission(act)));
    let keys = keys::script(end).into_iter().map(|(at, act)| (at, Step::Key(act)));
    let ours = people.chain(factors).chain(visits).chain(sso).chain(teams).chain(resources);
    let mut steps: Vec<(Timestamp, Step)> = ours.chain(permissions).chain(keys).collect();
    steps.sort_by_key(|(at, _)| *at);
    steps
}

async fn play(stage: &mut Stage, step: Step) -> Result {
    match step {
        Step::People(act) => people::play(stage, act).await,
        Step::Factor(act) => factors::play(stage, act).await,
        Step::Visit(act) => visits::play(stage, act).await,
        Step::Sso(act) => sso::play(stage, act).await,
        Step::Team(act) => teams::play(stage, act).await,
        Step::Resource(act) => resources::play(stage, act).await,
        Step::Key(act) => keys::play(stage, act).await,
        Step::Permission(act) => permissions::play(stage, act).await,
    }
}

/// Fills a fresh database, and says whom to sign in as.
pub async fn run(mut config: Config, force: bool) -> Result<String> {
    if !force && (config.smtp_url.is_some() || !config.base_url.is_loopback()) {
        return Err("The demonstration is for a machine of one's own: everyone in it has the same, known password. Here \
                    mail goes out, or others reach it. Give --force to go on."
            .into());
    }
    // Its Owners sign up, whoever may do so afterwards.
    config.sign_up = SignUp::Open;
    let _alone = app::alone(&config)?;
    let end = Clock::system().now();
    let clock = Clock::fixed(end.plus(-PAST));
    let postman = Transport::nowhere(&config, &people::NO_MAILBOX)?;
    let app = App::start(config, clock.clone()).await?;
    if users::any(&mut app.db.read().await?).await? {
        return Err(format!(
            "There are accounts in {} already. The demonstration needs a fresh database: \
             set INTERLOCK_DATA_DIR to an empty folder.",
            app.config.database_url
        )
        .into());
    }
    let mut stage = Stage::new(app, clock, postman);
    for (at, step) in script(end) {
        stage.until(at);
        play(&mut stage, step).await?;
        stage.mail().await?;
    }
    stage.until(end);
    let rows = verified(&stage.app).await?;
    let freight = stage.organization(people::FREIGHT)?;
    let freight = organizations::by_id(&mut stage.app.db.read().await?, freight).await?;
    stage.app.db.close().await;
    Ok(farewell(&stage.app, freight.people, rows))
}

/// How many audit rows there are, all in whole chains.
async fn verified(app: &App) -> Result<i64> {
    let mut rows = 0;
    for known in audit::chains(&app.db).await? {
        match audit::verify(&app.db, known.chain).await? {
            Verdict::Whole { rows: whole } => rows += whole,
            Verdict::Broken { seq, why } => {
                return Err(format!("The demonstration's audit log is broken at row {seq}: {why}.").into());
            }
        }
    }
    Ok(rows)
}

fn farewell(app: &App, people: i64, rows: i64) -> String {
    let guests = [
        ("Owner", "amara.okafor@halden.example", "Amara Okafor, also a Member of Nordlicht Reederei"),
        ("Admin", "ingrid.solberg@halden.example", "Ingrid Solberg"),
        ("Developer", "lukasz.brandt@halden.example", "Łukasz Brandt"),
        ("Member", "olafur.jonsson@halden.example", "Ólafur Jónsson"),
        ("Reviewer", "siobhan.nibhriain@halden.example", "Siobhán Ní Bhriain"),
        ("Auditor", "renee.dubois@halden.example", "Renée Dubois"),
    ];
    let mut said = format!("Halden Freight is there, with {people} people, and {rows} audit rows.\n\n");
    said +=
        &format!("Start it with `cargo run` (or `interlock`) and sign in at {} as\n\n", app.url("/sign-in"));
    for (role, email, name) in guests {
        said += &format!("  {role:<10} {email:<34} {name}\n");
    }
    said + &format!("\nThe password of each is: {PASSWORD}\n")
}
