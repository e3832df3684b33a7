SELECT id, name, settings, created_at FROM workspaces WHERE name = $1 AND ($2::uuid IS NULL OR id = $2)
