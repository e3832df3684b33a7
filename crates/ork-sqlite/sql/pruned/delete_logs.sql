DELETE FROM logs WHERE rowid IN (SELECT rowid FROM logs WHERE run_id = ?1 LIMIT ?2)
