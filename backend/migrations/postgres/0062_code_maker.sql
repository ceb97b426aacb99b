-- Who made a one-time code: what a manager made ends with her being one. Null: the command line, or made before this was kept.
alter table staff_code add column made_by text;
create index staff_code_made_by on staff_code (made_by) where made_by is not null;
alter table pairing_code add column made_by text;
create index pairing_code_made_by on pairing_code (made_by) where made_by is not null;

-- What managers ask for, see 0026, 0032 and 0056: also a product's new texts, which are no one store's. The same words stand in the
-- statement that asks.
create index event_product_changed on event (id) where type = 'product.changed.v1';
