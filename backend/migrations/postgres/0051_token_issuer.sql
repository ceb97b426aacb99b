-- Whose a token is: what a manager made ends with her being one.
alter table token add column issued_by text references account (id);
create index token_issued_by on token (issued_by) where issued_by is not null;
