UPDATE run_slots SET admitted = 1 WHERE run_id = ?1
