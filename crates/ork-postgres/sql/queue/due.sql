SELECT d.run_id, d.n FROM delayed d JOIN run_heads h ON h.run_id = d.run_id
WHERE d.due_at <= $1 AND NOT h.paused AND NOT h.held AND h.status IN ('pending', 'running')
  AND ($2::uuid IS NULL OR d.workspace_id = $2)
ORDER BY d.due_at, d.run_id, d.n LIMIT $3
