DELETE FROM run_heads WHERE run_id = $1
