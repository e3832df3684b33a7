-- As list.sql, of one run.
SELECT * FROM v_gates
WHERE run_id = ?5 AND id < ?3 AND (?1 IS NULL OR workspace_id = ?1) AND (?2 IS NULL OR owner_id = ?2)
  AND (?6 = 0 OR status = 'open')
ORDER BY id DESC LIMIT ?4
