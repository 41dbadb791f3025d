-- What a key may do (L). scopes is the document in the source's form: patterns and their limits, as JSON.
create table permissions (
    id text primary key,
    organization text not null references organizations (id),
    name text not null,
    name_key text not null,
    scopes text not null,
    created_at bigint not null,
    created_by text references users (id),
    changed_at bigint not null,
    changed_by text references users (id),
    -- What the list is searched by: the name, folded, and the patterns.
    search text not null default ''
);

create unique index permissions_by_name on permissions (organization, name_key);

-- What no permission of an organization goes beyond (L7); only the sysadmin changes it. Without a row everything is
-- covered, without limit. The row of no organization ('') is what new organizations begin with.
create table base_permissions (
    organization text primary key,
    scopes text not null,
    changed_at bigint not null
);

-- family is the first key of those that took one another's place: limits at the key's level count per family, so
-- that rotating resets nothing (L6).
alter table api_keys add column family text not null default '';

update api_keys set family = id;

-- A name in small letters, to be searched for.
alter table api_keys add column name_key text not null default '';

update api_keys set name_key = lower(name);

-- What lists show: those that were made of another are counted with it.
create index api_keys_listed on api_keys (organization, created_at, id) where parent is null;
create index api_keys_by_permission on api_keys (permission) where permission is not null;
create index api_keys_by_expiry on api_keys (expires_at) where expires_at is not null and revoked_at is null;

-- Calls of a key on a day (days since 1970, UTC). Counted in memory and written a few seconds later.
create table api_key_calls (
    key text not null references api_keys (id) on delete cascade,
    day bigint not null,
    calls bigint not null,
    primary key (key, day)
);

-- The longest that a key of the organization may live, in milliseconds (K4): an older one is blocked, not deleted.
alter table organizations add column longest_key bigint;

-- Since when multi-factor authentication is asked for as it is, a grace period that is over apart (mfa_from): whom a
-- personal key acts for has to have come past that since (M3). Null where it was asked for before there was this column,
-- or never was.
alter table organizations add column mfa_since bigint;
