-- What a subscriber wants, as a JSON list of types: its lag counts only these. Written when a process takes the cursor over.
alter table cursor add column types text not null default '[]';
