DELETE FROM evaluations WHERE run_id = ?1 AND g = ?2
