INSERT INTO saved_works (run_id, n, attempt, workspace_id, number, parts, bytes, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (run_id, n, attempt) DO UPDATE
SET number = excluded.number, parts = excluded.parts, bytes = excluded.bytes, checksum = excluded.checksum
