-- One text for SQLite and PostgreSQL: text, bigint and boolean only. Times are milliseconds, ids are UUIDs as text.

-- One row: what belongs to the installation itself.
create table instance (
    id bigint primary key check (id = 1),
    sealed_check text not null,
    setup_token_hash text,
    created_at bigint not null
);

-- The newest row of each audit chain: an organization's, or the instance's ('instance').
-- Whoever changes an organization locks its head first, so that its changes are serial.
create table audit_heads (
    chain text primary key,
    seq bigint not null,
    hash text not null
);

insert into audit_heads (chain, seq, hash) values ('instance', 0, '');

create table audit_events (
    chain text not null references audit_heads (chain),
    seq bigint not null,
    at bigint not null,
    kind text not null,
    operator_id text,
    operator_name text not null,
    target_id text,
    target_name text not null,
    changes text not null,
    address text,
    request text,
    hash text not null,
    primary key (chain, seq)
);

create index audit_events_by_kind on audit_events (chain, kind, seq);
create index audit_events_by_operator on audit_events (chain, operator_id, seq);
create index audit_events_by_target on audit_events (chain, target_id, seq);

create table organizations (
    id text primary key,
    slug text not null unique,
    name text not null,
    created_at bigint not null
);

create table users (
    id text primary key,
    email text not null,
    email_canonical text not null unique,
    name text not null,
    password_hash text,
    password_changed_at bigint not null,
    created_at bigint not null
);

-- name, email and search are copied from the user, so that the list's keyset has an index.
create table memberships (
    organization text not null references organizations (id),
    user_id text not null references users (id),
    role text not null check (role in ('owner', 'admin', 'developer', 'member', 'reviewer', 'auditor')),
    state text not null check (state in ('active', 'suspended', 'removed')),
    ends_at bigint,
    proofs_after bigint not null default 0,
    joined_at bigint not null,
    last_active_at bigint not null,
    name text not null,
    name_key text not null,
    email text not null,
    search text not null,
    primary key (organization, user_id)
);

create index memberships_by_user on memberships (user_id);
create index memberships_by_name on memberships (organization, name_key, user_id);
create index memberships_by_role on memberships (organization, role, name_key, user_id);
create index memberships_by_state on memberships (organization, state, name_key, user_id);
create index memberships_by_joining on memberships (organization, joined_at, user_id);
create index memberships_by_activity on memberships (organization, last_active_at, user_id);

-- token_hash is the hash of the cookie's value: a copy of the database opens no session.
create table sessions (
    id text primary key,
    token_hash text not null unique,
    user_id text not null references users (id),
    created_at bigint not null,
    last_seen_at bigint not null,
    address text,
    agent text not null,
    ended_at bigint
);

create index sessions_by_user on sessions (user_id, ended_at);

create table session_proofs (
    session text not null references sessions (id),
    kind text not null,
    connection text not null default '',
    at bigint not null,
    primary key (session, kind, connection)
);

-- The last click inside each organization: a session's idle time is counted per organization.
create table session_visits (
    session text not null references sessions (id),
    organization text not null references organizations (id),
    at bigint not null,
    primary key (session, organization)
);

-- A form that waits while its sender proves who they are. The fields are sealed.
create table pending_forms (
    id text primary key,
    session text not null references sessions (id),
    path text not null,
    fields text not null,
    created_at bigint not null
);

create index pending_forms_by_session on pending_forms (session);

-- A budget's use in its window. The key is a hash: no address or email stands here.
create table throttles (
    key text primary key,
    used bigint not null,
    since bigint not null
);

create table pending_sign_ups (
    token_hash text primary key,
    browser_hash text not null,
    email text not null,
    email_canonical text not null,
    name text not null,
    organization text not null,
    password_hash text not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);

create index pending_sign_ups_by_email on pending_sign_ups (email_canonical);

-- user_id is null where the address has no account: the work is the same, and no link is mailed.
create table password_resets (
    token_hash text primary key,
    email_canonical text not null,
    user_id text references users (id),
    password_changed_at bigint not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);

create index password_resets_by_email on password_resets (email_canonical);

create table mail_outbox (
    id text primary key,
    organization text references organizations (id),
    kind text not null,
    recipient text not null,
    subject text not null,
    body text,
    state text not null check (state in ('queued', 'sent', 'failed')),
    attempts bigint not null,
    due_at bigint not null,
    leased_until bigint not null,
    created_at bigint not null,
    finished_at bigint,
    failure text
);

create index mail_outbox_due on mail_outbox (state, due_at);
create index mail_outbox_finished on mail_outbox (state, finished_at);

create table invitations (
    id text primary key,
    organization text not null references organizations (id),
    email text not null,
    email_canonical text not null,
    role text not null check (role in ('owner', 'admin', 'developer', 'member', 'reviewer', 'auditor')),
    teams text not null default '[]',
    note text not null,
    membership_ends_at bigint,
    inviter text not null references users (id),
    state text not null check (state in ('pending', 'accepted', 'revoked', 'expired', 'void')),
    created_at bigint not null,
    sent_at bigint not null,
    expires_at bigint not null,
    closed_at bigint,
    accepted_by text references users (id),
    mail text references mail_outbox (id)
);

create unique index invitations_pending on invitations (organization, email_canonical) where state = 'pending';
create index invitations_by_organization on invitations (organization, state, id);
create index invitations_by_inviter on invitations (organization, inviter, state);

-- kind 'mailed' proves the address, 'copied' does not. A dead one is kept, so that its page can say why.
create table invitation_tokens (
    token_hash text primary key,
    invitation text not null references invitations (id),
    kind text not null check (kind in ('mailed', 'copied')),
    created_at bigint not null,
    replaced_at bigint
);

create index invitation_tokens_by_invitation on invitation_tokens (invitation, kind);

-- The code that a copied link's page mails to the invited address, sealed.
create table invitation_codes (
    invitation text primary key references invitations (id),
    code text not null,
    created_at bigint not null,
    expires_at bigint not null
);
