-- Whoever has a link to an Unlisted tool is let in at the tool's host too (A7): what is there is a session's, a link's,
-- or both. Tickets last a minute, so that none is carried over.
drop table tool_tickets;

create table tool_tickets (
    token_hash text primary key,
    session text references sessions (id) on delete cascade,
    link text references resource_links (id) on delete cascade,
    host text not null,
    back text not null,
    state text not null,
    created_at bigint not null,
    used_at bigint,
    check (session is not null or link is not null)
);

create index tool_tickets_by_age on tool_tickets (created_at);
create index tool_tickets_by_session on tool_tickets (session);
create index tool_tickets_by_link on tool_tickets (link) where link is not null;

create table tool_sessions_now (
    token_hash text primary key,
    session text references sessions (id) on delete cascade,
    link text references resource_links (id) on delete cascade,
    host text not null,
    created_at bigint not null,
    check (session is not null or link is not null)
);

insert into tool_sessions_now (token_hash, session, host, created_at)
select token_hash, session, host, created_at from tool_sessions;

drop table tool_sessions;

alter table tool_sessions_now rename to tool_sessions;

create index tool_sessions_by_session on tool_sessions (session);
create index tool_sessions_by_link on tool_sessions (link) where link is not null;
