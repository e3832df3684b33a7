INSERT INTO slot_keys (workspace_id, concurrency_key) VALUES ($1, $2) ON CONFLICT DO NOTHING
