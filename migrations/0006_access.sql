-- Teams: what access is granted to. people is kept by whoever adds or removes someone. The slug is what
-- definitions name a team by; access itself is granted to the id, so that a team made anew under an old slug
-- inherits nothing (A12).
create table teams (
    id text primary key,
    organization text not null references organizations (id),
    slug text not null,
    name text not null,
    name_key text not null,
    people bigint not null default 0,
    created_at bigint not null,
    created_by text references users (id)
);

create unique index teams_by_slug on teams (organization, slug);
create index teams_by_name on teams (organization, name_key, id);

-- Whoever leaves the organization leaves its teams in the same transaction (R8).
create table team_members (
    team text not null references teams (id),
    organization text not null,
    user_id text not null,
    maintainer boolean not null default false,
    added_at bigint not null,
    added_by text references users (id),
    primary key (team, user_id),
    foreign key (organization, user_id) references memberships (organization, user_id)
);

create index team_members_by_person on team_members (organization, user_id, team);
create index team_members_maintaining on team_members (team, user_id) where maintainer;

-- The teams that a list of invites gives, as invitations.teams has them: ids in a JSON array.
alter table invitation_batches add column teams text not null default '[]';

-- The environments beside production and development, which exist always and have no row.
create table environments (
    organization text not null references organizations (id),
    slug text not null,
    name text not null,
    color text not null,
    created_at bigint not null,
    primary key (organization, slug)
);

-- A thing whose access is controlled. developer is '' outside development, where each developer has resources of
-- their own. audience is null where nothing was said: what then holds follows from the kind (A2). domain is the
-- creator's, copied on saving (A8). Permissions are sets: 1 create, 2 read, 4 update, 8 delete; null is "not said".
-- definition is what a pasted definition says beside its access, as JSON. host and path are the URL's, by which a
-- reverse proxy asks.
create table resources (
    id text primary key,
    organization text not null references organizations (id),
    environment text not null,
    developer text not null default '',
    key text not null,
    kind text not null check (kind in ('action', 'page', 'interface', 'tool')),
    name text not null,
    name_key text not null,
    description text not null,
    url text,
    host text,
    path text,
    definition text,
    creator text not null references users (id),
    audience text check (audience in ('Private', 'Unlisted', 'Public', 'DomainRestricted', 'InviteRestricted',
        'entire-organization', 'teams')),
    domain text,
    default_permissions bigint,
    created_at bigint not null,
    changed_at bigint not null,
    archived_at bigint
);

create unique index resources_by_key on resources (organization, environment, developer, key);
create index resources_by_name on resources (organization, environment, developer, name_key, id);
create index resources_by_audience on resources (organization, environment, audience, developer);
create index resources_by_creator on resources (organization, creator);
create index resources_by_host on resources (host) where host is not null;
create index resources_by_domain on resources (domain) where audience = 'DomainRestricted';

-- A team's entry: its permissions, and in some audiences what admits its members (A6).
create table resource_teams (
    resource text not null references resources (id),
    organization text not null references organizations (id),
    team text not null references teams (id),
    permissions bigint,
    primary key (resource, team)
);

create index resource_teams_by_team on resource_teams (team, resource);

-- A person's entry, by email. It binds to the user of that address, at once or at their first verified sign-in
-- (A12), and follows that user from then on.
create table resource_people (
    resource text not null references resources (id),
    organization text not null references organizations (id),
    email text not null,
    email_canonical text not null,
    user_id text references users (id),
    permissions bigint,
    created_at bigint not null,
    created_by text references users (id),
    primary key (resource, email_canonical)
);

create unique index resource_people_by_resource on resource_people (resource, user_id) where user_id is not null;
create index resource_people_by_person on resource_people (user_id, organization) where user_id is not null;
create index resource_people_unbound on resource_people (email_canonical) where user_id is null;

-- Links to Unlisted resources (A7). They end for good when revoked, or when the resource is Unlisted no longer.
create table resource_links (
    id text primary key,
    organization text not null references organizations (id),
    resource text not null references resources (id),
    token_hash text not null unique,
    name text not null,
    created_at bigint not null,
    created_by text references users (id),
    expires_at bigint,
    revoked_at bigint,
    uses bigint not null default 0,
    used_at bigint
);

create index resource_links_by_resource on resource_links (resource, created_at);

-- Each use of a link: by whom, if they were signed in, and from where.
create table resource_link_uses (
    link text not null references resource_links (id),
    at bigint not null,
    number bigint not null,
    user_id text references users (id),
    address text,
    primary key (link, number)
);

-- Somebody asked for access that they lack (A13): one open request for each person and resource.
create table access_requests (
    id text primary key,
    organization text not null references organizations (id),
    resource text not null references resources (id),
    user_id text not null references users (id),
    note text not null,
    created_at bigint not null,
    closed_at bigint
);

create unique index access_requests_open on access_requests (resource, user_id) where closed_at is null;
create index access_requests_by_organization on access_requests (organization, created_at);

-- The resource's page that a guest signs up from: where they land once they are confirmed.
alter table pending_sign_ups add column next text;

-- A host belongs to the organization that first put a tool there: what a reverse proxy asks by.
create table tool_hosts (
    host text primary key,
    organization text not null references organizations (id),
    claimed_at bigint not null
);

create index tool_hosts_by_organization on tool_hosts (organization);

-- The way from Interlock to a tool's host, once, within a minute.
-- state is the hash of what a cookie at the tool's host holds: a ticket works in the browser that asked for it.
create table tool_tickets (
    token_hash text primary key,
    session text not null references sessions (id) on delete cascade,
    host text not null,
    back text not null,
    state text not null,
    created_at bigint not null,
    used_at bigint
);

create index tool_tickets_by_age on tool_tickets (created_at);
create index tool_tickets_by_session on tool_tickets (session);

-- A session at a tool's host, which lives as long as the one it was made from.
create table tool_sessions (
    token_hash text primary key,
    session text not null references sessions (id) on delete cascade,
    host text not null,
    created_at bigint not null
);

create index tool_sessions_by_session on tool_sessions (session);

-- Machine identities. A person's default agent has an owner; a shared one has none.
create table agents (
    id text primary key,
    organization text not null references organizations (id),
    name text not null,
    name_key text not null,
    owner text references users (id),
    is_default boolean not null default false,
    created_at bigint not null,
    created_by text references users (id),
    archived_at bigint
);

create index agents_by_organization on agents (organization, name_key, id);
create unique index agents_default on agents (organization, owner) where is_default;

-- API keys (K4): hashed, shown once. owner is the person it acts for: of a development or an admin key.
create table api_keys (
    id text primary key,
    organization text not null references organizations (id),
    kind text not null check (kind in ('live', 'development', 'ephemeral', 'admin')),
    name text not null,
    agent text references agents (id),
    owner text references users (id),
    environment text not null,
    permission text,
    parent text references api_keys (id),
    token_hash text not null unique,
    shown text not null,
    addresses text not null default '[]',
    scopes text,
    uses bigint not null default 0,
    most_uses bigint,
    created_at bigint not null,
    created_by text references users (id),
    expires_at bigint,
    expiry_notice bigint not null default 0,
    revoked_at bigint,
    revoked_by text references users (id),
    replaced_at bigint,
    replaced_by text references api_keys (id),
    last_used_at bigint,
    last_used_from text
);

create index api_keys_by_organization on api_keys (organization, kind, created_at, id);
create index api_keys_by_agent on api_keys (agent);
create index api_keys_by_owner on api_keys (owner) where owner is not null;
create index api_keys_by_parent on api_keys (parent) where parent is not null;
