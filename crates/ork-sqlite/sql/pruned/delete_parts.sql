DELETE FROM work_parts WHERE rowid IN (SELECT rowid FROM work_parts WHERE run_id = ?1 LIMIT ?2)
