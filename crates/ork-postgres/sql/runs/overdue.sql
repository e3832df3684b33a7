SELECT r.id FROM runs r JOIN run_heads h ON h.run_id = r.id
WHERE r.deadline_at IS NOT NULL AND r.finished_at IS NULL AND r.deadline_at <= $1
  AND h.cancelling IS NULL AND h.status IN ('pending', 'running')
  AND ($2::uuid IS NULL OR r.workspace_id = $2)
ORDER BY r.deadline_at, r.id LIMIT $3
