-- Somebody's name at a store is theirs while they work there: whoever is added by it next is somebody else. Those who left before
-- that was so give theirs back.
delete from staff where not exists (select 1 from account_role r where r.account = staff.account and r.store = staff.store);
