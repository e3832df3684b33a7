SELECT id, name, settings, created_at FROM workspaces
WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR name > ?2)
ORDER BY name
LIMIT ?3
