DELETE FROM ready WHERE run_id = $1
