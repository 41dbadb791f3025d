//! What the audit log says of a connection. Never a secret.

use crate::domain::audit::{Entry, Kind};
use crate::domain::sso::Connection;

/// Field → value, in words.
fn facts(connection: &Connection) -> [(&'static str, String); 10] {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let Connection { tenant, hosted_domain, .. } = connection;
    let newcomers = match connection.admits_newcomers {
        true => format!("admitted as {}", connection.newcomer_role),
        false => "only who is invited".to_owned(),
    };
    [
        ("name", connection.name.clone()),
        ("issuer", connection.issuer.clone()),
        ("tenant", tenant.clone().unwrap_or_default()),
        ("allowed domain", hosted_domain.clone().unwrap_or_default()),
        ("client id", connection.client_id.clone()),
        ("scopes", connection.scopes.clone()),
        ("enabled", yes(connection.enabled)),
        ("newcomers", newcomers),
        ("provider enforces mfa", yes(connection.enforces_mfa)),
        ("provider", connection.kind.name().to_owned()),
    ]
}

fn entry(kind: Kind, connection: &Connection) -> Entry {
    Entry::new(kind, connection.id, &connection.name)
}

pub(super) fn added(connection: &Connection) -> Entry {
    let facts = facts(connection).into_iter().filter(|(_, value)| !value.is_empty());
    facts.fold(entry(Kind::ConnectionAdded, connection), |entry, (field, value)| entry.with(field, value))
}

/// Nothing, if nothing changed.
pub(super) fn changed(before: &Connection, after: &Connection, secret_replaced: bool) -> Option<Entry> {
    let mut changed = entry(Kind::ConnectionChanged, after);
    for ((field, old), (_, new)) in facts(before).into_iter().zip(facts(after)) {
        if old != new {
            changed = changed.changed(field, old, new);
        }
    }
    if secret_replaced {
        changed = changed.with("client secret", "replaced");
    }
    (!changed.changes.is_empty()).then_some(changed)
}

pub(super) fn removed(connection: &Connection, linked: i64, domains: &[String]) -> Entry {
    let entry = entry(Kind::ConnectionRemoved, connection)
        .without("issuer", &connection.issuer)
        .without("linked people", linked);
    if domains.is_empty() { entry } else { entry.without("domains", domains.join(", ")) }
}
