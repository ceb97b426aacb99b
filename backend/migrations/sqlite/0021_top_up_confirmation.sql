-- Where a shopper confirms a top-up (3-D Secure), while that is waited for.
alter table top_up add column action_url text;
create index top_up_pending on top_up (account) where status = 'pending';
