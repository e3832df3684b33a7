SELECT * FROM v_tasks
WHERE run_id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
  AND n > ?3 AND (?4 IS NULL OR g = ?4)
  AND (?5 IS NULL OR status IN (SELECT value FROM json_each(?5)))
ORDER BY n LIMIT ?6
