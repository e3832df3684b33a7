-- Ids that begin with some digits lie between two ids.
SELECT id FROM runs WHERE id BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR workspace_id = $3) ORDER BY id LIMIT 10
