-- What the two roles, and everybody, may do with tables, views, sequences, and single columns of them.
SELECT c.relname::text AS name, coalesce(r.rolname, 'public')::text AS role, lower(a.privilege_type) AS privilege
FROM pg_class c
CROSS JOIN LATERAL (
    SELECT * FROM aclexplode(c.relacl)
    UNION ALL
    SELECT own.* FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) AS own WHERE t.attrelid = c.oid AND t.attnum > 0
) AS a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = (SELECT h.relnamespace FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history'))
  AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND coalesce(r.rolname, 'public') IN ('ork_engine', 'ork_api', 'public')
ORDER BY 1, 2, 3
