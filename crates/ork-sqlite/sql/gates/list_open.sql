-- As list.sql, of those that nobody has decided: the condition stands here as it does in the index that serves it.
SELECT * FROM v_gates
WHERE id < ?3 AND status = 'open' AND (?1 IS NULL OR workspace_id = ?1) AND (?2 IS NULL OR owner_id = ?2)
ORDER BY id DESC LIMIT ?4
