INSERT INTO log_parts (run_id, n, attempt, start, workspace_id, length, line, lines, size, blob_key, bytes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
