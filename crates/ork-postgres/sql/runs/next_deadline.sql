SELECT min(r.deadline_at) FROM runs r JOIN run_heads h ON h.run_id = r.id
WHERE r.deadline_at IS NOT NULL AND r.finished_at IS NULL AND h.cancelling IS NULL AND ($1::uuid IS NULL OR r.workspace_id = $1)
