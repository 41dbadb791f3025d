use super::Standing;
use crate::storage::{Lends, fetch_all, fetch_optional};

pub(super) async fn all(on: &mut impl Lends, after: &str, limit: i64) -> sqlx::Result<Vec<Standing>> {
    fetch_all!(
        on,
        Standing,
        "select id, slug, name, people, pending, created_at, closed_at, erased_at from organizations \
         where slug > $1 order by slug limit $2",
        after,
        limit
    )
}

pub(super) async fn with_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<Standing>> {
    fetch_optional!(
        on,
        Standing,
        "select o.id, o.slug, o.name, o.people, o.pending, o.created_at, o.closed_at, o.erased_at \
         from organization_slugs s join organizations o on o.id = s.organization where s.slug = $1",
        slug
    )
}
