-- Search finds a part of a name or address by the three letters at a time that it is made of. An entry has its
-- organization's number in its upper half, so that a search reads the entries of its own organization alone.
-- Numbers of our own: what SQLite numbers rows by changes when the file is compacted.
alter table organizations add column search_id integer;
alter table memberships add column search_id integer;

update organizations set search_id = rowid;
update memberships set search_id =
    ((select search_id from organizations where id = memberships.organization) << 32) + rowid;

create unique index organizations_by_search on organizations (search_id);
create unique index memberships_by_search on memberships (search_id);

create virtual table member_search using fts5 (
    search, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
create virtual table member_search_terms using fts5vocab (member_search, row);

-- With two spaces after it each letter begins a group of three, so that one letter or two are found as well.
insert into member_search (rowid, search) select search_id, search || '  ' from memberships order by search_id;

create trigger organizations_numbered after insert on organizations begin
    update organizations set search_id = coalesce((select max(search_id) from organizations), 0) + 1
        where id = new.id;
end;

create trigger memberships_found after insert on memberships begin
    update memberships set search_id = 1 + coalesce(
            (select max(search_id) from memberships
             where search_id >= (select search_id << 32 from organizations where id = new.organization)
               and search_id < (select (search_id + 1) << 32 from organizations where id = new.organization)),
            (select search_id << 32 from organizations where id = new.organization))
        where organization = new.organization and user_id = new.user_id;
    insert into member_search (rowid, search) select search_id, new.search || '  ' from memberships
        where organization = new.organization and user_id = new.user_id;
end;

create trigger memberships_found_anew after update of search on memberships when new.search <> old.search begin
    insert or replace into member_search (rowid, search) values (new.search_id, new.search || '  ');
end;

create trigger memberships_lost after delete on memberships begin
    delete from member_search where rowid = old.search_id;
end;
