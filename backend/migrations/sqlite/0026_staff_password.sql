-- What staff sign in by after their first day: a slow hash with its salt and cost (PHC string format).
create table staff_password (
    account text not null primary key references account (id),
    hash text not null,
    set_at bigint not null
);

-- Who came in by a one-time code may choose a password without naming the one before, once.
alter table session add column may_set_password boolean not null default false;

create index account_role_store on account_role (store);
create index staff_code_account on staff_code (account);

-- What managers ask for: what staff and devices did at a store, and who was slowed down, the newest first. The same words
-- stand in the statement that asks.
create index event_for_managers on event (source, id) where (substr(actor, 1, 6) in ('staff:', 'token:') or type = 'shopper.slowed.v1');
