UPDATE tasks SET reused_run_id = ?3, reused_n = ?4 WHERE run_id = ?1 AND n = ?2
