DELETE FROM run_heads WHERE run_id = ANY ($1::uuid[])
