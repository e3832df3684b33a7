UPDATE run_heads
SET status = ?2, paused = ?3, held = ?4, stopping = ?5, cancelling = ?6, seq = ?7, tasks_total = ?8, tasks_left = ?9, tasks_bad = ?10
WHERE run_id = ?1
