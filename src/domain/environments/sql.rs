use super::Environment;
use crate::ids::OrganizationId;
use crate::storage::{Lends, fetch_optional};

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
) -> sqlx::Result<Option<Environment>> {
    fetch_optional!(
        on,
        Environment,
        "select slug, name, color from environments where organization = $1 and slug = $2",
        organization,
        slug
    )
}
