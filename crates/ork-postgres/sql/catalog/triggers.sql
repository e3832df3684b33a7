-- Which of these triggers are there and fire.
SELECT t.tgname::text AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = (SELECT h.relnamespace FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history'))
  AND t.tgname = ANY ($1) AND t.tgenabled IN ('O', 'A')
