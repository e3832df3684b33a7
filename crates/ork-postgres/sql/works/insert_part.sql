-- What was saved under this number by a lease before is overwritten: it was never kept.
INSERT INTO work_parts (run_id, n, attempt, number, part, workspace_id, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (run_id, n, attempt, number, part) DO UPDATE SET bytes = excluded.bytes
