SELECT d.due_at FROM delayed d JOIN run_heads h ON h.run_id = d.run_id
WHERE NOT h.paused AND NOT h.held AND h.status IN ('pending', 'running') AND ($1::uuid IS NULL OR d.workspace_id = $1)
ORDER BY d.due_at LIMIT 1
