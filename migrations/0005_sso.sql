-- An organization's OpenID provider (O1). client_secret is sealed for its row. tenant is Entra's, hosted_domain
-- Google's. changed_at is when what a test sign-in proves was last changed: issuer, client and secret. With
-- admits_newcomers people of a proven domain join on their first sign-in, as newcomer_role (R2: never an Owner
-- or Admin).
create table connections (
    id text primary key,
    organization text not null references organizations (id),
    kind text not null check (kind in ('google', 'entra', 'oidc')),
    name text not null,
    issuer text not null,
    tenant text,
    hosted_domain text,
    client_id text not null,
    client_secret text not null,
    scopes text not null default '',
    enabled boolean not null default true,
    admits_newcomers boolean not null default false,
    newcomer_role text not null default 'member' check (newcomer_role in ('developer', 'member', 'reviewer', 'auditor')),
    enforces_mfa boolean not null default false,
    created_at bigint not null,
    changed_at bigint not null,
    last_used_at bigint,
    problem text,
    problem_at bigint,
    -- What its provider said of itself when the connection was saved last: JSON, for its page.
    found text,
    found_at bigint
);

create index connections_by_organization on connections (organization, created_at);

-- Who someone is at a provider: issuer and subject (Entra: tenant and object), never an email (O3). Without a
-- connection it is the person's own Google account.
create table identities (
    id text primary key,
    user_id text not null references users (id),
    connection text references connections (id),
    issuer text not null,
    subject text not null,
    email text not null,
    linked_at bigint not null,
    last_used_at bigint
);

create unique index identities_at_google on identities (issuer, subject) where connection is null;
create unique index identities_at_connection on identities (connection, issuer, subject) where connection is not null;
create unique index identities_own on identities (user_id) where connection is null;
create unique index identities_by_person on identities (user_id, connection) where connection is not null;

-- A connection's email domains (O2). record is what their DNS must say: it is no secret. failing_since is when
-- a check of a proven one first failed, due_at when it is checked next. The first proof wins.
create table domains (
    id text primary key,
    organization text not null references organizations (id),
    connection text not null references connections (id),
    domain text not null,
    record text not null,
    created_at bigint not null,
    verified_at bigint,
    checked_at bigint,
    failing_since bigint,
    warned_at bigint,
    due_at bigint not null default 0
);

create unique index domains_of_organization on domains (organization, domain);
create unique index domains_proven on domains (domain) where verified_at is not null;
create index domains_to_check on domains (due_at);
create index domains_by_connection on domains (connection);

-- A way to a provider and back, once, from one browser. sealed holds its nonce, verifier and where it leads.
create table sso_attempts (
    state_hash text primary key,
    browser_hash text not null,
    connection text references connections (id),
    purpose text not null check (purpose in ('sign_in', 'test', 'link', 'step_up', 'sign_up', 'invite')),
    session text references sessions (id),
    sealed text not null,
    created_at bigint not null,
    used_at bigint
);

create index sso_attempts_by_age on sso_attempts (created_at);
create index sso_attempts_by_session on sso_attempts (session) where session is not null;
create index sso_attempts_by_connection on sso_attempts (connection) where connection is not null;

-- Who has come back from Google without an account, until they have said what they are called. Sealed.
create table arrivals (
    token_hash text primary key,
    sealed text not null,
    created_at bigint not null,
    used_at bigint
);

create index arrivals_by_age on arrivals (created_at);

-- A code mailed to someone who has no other proof of their own (S12), sealed. The last one counts.
create table mailed_codes (
    session text primary key references sessions (id),
    code text not null,
    created_at bigint not null
);

-- Of the first proof, where that is a provider's.
alter table half_sign_ins add column connection text not null default '';

-- S9, O4: whether only an SSO proof opens the organization, and who may come in by password and factor all the
-- same. Each session that does is audited once, at its first click.
alter table organizations add column sso_required boolean not null default false;
alter table memberships add column break_glass boolean not null default false;
alter table session_visits add column break_glass_at bigint;
create index memberships_break_glass on memberships (organization) where break_glass;
create index session_visits_break_glass on session_visits (organization, break_glass_at) where break_glass_at is not null;

-- A sign-up by Google waits for its mailed link with the identity in place of a password.
alter table pending_sign_ups add column issuer text;
alter table pending_sign_ups add column subject text;
