-- Which of these indexes are there and can be used.
SELECT c.relname::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = (SELECT h.relnamespace FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history'))
  AND c.relname = ANY ($1) AND i.indisvalid
