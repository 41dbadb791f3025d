//! Each kind of provider: what it calls a person, and real ones over the whole way.

use serde_json::json;

use super::{DANA, HALDEN, World, dana, in_a_world};
use crate::support::TestApp;
use crate::support::database::{count, texts};
use crate::support::provider::{Kind, Provider, TENANT};
use crate::support::sso::{CLIENT, Connection, SECRET};

in_a_world! {
    /// O3, SSO-08: at Entra a person is the tenant's object, whatever the subject; the tenant is pinned; and an
    /// address counts for a stranger only where Entra vouches for its domain.
    async fn entra_is_tenant_and_object(world: World) {
        let mut world = world;
        world.connect("entra", format!("{}/{TENANT}/v2.0", world.forger.url)).await;
        world.connection.set(&world.app, "admits_newcomers = true").await;
        let entra = |sub: &str, oid: &str| json!({ "sub": sub, "oid": oid, "email": DANA, "name": "Dana Kovač" });
        let mut unvouched = entra("s1", "o1");
        unvouched["xms_edov"] = json!(null);
        world.refuses(403, unvouched.clone()).await.says("xms_edov");
        for not_true in [json!("true"), json!(1), json!("1"), json!(false)] {
            unvouched["xms_edov"] = not_true;
            world.refuses(403, unvouched.clone()).await;
        }
        let mut elsewhere = entra("s1", "o1");
        elsewhere["tid"] = json!("00000000-0000-4000-8000-000000000000");
        world.refuses(403, elsewhere).await.says("tenant");
        let mut nobody = entra("s1", "o1");
        nobody["oid"] = json!(null);
        world.refuses(403, nobody).await;

        world.stranger(entra("s1", "o1")).await.1.leads_to(HALDEN);
        assert_eq!(texts(&world.app, "select subject from identities").await, ["o1"]);
        // Linked, they need no further word for the address; but it must be one of the organization's.
        unvouched["xms_edov"] = json!(null);
        unvouched["sub"] = json!("another application's");
        world.stranger(unvouched.clone()).await.1.leads_to(HALDEN);
        unvouched["email"] = json!("dana@elsewhere.example");
        world.refuses(403, unvouched).await.says("none of the organization's domains");
        assert_eq!(count(&world.app, "users").await, 2);
    }

    /// SSO-07: at Google Workspace the hosted domain of the token decides, however the address looks.
    async fn google_is_the_hosted_domain(world: World) {
        let mut world = world;
        world.connect("google", world.forger.url.clone()).await;
        world.connection.set(&world.app, "admits_newcomers = true").await;
        for hd in [json!(null), json!("elsewhere.example"), json!("sub.halden.example")] {
            let claims = json!({ "sub": "dana", "email": DANA, "hd": hd });
            world.refuses(403, claims).await.says("Google Workspace");
        }
        world.stranger(dana()).await.1.leads_to(HALDEN);
    }
}

/// The whole way with a real provider, of each kind: signing in there and coming back as a newcomer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_provider_of_each_kind() {
    let provider = Provider::start().await;
    let settings =
        [("INTERLOCK_OUTBOUND_ALLOW", provider.origin()), ("INTERLOCK_ENTRA_AUTHORITY", provider.origin())];
    let app = TestApp::with(None, &settings).await;
    provider.set_clock(app.clock.now()).await;
    app.owner().await;
    for (number, (kind, code)) in
        [(Kind::Generic, "oidc"), (Kind::Google, "google"), (Kind::Entra, "entra")].into_iter().enumerate()
    {
        let connection = Connection::new(&app, HALDEN, code, &provider.issuer(kind)).await;
        connection.set(&app, "admits_newcomers = true").await;
        crate::support::database::execute(&app, "delete from domains").await;
        connection.domain(&app, "halden.example", true).await;
        provider.register(CLIENT, SECRET, &format!("{}{}/callback", app.url, connection.path())).await;
        let login = format!("person{number}@halden.example");
        if code == "entra" {
            provider.claims(&login, json!({ "xms_edov": true })).await;
        }
        let mut visitor = app.visitor();
        let to = visitor.get(&connection.path()).await.is(303).location();
        let back = provider.approve(&to, &login).await;
        let back = back.strip_prefix(&app.url).expect("it leads back to us");
        visitor.get(back).await.leads_to(HALDEN);
        visitor.get(HALDEN).await.ok().says(&format!("person{number}"));
        crate::support::database::execute(
            &app,
            &format!("delete from domains where connection = '{}'", connection.id),
        )
        .await;
    }
    assert_eq!(count(&app, "users").await, 4);
}
