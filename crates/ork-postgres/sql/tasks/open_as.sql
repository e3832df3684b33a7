SELECT n, open_as FROM tasks WHERE run_id = $1 AND open_as IS NOT NULL
