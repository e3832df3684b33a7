-- SQLite knows no roles and no policies: whoever may open the file may read it. Tenants are kept apart by the scope that
-- every method of the store takes. On PostgreSQL this migration makes the database do so as well.
SELECT 1;
