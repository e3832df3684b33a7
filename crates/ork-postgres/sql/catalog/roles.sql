-- Which of these roles there are, and what none of them may be.
SELECT g.rolname::text AS name, g.rolsuper OR g.rolbypassrls AS bypasses, g.rolcanlogin AS logs_in
FROM pg_roles g WHERE g.rolname = ANY ($1)
