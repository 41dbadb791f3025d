//! The source's JSON, pasted and given back.

use super::*;
use crate::support::keys;
use crate::support::{everything, on_both};

/// The attributes and the example of the source's own page.
const SOURCE: &str = r#"{
  "resource": "permission",
  "scopes": {
    "source_type:icloud.account": [
      {
        "level": "user",
        "type": "count",
        "value": 3
      }
    ]
  }
}"#;

on_both! {
    /// L, L2: the source's document makes a permission, is shown back, and changes one as it was shown.
    async fn the_sources_document_is_taken_and_given_back(app: TestApp) {
        let mut owner = app.owner().await;
        let new = format!("{PERMISSIONS}/new/json");
        owner.get(&new).await.ok().says("iCloud import");
        owner.post(&new, &[("document", SOURCE)]).await.is(422).says("/name: A new permission has a name.").says("Nothing was saved");
        let named = SOURCE.replacen('{', "{\n  // ours\n  name: 'iCloud import',", 1);
        let path = owner.post(&new, &[("document", &named), ("act", "show")]).await.is(303).location();
        let scopes = r#"{"source_type:icloud.account":[{"level":"user","type":"count","value":3}]}"#;
        assert_eq!(stored(&app, "iCloud import").await, scopes);
        let page = owner.get(&path).await.ok();
        let id = path.rsplit('/').next().expect("it ends with the id").to_owned();
        let written = crate::support::page::between(&page.body, "data-copy=\"", "\"")[0].replace("&#34;", "\"").replace("&quot;", "\"");
        let value: serde_json::Value = serde_json::from_str(&written).expect("it is JSON");
        assert_eq!((&value["id"], &value["resource"], &value["name"]), (&id.into(), &"permission".into(), &"iCloud import".into()));
        assert_eq!(value["scopes"].to_string(), scopes);
        assert!(written.find("\"id\"") < written.find("\"resource\"") && written.find("\"resource\"") < written.find("\"organisation\""));
        // Pasted as it is, it changes nothing; the source's own form keeps the name.
        let json = format!("{path}/json");
        owner.post(&json, &[("document", &written), ("act", "show")]).await.ok().says("Nothing changes");
        let wider = SOURCE.replace("\"value\": 3", "\"value\": 2");
        let before = everything(&app).await;
        let shown = owner.post(&json, &[("document", &wider), ("act", "show")]).await.ok().says("Lost").says("each user: 3 ever → each user: 2 ever");
        assert_eq!(everything(&app).await, before);
        let digest = digest(&shown);
        owner.post(&json, &[("document", &wider), ("act", "edit"), ("digest", &digest)]).await.ok().says("Edit iCloud import");
        owner.post(&json, &[("document", SOURCE), ("act", "save"), ("digest", &digest)]).await.is(409).says("Nothing changes");
        assert_eq!(everything(&app).await, before);
        owner.post(&json, &[("document", &wider), ("act", "save"), ("digest", &digest)]).await.leads_to(&path);
        assert_eq!(stored(&app, "iCloud import").await, scopes.replace('3', "2"));
    }

    /// LIM-07, INJ-04: what is wrong is said by its pointer, all at once, and what was typed is kept.
    async fn what_is_wrong_is_said_by_its_pointer(app: TestApp) {
        let mut owner = app.owner().await;
        let id = keys::permission(&app, "halden-freight", "Taken", "{}").await;
        let other = keys::permission(&app, "halden-freight", "Other", "{}").await;
        keys::set_base(&app, "halden-freight", r#"{"source_type:*":[{"level":"key","type":"count","value":5}]}"#).await;
        let before = everything(&app).await;
        let new = format!("{PERMISSIONS}/new/json");
        for (document, says) in [
            ("", "Paste a permission."),
            ("{", "This can’t be read as JSON or JSON5"),
            ("{name: 'A', scopes: {}, role: 'owner'}", "/role: This field is not known. There are id, resource, organisation, name, scopes."),
            ("{name: 'A', scopes: {}, id: '01a20000-0000-7000-8000-000000000000'}", "/id: A new permission gets its id here."),
            ("{name: 'A', scopes: {}, organisation: 'brightwater'}", "/organisation: This organization is"),
            ("{name: 'A', scopes: {'source_type:a': [{level: 'key', type: 'count', value: 1.5}]}}", "/scopes/source_type:a/0/value: value is a whole number"),
            ("{name: 'A', scopes: {'source_type:a': [{level: 'key', type: 'count', value: 6}]}}", "/scopes/source_type:a/0/value: The base permission of this organization allows each key: 5 ever."),
            ("{name: 'A', scopes: {'task_type:a': []}}", "/scopes/task_type:a: The base permission of this organization grants no task_type."),
            ("{name: 'taken', scopes: {}}", "/name: Another permission of this organization has this name"),
            ("{name: 'A', scopes: {'x': [], 'source_type:a/b': 3}}", "/scopes/source_type:a~1b"),
        ] {
            let page = owner.post(&new, &[("document", document), ("act", "show")]).await.is(422).says(says);
            assert!(page.body.contains("<title>Error: ") && page.text().contains(document.split_whitespace().next().unwrap_or_default()));
        }
        let json = format!("{PERMISSIONS}/{id}/json");
        owner.post(&json, &[("document", &format!("{{id: '{other}', scopes: {{}}}}"))]).await.is(422).says(&format!("/id: This is the permission {id}."));
        owner.post(&json, &[("document", "{name: 'OTHER', scopes: {}}")]).await.is(422).says("/name: Another permission");
        assert_eq!(everything(&app).await, before);
    }
}
