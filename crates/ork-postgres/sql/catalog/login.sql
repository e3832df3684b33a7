-- What the login of this connection may do that no login of the application's may. Asked before the role is taken, of
-- `session_user`. Who is a member of a role can become it, so membership counts as much as being it.
SELECT session_user::text AS login,
       r.rolsuper AS is_superuser,
       EXISTS (SELECT 1 FROM pg_roles g
               WHERE (g.rolsuper OR g.rolbypassrls) AND pg_has_role(session_user, g.oid, 'MEMBER')) AS bypasses,
       EXISTS (SELECT 1 FROM pg_class c
               WHERE c.relnamespace = (SELECT h.relnamespace FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history'))
                 AND c.relkind IN ('r', 'v', 'S') AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS owns,
       (SELECT pg_get_userbyid(h.relowner)::text FROM pg_class h WHERE h.oid = to_regclass('refinery_schema_history')) AS owner,
       (SELECT count(*) FROM pg_roles g
        WHERE g.rolname IN ('ork_engine', 'ork_api') AND pg_has_role(session_user, g.oid, 'MEMBER')) AS memberships
FROM pg_roles r WHERE r.rolname = session_user
