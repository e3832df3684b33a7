DELETE FROM log_parts WHERE rowid IN (SELECT rowid FROM log_parts WHERE run_id = ?1 LIMIT ?2)
