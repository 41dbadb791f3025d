//! The sign-in pages: the address first, and an organization's own door.

use super::{DANA, HALDEN, World, in_a_world};
use crate::support::PASSWORD;
use crate::support::database::execute;

in_a_world! {
    /// S4: the second step is the same for each address of a domain, known or not: the provider first where the
    /// domain is proven, and all other ways below it.
    async fn the_second_step_tells_nothing_of_an_address(world: World) {
        let app = &world.app;
        let step = |email: &'static str| async move {
            let answer = app.visitor().post("/sign-in", &[("email", email), ("next", "/o/halden-freight")]).await.ok();
            let hides = |text: &str| text.replace(email, "…").replace(&email.replace('@', "%40"), "…");
            hides(&answer.body)
        };
        let known = step("amara@halden.example").await;
        assert_eq!(known, step("nobody@halden.example").await);
        assert!(known.contains("Continue with Halden ID") && known.contains("type=\"password\""), "{known}");
        assert!(known.find("Continue with Halden ID") < known.find("type=\"password\""));
        assert!(known.contains(&format!("{}?next=%2Fo%2Fhalden-freight&#38;email=…", world.connection.path())), "{known}");
        let other = step("bo@brightwater.example").await;
        assert_eq!(other, step("nobody@sub.halden.example").await);
        assert!(!other.contains("Halden ID"));
        for off in ["update domains set verified_at = null", "update domains set verified_at = 1; update connections set enabled = false"] {
            execute(app, off).await;
            assert_eq!(step("amara@halden.example").await, other);
        }
        // Both at once, as password managers post them, sign in at once.
        app.visitor().sign_in("amara@halden.example", PASSWORD).await.leads_to("/");
        let mut wrong = app.visitor();
        wrong.sign_in(DANA, "not the right words").await.is(422).says("do not match");
    }

    /// S4, TEN-05: an organization's door looks alike whether there is one, a deleted one, or none; only an enabled
    /// connection says its name.
    async fn an_organizations_door(world: World) {
        let app = &world.app;
        let door = |slug: &'static str| async move {
            let answer = app.visitor().get(&format!("/o/{slug}/sign-in?next=/o/{slug}/users")).await.ok();
            answer.body.replace(slug, "…")
        };
        let open = door("halden-freight").await;
        assert!(open.contains("Continue with Halden ID") && !open.contains("Halden Freight"), "{open}");
        let nowhere = door("nowhere").await;
        execute(app, "update connections set enabled = false").await;
        assert_eq!(door("halden-freight").await, nowhere);
        execute(app, "update connections set enabled = true; update organizations set closed_at = 1").await;
        assert_eq!(door("halden-freight").await, nowhere);
        app.visitor().get("/o/..%2F%22%3E/sign-in").await.ok().says("Continue");
    }

    /// SSO-13: where someone wanted to go survives the round trip, if it is a path of ours.
    async fn the_way_back_stays_ours(world: World) {
        let app = &world.app;
        world.newcomer().await;
        for (next, to) in [
            ("/o/halden-freight/roles?x=1", "/o/halden-freight/roles?x=1"),
            ("", HALDEN),
            ("https://evil.example", HALDEN),
            ("//evil.example", HALDEN),
            ("/%5Cevil.example", "/%5Cevil.example"),
            ("/\\evil.example", HALDEN),
        ] {
            let next = url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
            let way = format!("{}?next={next}&email=dana%40halden.example", world.connection.path());
            let mut visitor = app.visitor();
            let answer = world.connection.come_from(app, &world.forger, &mut visitor, &way, &crate::sso::dana()).await;
            assert_eq!(answer.location(), to, "{next}");
        }
    }
}
