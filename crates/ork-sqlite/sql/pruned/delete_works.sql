DELETE FROM saved_works WHERE run_id = ?1
    AND (n, attempt) IN (SELECT n, attempt FROM saved_works WHERE run_id = ?1 ORDER BY n, attempt LIMIT ?2)
