DELETE FROM steps WHERE run_id = ?1
    AND (n, attempt, round, position, try) IN (
        SELECT n, attempt, round, position, try FROM steps WHERE run_id = ?1 ORDER BY n, attempt, round, position, try LIMIT ?2)
