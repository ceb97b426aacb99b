-- What the numbers start from under which the outside is told how things are: unix seconds, of when the shop was made and again of each
-- restore. One row.
create table numbering (
    id bigint not null primary key constraint numbering_one check (id = 1),
    base bigint not null constraint numbering_base_positive check (base > 0)
);
insert into numbering (id, base) values (1, cast(strftime('%s', 'now') as integer));
-- Menus have numbers of their own, which go on from there: who has an older menu fetches it anew.
update store set menu_version = menu_version + (select base from numbering) * 1000000,
    menu_since = menu_version + (select base from numbering) * 1000000;
delete from menu_change;
