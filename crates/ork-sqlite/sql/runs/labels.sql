SELECT key, value FROM run_labels WHERE run_id = ?1 ORDER BY key
