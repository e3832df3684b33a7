DELETE FROM run_slots WHERE run_id = ?1
