//! The house keeps its shape: which way imports run, where SQL stands, what templates may hold.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a folder with this ending: its path from the root, and its text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let name = path.strip_prefix(root()).expect("it is under the root").display().to_string();
                found.push((name, fs::read_to_string(&path).expect("it is text")));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    found.sort();
    assert!(!found.is_empty(), "there is nothing in {folder}");
    found
}

/// Without the tests at a file's end, and without comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The features that a file names after `crate::domain::`, in paths and in `use` groups.
fn features_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for rest in code.split("crate::domain::").skip(1) {
        match rest.strip_prefix('{') {
            None => {
                named.extend(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned))
            }
            Some(group) => {
                let group = group.split("};").next().unwrap_or_default();
                let mut depth = 0;
                let outer = group.split_inclusive([',', '{', '}']).map(|part| {
                    let at = depth;
                    depth += part.matches('{').count();
                    depth -= part.matches('}').count();
                    (at, part)
                });
                let names = outer.filter(|(at, _)| *at == 0);
                named.extend(names.map(|(_, part)| {
                    part.trim()
                        .trim_end_matches(['{', ',', '}', ':'])
                        .split("::")
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                }));
            }
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

#[test]
fn imports_run_one_way() {
    for (name, text) in files("src", "rs") {
        let code = code(&text);
        let forbid = |words: &[&str]| {
            for word in words {
                assert!(!code.contains(word), "{name} must not know {word}");
            }
        };
        if name.starts_with("src/storage/") {
            forbid(&["crate::domain", "crate::mail", "crate::web", "crate::cli", "axum", "askama"]);
        } else if name.starts_with("src/mail/") {
            forbid(&["crate::domain", "crate::web", "crate::cli", "axum"]);
        } else if name.starts_with("src/oidc/") || name.starts_with("src/outbound/") {
            forbid(&[
                "crate::domain",
                "crate::mail",
                "crate::storage",
                "crate::web",
                "crate::cli",
                "axum",
                "askama",
            ]);
        } else if name.starts_with("src/domain/") {
            forbid(&[
                "crate::web",
                "crate::cli",
                "crate::demo",
                "axum",
                "askama",
                "tower_sessions",
                "StatusCode",
            ]);
        } else if name.starts_with("src/cli/") || name.starts_with("src/demo/") {
            forbid(&["crate::web", "axum", "askama", "tower_sessions"]);
        } else if name.starts_with("src/web/") {
            forbid(&["crate::cli", "crate::demo"]);
        }
    }
}

/// The order stands in the doc comment of `src/domain/mod.rs`.
#[test]
fn features_import_only_those_before_them() {
    let map = fs::read_to_string(root().join("src/domain/mod.rs")).expect("the map can be read");
    let comment: String =
        map.lines().filter_map(|line| line.strip_prefix("//!")).collect::<Vec<_>>().join(" ");
    let list = comment.rsplit(':').next().expect("the map has a list");
    let order: Vec<&str> = list.split(',').map(str::trim).collect();
    for module in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = module.trim_end_matches(';');
        assert!(order.contains(&module), "{module} has its place in the order");
    }
    for (name, text) in files("src/domain", "rs") {
        let feature = name.trim_start_matches("src/domain/").split(['/', '.']).next().unwrap_or_default();
        let Some(place) = order.iter().position(|other| *other == feature) else { continue };
        for other in features_named(&code(&text)) {
            let at = order.iter().position(|feature| *feature == other);
            let at = at.unwrap_or_else(|| panic!("{name} names crate::domain::{other}, which is no feature"));
            assert!(at <= place, "{name} imports {other}, which comes after {feature}");
        }
    }
}

#[test]
fn queries_stand_in_storage_and_sql_files_alone() {
    let marks = [
        "sqlx::query",
        "QueryBuilder",
        "fetch_one!(",
        "fetch_optional!(",
        "fetch_all!(",
        "execute!(",
        "execute_both!(",
    ];
    for (name, text) in files("src", "rs") {
        let code = code(&text);
        let may = name.starts_with("src/storage/") || name.ends_with("/sql.rs");
        for mark in marks {
            assert!(may || !code.contains(mark), "{name} holds a query: {mark}");
        }
        if name.ends_with("/sql.rs") {
            assert!(
                !code.contains("\npub fn") && !code.contains("\npub async fn"),
                "{name}: a feature's SQL is its own"
            );
            assert!(!code.contains("format!("), "{name} builds a query from text");
        }
        assert!(
            !code.contains("pub mod sql") && !code.contains("pub(crate) mod sql"),
            "{name} opens its SQL to others"
        );
    }
}

/// The CSP forbids inline script and style. Mail has no style sheets and needs its styles inline.
#[test]
fn templates_hold_no_inline_script_or_style() {
    for (name, text) in files("templates", "html") {
        if name.starts_with("templates/mail/") {
            continue;
        }
        for mark in [
            " style=",
            "<style",
            "<script>",
            "hx-on",
            "javascript:",
            " onclick=",
            " onchange=",
            " onsubmit=",
            "js:",
        ] {
            assert!(!text.contains(mark), "{name} holds {mark}");
        }
        let raw = text.contains("|safe");
        assert!(!raw || name == "templates/macros/ui.html", "{name} puts out unescaped text");
    }
}

#[test]
fn every_template_is_used() {
    let mut named = String::new();
    for (_, text) in files("src", "rs").into_iter().chain(files("templates", "html")) {
        named.push_str(&text);
    }
    for (name, _) in files("templates", "html").into_iter().chain(files("templates", "txt")) {
        let short = name.trim_start_matches("templates/");
        assert!(named.contains(&format!("\"{short}\"")), "nothing uses {name}");
    }
}

/// What the product was asked to be built with, as far as it is built: the others come with what needs them.
#[test]
fn the_crates_that_were_asked_for_are_direct_dependencies() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest can be read");
    let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let dependencies = dependencies.expect("there are dependencies");
    for name in ["axum", "askama", "tower-sessions", "sqlx", "argon2", "oauth2", "lettre", "time"] {
        assert!(
            dependencies.lines().any(|line| line.starts_with(&format!("{name} = "))),
            "{name} is missing"
        );
    }
}

/// Only our own files are read by a visitor's browser (ASVS 3.6.1).
#[test]
fn nothing_is_loaded_from_elsewhere() {
    for (name, text) in files("templates", "html").into_iter().chain(files("static", "css")) {
        for part in text.split("http").skip(1) {
            let address = part.split(['"', '\'', ' ', ')']).next().unwrap_or_default();
            let harmless =
                !address.starts_with("://") && !address.starts_with("s://") || address.contains("www.w3.org");
            assert!(harmless || name.contains("basecoat"), "{name} names http{address}");
        }
    }
}

/// ASVS 6.1.1: the documented budgets are those in force.
#[test]
fn the_documented_budgets_are_true() {
    use interlock::clock::{DAY, HOUR, MINUTE};
    use interlock::domain::throttle;

    let page = fs::read_to_string(root().join("docs/security.md")).expect("the page can be read");
    for budget in throttle::ALL {
        let window = match budget.window {
            DAY => "24 hours".to_owned(),
            HOUR => "1 hour".to_owned(),
            i64::MAX => "ever, until success or reset".to_owned(),
            span => format!("{} minutes", span / MINUTE),
        };
        let row = format!("| `{}` | {} | {window} |", budget.name, budget.tries);
        assert!(page.contains(&row), "{row} is not in docs/security.md");
    }
    assert_eq!(page.matches("| `").count(), throttle::ALL.len());
}

/// A person's list of their mail says of each kind what it was for.
#[test]
fn every_kind_of_mail_has_its_words() {
    let words =
        fs::read_to_string(root().join("src/web/pages/account/mail.rs")).expect("the page can be read");
    let mut kinds = 0;
    for (name, text) in files("src/domain", "rs") {
        for kind in code(&text).split("        kind: \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(words.contains(&format!("\"{kind}\"")), "{kind} of {name} has no words");
            kinds += 1;
        }
    }
    assert!(kinds > 10, "the kinds are found");
}

/// Every setting is in the table of docs/running.md, and nothing else is.
#[test]
fn the_documented_settings_are_true() {
    let page = fs::read_to_string(root().join("docs/running.md")).expect("the page can be read");
    for setting in interlock::config::SETTINGS {
        assert!(
            page.contains(&format!("| `{}` |", setting.variable())),
            "{} is not documented",
            setting.name
        );
    }
    assert_eq!(page.matches("| `INTERLOCK_").count(), interlock::config::SETTINGS.len());
}

/// A new place for sealed texts is sealed anew with another key too.
#[test]
fn whatever_is_sealed_is_sealed_anew() {
    let mut places: Vec<String> = Vec::new();
    for (name, text) in files("src", "rs") {
        if name.starts_with("src/domain/rotation") {
            continue;
        }
        for rest in code(&text).split("format!(\"").skip(1) {
            // "table.column:{id}": what `seal` and `open` are told.
            let Some((place, rest)) = rest.split_once(':') else { continue };
            let is_place = rest.starts_with('{')
                && place.split('.').count() == 2
                && place.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
            if is_place {
                places.push(place.to_owned());
            }
        }
    }
    places.sort();
    places.dedup();
    assert!(places.len() >= 4, "{places:?}");
    let sealed = interlock::domain::rotation::columns();
    for place in places {
        assert!(sealed.contains(&place), "{place} is sealed, and `rotate-key` does not know it");
    }
}
