SELECT id FROM runs WHERE ($1::uuid IS NULL OR id > $1) AND ($2::uuid IS NULL OR workspace_id = $2) ORDER BY id LIMIT $3
