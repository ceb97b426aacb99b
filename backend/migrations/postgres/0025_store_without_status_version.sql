-- Nobody reads it, and whoever changed a place waited for it.
alter table store drop column status_version;
