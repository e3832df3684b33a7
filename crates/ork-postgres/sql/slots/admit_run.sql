UPDATE run_slots SET admitted = true WHERE run_id = $1
