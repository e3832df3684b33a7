DELETE FROM held WHERE run_id = $1
