-- Authenticator apps. The secret is sealed for its row; last_step is the last time step whose code was
-- accepted, so that no code is accepted twice (RFC 6238, 5.2). Unconfirmed ones are enrolments in progress.
create table authenticators (
    id text primary key,
    user_id text not null references users (id),
    name text not null,
    secret text not null,
    created_at bigint not null,
    confirmed_at bigint,
    last_step bigint not null default 0,
    last_used_at bigint
);

create index authenticators_by_user on authenticators (user_id, created_at);

-- credential is what the library keeps of a passkey (its public key, and whether it is synchronised), sealed
-- for its row; credential_id is its own id, in base64url. counter is that of the last accepted signature, so
-- that a copy of the device is found out; devices that synchronise have none, and say 0.
create table passkeys (
    id text primary key,
    user_id text not null references users (id),
    credential_id text not null unique,
    name text not null,
    credential text not null,
    counter bigint not null default 0,
    created_at bigint not null,
    last_used_at bigint
);

create index passkeys_by_user on passkeys (user_id, created_at);

-- A challenge that a browser was given, with the library's state, sealed. Answered once, or never.
create table passkey_challenges (
    id text primary key,
    user_id text references users (id),
    purpose text not null check (purpose in ('register', 'prove', 'sign_in')),
    state text not null,
    created_at bigint not null
);

create index passkey_challenges_by_age on passkey_challenges (created_at);
create index passkey_challenges_by_user on passkey_challenges (user_id) where user_id is not null;

-- 120 random bits each: a plain hash is enough (ASVS 6.5.2).
create table recovery_codes (
    user_id text not null references users (id),
    code_hash text not null,
    created_at bigint not null,
    used_at bigint,
    primary key (user_id, code_hash)
);

-- After the first proof of a person with factors: it opens the challenge, and nothing else (S11).
create table half_sign_ins (
    token_hash text primary key,
    user_id text not null references users (id),
    proof text not null,
    proven_at bigint not null,
    ended_at bigint
);

create index half_sign_ins_by_user on half_sign_ins (user_id);
create index half_sign_ins_by_age on half_sign_ins (proven_at);

-- Browsers that are not asked for a factor again for a while. They are no proof for a step-up.
create table remembered_devices (
    id text primary key,
    token_hash text not null unique,
    user_id text not null references users (id),
    agent text not null,
    address text,
    created_at bigint not null,
    expires_at bigint not null,
    last_used_at bigint not null
);

create index remembered_devices_by_user on remembered_devices (user_id, expires_at);

-- What a user has, kept by whoever changes it, so that the gate and the lists need not count.
-- remembered_until is when the last remembered device ends. password_length is the length class of the
-- password in force: 0 while it is unknown.
alter table users add column has_authenticator boolean not null default false;
alter table users add column has_passkey boolean not null default false;
alter table users add column remembered_until bigint not null default 0;
alter table users add column password_length bigint not null default 0;

-- Copied from the user, as the name is: the list shows and filters by them.
alter table memberships add column has_authenticator boolean not null default false;
alter table memberships add column has_passkey boolean not null default false;
alter table memberships add column remembered_until bigint not null default 0;

create index memberships_without_mfa on memberships (organization, name_key, user_id)
    where not has_authenticator and not has_passkey;
create index memberships_without_mfa_joining on memberships (organization, joined_at, user_id)
    where not has_authenticator and not has_passkey;
create index memberships_without_mfa_activity on memberships (organization, last_active_at, user_id)
    where not has_authenticator and not has_passkey;

-- What an organization asks of sessions (S9, S10, M3). mfa_from is when a grace period ends, and mfa_before
-- the rule that holds until then; mfa_notice is the number of days of the last notice before that: 3, 1, or
-- 0 once it was announced.
alter table organizations add column mfa text not null default 'optional'
    check (mfa in ('optional', 'any', 'passkey'));
alter table organizations add column mfa_from bigint;
alter table organizations add column mfa_before text not null default 'optional'
    check (mfa_before in ('optional', 'any', 'passkey'));
alter table organizations add column session_idle bigint not null default 28800000;
alter table organizations add column session_absolute bigint not null default 86400000;
alter table organizations add column remembers_devices boolean not null default true;
alter table organizations add column shortest_password bigint not null default 15;

-- Whom to mail about a requirement, and which factors that asks for, until the worker has.
alter table memberships add column mfa_mail_due text check (mfa_mail_due in ('any', 'passkey'));
create index memberships_mfa_mail_due on memberships (organization, user_id) where mfa_mail_due is not null;
alter table organizations add column mfa_notice bigint not null default 0;
create index organizations_mfa_from on organizations (mfa_from) where mfa_from is not null;
