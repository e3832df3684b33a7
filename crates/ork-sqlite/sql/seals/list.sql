SELECT run_id, number, seq, seq_last, key_id, link, marks, sealed_at FROM seals
WHERE run_id = ?1 AND (?2 IS NULL OR workspace_id = ?2) AND number > ?3
ORDER BY number LIMIT ?4
