DELETE FROM events WHERE run_id = ?1
    AND seq IN (SELECT seq FROM events WHERE run_id = ?1 ORDER BY seq LIMIT ?2)
