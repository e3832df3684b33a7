SELECT g FROM evaluations WHERE run_id = $1 ORDER BY g
