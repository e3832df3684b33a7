SELECT p.proname::text AS name, p.prosecdef AS is_definer, p.prosrc AS body FROM pg_proc p
WHERE p.pronamespace = (SELECT h.relnamespace FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history'))
ORDER BY 1
