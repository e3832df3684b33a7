DELETE FROM tasks WHERE run_id = $1
    AND n = ANY (ARRAY(SELECT n FROM tasks WHERE run_id = $1 ORDER BY n LIMIT $2))
