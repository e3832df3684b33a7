DELETE FROM run_slots WHERE run_id = ANY ($1::uuid[])
