-- Tables and views beside the list of migrations, and how they guard their rows.
SELECT c.relname::text AS name, c.relkind = 'v' AS is_view, c.relrowsecurity AND c.relforcerowsecurity AS forces,
       coalesce('security_invoker=true' = ANY (c.reloptions), false) AS invokes
FROM pg_class c
WHERE c.relnamespace = (SELECT h.relnamespace FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history'))
  AND c.relkind IN ('r', 'p', 'v', 'm')
ORDER BY c.relname
