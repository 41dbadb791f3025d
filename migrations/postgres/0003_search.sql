-- Search finds a part of a name or address by the three letters at a time that it is made of. Where the
-- extension can't be had, everything works and a search reads the organization's whole list (docs/running.md).
do $$
declare
    place text;
begin
    begin
        create extension if not exists pg_trgm with schema public;
    exception when insufficient_privilege or undefined_file or feature_not_supported or invalid_schema_name then
        raise notice 'pg_trgm is not available: %', sqlerrm;
    end;
    select n.nspname into place from pg_extension e join pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'pg_trgm';
    if place is not null then
        execute format('create index memberships_by_search on memberships using gin (search %I.gin_trgm_ops)', place);
    end if;
end $$;
