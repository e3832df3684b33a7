UPDATE run_heads
SET status = ?2, paused = ?3, held = ?4, stopping = ?5, cancelling = ?6, seq = ?7, tasks_total = ?8, tasks_left = ?9, tasks_bad = ?10,
    unsealed = ?2 IN ('success', 'failed', 'cancelled') AND ?7 > sealed_seq
WHERE run_id = ?1
