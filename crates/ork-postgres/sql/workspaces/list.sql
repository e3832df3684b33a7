SELECT id, name, settings, created_at FROM workspaces
WHERE ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR name COLLATE "C" > $2)
ORDER BY name COLLATE "C"
LIMIT $3
