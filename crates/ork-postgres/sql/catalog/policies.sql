SELECT c.relname::text AS name, p.polname::text AS policy,
       CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END AS kind, p.polcmd::text AS command,
       array(SELECT CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r) END::text FROM unnest(p.polroles) AS r) AS roles,
       pg_get_expr(p.polqual, p.polrelid) AS shows, pg_get_expr(p.polwithcheck, p.polrelid) AS admits
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = (SELECT h.relnamespace FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history'))
ORDER BY 1, 2
