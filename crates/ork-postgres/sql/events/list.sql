-- Rows are found by their first number: the last row that ends at or before $2 is where the search begins.
SELECT seq, seq_last, type, tasks, actor_kind, actor_id, payload, created_at FROM events
WHERE run_id = $1 AND seq > (SELECT coalesce(max(e.seq), 0) FROM events e WHERE e.run_id = $1 AND e.seq <= $2 AND e.seq_last <= $2)
  AND seq_last > $2 AND ($3::uuid IS NULL OR workspace_id = $3)
ORDER BY seq LIMIT $4
