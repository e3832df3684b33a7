DELETE FROM tasks WHERE run_id = ?1
    AND n IN (SELECT n FROM tasks WHERE run_id = ?1 ORDER BY n LIMIT ?2)
