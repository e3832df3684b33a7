DELETE FROM log_parts WHERE rowid IN (
    SELECT rowid FROM log_parts WHERE run_id = ?1 ORDER BY n, attempt, start LIMIT ?2)
