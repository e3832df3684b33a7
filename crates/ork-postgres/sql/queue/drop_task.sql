DELETE FROM ready WHERE run_id = $1 AND n = $2
