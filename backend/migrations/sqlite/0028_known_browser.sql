-- Browsers that somebody of the staff has signed in by: no stranger's guesses shut them out. The browser's id is in a cookie,
-- signed.
create table known_browser (
    browser text not null,
    account text not null references account (id),
    seen_at bigint not null,
    primary key (browser, account)
);

create index known_browser_account on known_browser (account);
create index known_browser_seen_at on known_browser (seen_at);
