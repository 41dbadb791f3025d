//! `interlock rotate-key`

use std::fs;

use interlock::app::check_key_of;
use interlock::domain::rotation::rotate;
use interlock::secrets::{SealError, Sealer};

use super::Said;
use super::backup::stopped;
use crate::support::database::texts;
use crate::support::program::{Place, Server};
use crate::support::{fresh_schema, on_both};

fn run(place: &Place, settings: &[(&str, &str)]) -> Said {
    place.run(&["rotate-key"], settings).into()
}

on_both! {
    /// ASVS 11.2.2: whatever is sealed opens with the new key alone afterwards, in its own place.
    async fn everything_is_sealed_anew(app: TestApp) {
        let mut owner = app.owner().await;
        owner.enable_mfa(&app.clock).await;
        // A mail that waits, and a form that does.
        app.visitor().post("/forgot-password", &[("email", &owner.email)]).await.is(303);
        app.clock.advance(11 * interlock::clock::MINUTE);
        owner.post("/account/email", &[("email", "new@halden.example")]).await.leads_to("/step-up");
        let (old, new) = (&app.app.sealer, &Sealer::new(&[9; 32]));
        let count = rotate(&app.app.db, old, new).await.expect("it is sealed anew");
        let mut seen = 0;
        for (place, query) in [
            ("authenticators.secret", "select id || '|' || secret from authenticators"),
            ("mail_outbox.body", "select id || '|' || body from mail_outbox where body is not null"),
            ("pending_forms.fields", "select id || '|' || fields from pending_forms"),
        ] {
            let rows = texts(&app, query).await;
            assert!(!rows.is_empty(), "{place}");
            for row in rows {
                let (id, sealed) = row.split_once('|').expect("two columns");
                assert!(new.open(&format!("{place}:{id}"), sealed).is_ok(), "{place}");
                assert!(matches!(old.open(&format!("{place}:{id}"), sealed), Err(SealError::OtherKey(_))));
                seen += 1;
            }
        }
        assert_eq!(count, seen);
        assert!(check_key_of(&app.app.db, new).await.is_ok());
        assert!(check_key_of(&app.app.db, old).await.is_err());
        // With a key that is not in force nothing is changed.
        assert!(rotate(&app.app.db, old, &Sealer::new(&[8; 32])).await.is_err());
        assert!(check_key_of(&app.app.db, new).await.is_ok());
    }
}

/// The key's file gets a new one, and old ones are kept for old backups. Cut off anywhere, it is run again; nothing
/// is removed before the key in force is known.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_file_is_replaced() {
    let place = stopped().await;
    let (key, new) = (place.0.join("data/secret.key"), place.0.join("data/secret.key.new"));
    let kept = || {
        let names = fs::read_dir(place.0.join("data")).expect("the folder can be read");
        let paths = names.map(|name| name.expect("it can be read").path());
        let kept = paths.filter(|path| path.display().to_string().contains("secret.key.until-"));
        kept.map(|path| fs::read_to_string(path).expect("it can be read")).collect::<Vec<_>>()
    };
    let read = |path: &std::path::Path| fs::read_to_string(path).expect("there is a key");
    let before = read(&key);
    let said = run(&place, &[]).ok();
    assert!(said.contains("secret.key.until-"), "{said}");
    let after = read(&key);
    assert_ne!(before, after);
    assert_eq!(kept(), std::slice::from_ref(&before));
    assert!(!new.exists());
    assert_eq!(crate::start::mode(&key), 0o600);

    // Cut off between the database and the names: it does not start, and says how it goes on.
    let list = || Said::from(place.run(&["user", "list"], &[]));
    fs::rename(&key, &new).expect("it is renamed");
    fs::write(&key, &before).expect("it is written");
    list().fails(1, "run it again");
    run(&place, &[]).ok();
    assert_eq!((read(&key), new.exists()), (after.clone(), false));
    list().ok();
    // The same where the old key's name is gone already: no key is made up meanwhile.
    fs::rename(&key, &new).expect("it is renamed");
    Said::from(place.run(&["migrate"], &[])).fails(1, "");
    assert!(!key.exists(), "none is made up");
    run(&place, &[]).ok();
    assert_eq!(read(&key), after);
    // Cut off while the new key was written, or before anything was sealed with it: it is nobody's.
    for left in ["half a k", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"] {
        fs::write(&new, left).expect("it is written");
        run(&place, &[]).ok();
        assert!(!new.exists());
    }
    // With neither of them nothing is removed.
    let last = read(&key);
    fs::write(&new, &last).expect("it is written");
    fs::rename(&key, place.0.join("aside")).expect("it is renamed");
    fs::write(&key, &before).expect("it is written");
    run(&place, &[]).ok();
    assert_eq!(read(&key), last);
    fs::write(&new, &before).expect("it is written");
    fs::write(&key, &after).expect("it is written");
    run(&place, &[]).fails(1, "another key");
    assert_eq!(read(&new), before);
    fs::write(&key, &last).expect("it is written");
    fs::remove_file(&new).expect("it is removed");

    let server = Server::start(&place, &[]).await;
    run(&place, &[]).fails(1, "already runs");
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
}

/// A key in the settings is replaced by another one there.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_settings_is_replaced() {
    let place = stopped().await;
    let key = fs::read_to_string(place.0.join("data/secret.key")).expect("there is a key");
    let new = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
    run(&place, &[("INTERLOCK_SECRET_KEY", &key)]).fails(2, "INTERLOCK_NEW_SECRET_KEY");
    let both = [("INTERLOCK_SECRET_KEY", key.as_str()), ("INTERLOCK_NEW_SECRET_KEY", new)];
    run(&place, &both).ok();
    run(&place, &both).fails(1, "another key");
    let with = |key| Said::from(place.run(&["user", "list"], &[("INTERLOCK_SECRET_KEY", key)]));
    with(&key).fails(1, "another key");
    with(new).ok();
}

/// On PostgreSQL no replica may run meanwhile: it would go on with the old key.
#[tokio::test(flavor = "multi_thread")]
async fn no_replica_runs_meanwhile() {
    let place = Place::new();
    let url = fresh_schema().await;
    let settings = [("INTERLOCK_DATABASE_URL", url.as_str())];
    let server = Server::start(&place, &settings).await;
    let key = place.0.join("data/secret.key");
    let before = fs::read_to_string(&key).expect("there is a key");
    run(&place, &settings).fails(1, "Stop every replica first");
    assert_eq!(fs::read_to_string(&key).expect("there is a key"), before);
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    run(&place, &settings).ok();
    assert_ne!(fs::read_to_string(&key).expect("there is a key"), before);
    let server = Server::start(&place, &settings).await;
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
}
