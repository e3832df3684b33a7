-- As list.sql, of one task.
SELECT * FROM v_artifacts
WHERE run_id = ?7 AND n = ?8 AND id < ?2 AND (?1 IS NULL OR workspace_id = ?1)
  AND (?3 IS NULL OR kind = ?3) AND (?4 IS NULL OR name = ?4) AND (?5 IS NULL OR owner_id = ?5)
ORDER BY id DESC LIMIT ?6
