use super::TestApp;
use super::database::texts;

/// All that a change of access, an invitation or an account could touch: equal before and after
/// means that nothing has happened.
pub async fn everything(app: &TestApp) -> Vec<String> {
    let mut all = Vec::new();
    for query in [
        "select organization || user_id || role || coalesce(role_by, '') || cast(role_since as text) || state \
         || coalesce(state_by, '') || cast(state_since as text) || name || cast(joined_at as text) \
         || cast(proofs_after as text) || coalesce(cast(ends_at as text), '') || coalesce(mfa_mail_due, '') from memberships \
         order by organization, user_id",
        "select id || email || role || state || inviter || note || cast(expires_at as text) \
         || coalesce(mail, '') || coalesce(cast(notice_confirmed_at as text), '') from invitations order by id",
        "select batch || cast(position as text) || email || state from invitation_batch_lines order by batch, position",
        "select token_hash || invitation || kind || coalesce(cast(replaced_at as text), '') \
         from invitation_tokens order by token_hash",
        "select invitation || code from invitation_codes order by invitation",
        "select id || email || email_canonical || name || time_zone || theme || coalesce(password_hash, '') \
          from users order by id",
        "select organization || user_id || email || search from memberships order by organization, user_id",
        "select token_hash || user_id || new_email || coalesce(cast(closed_at as text), '') || '/' \
          || coalesce(cast(confirmed_at as text), '') || '/' || coalesce(cast(undo_until as text), '') || '/' \
          || coalesce(cast(undone_at as text), '') from email_changes order by token_hash",
        "select id || inviter || coalesce(cast(finished_at as text), '') from invitation_batches order by id",
        "select id || slug || name || cast(people as text) || cast(pending as text) \
         || coalesce(cast(closed_at as text), '') || coalesce(cast(erased_at as text), '') from organizations order by id",
        "select id || mfa || coalesce(cast(mfa_from as text), '') || mfa_before || cast(mfa_notice as text) || '/' \
         || cast(session_idle as text) || '/' || cast(session_absolute as text) || '/' \
         || cast(remembers_devices as text) || cast(shortest_password as text) from organizations order by id",
        "select id || cast(sso_required as text) from organizations order by id",
        "select organization || user_id || cast(break_glass as text) from memberships order by organization, user_id",
        "select id || organization || kind || name || issuer || coalesce(tenant, '') || coalesce(hosted_domain, '') \
         || client_id || client_secret || scopes || cast(enabled as text) || cast(admits_newcomers as text) \
         || newcomer_role || cast(enforces_mfa as text) || cast(changed_at as text) from connections order by id",
        "select id || organization || connection || domain || record || coalesce(cast(verified_at as text), '') || '/' \
         || coalesce(cast(failing_since as text), '') from domains order by id",
        "select slug || organization from organization_slugs order by slug",
        "select id || token_hash || user_id || coalesce(cast(ended_at as text), '') from sessions order by id",
        "select token_hash || email_canonical || password_hash || coalesce(cast(used_at as text), '') \
         from pending_sign_ups order by token_hash",
        "select token_hash || email_canonical || coalesce(cast(used_at as text), '') from password_resets \
         order by token_hash",
        "select id || recipient || subject from mail_outbox order by id",
        "select chain || cast(seq as text) || hash from audit_heads order by chain",
        "select chain || cast(seq as text) || hash from audit_events order by chain, seq",
    ] {
        all.extend(texts(app, query).await);
    }
    all
}
