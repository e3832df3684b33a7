DELETE FROM unpacked_logs WHERE run_id = ?1
    AND (n, attempt) IN (SELECT n, attempt FROM unpacked_logs WHERE run_id = ?1 ORDER BY n, attempt LIMIT ?2)
