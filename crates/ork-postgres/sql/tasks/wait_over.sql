UPDATE tasks SET status = 'pending' WHERE run_id = $1 AND n = $2 AND status = 'waiting'
