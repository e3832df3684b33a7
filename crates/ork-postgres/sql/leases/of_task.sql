SELECT 1 FROM leases WHERE run_id = $1 AND n = $2
