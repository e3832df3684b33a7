-- As list.sql, of runs that nobody has taken note of: the condition stands here as it does in the index that serves it,
-- which SQLite would not use for a parameter.
SELECT * FROM v_runs
WHERE id < ?2
  AND finished_at IS NOT NULL AND acknowledged_at IS NULL
  AND (?1 IS NULL OR workspace_id = ?1)
  AND (?3 IS NULL OR name = ?3)
  AND (?4 IS NULL OR status IN (SELECT value FROM json_each(?4)))
  AND (?5 IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(?5) wanted
        WHERE NOT EXISTS (SELECT 1 FROM run_labels w WHERE w.run_id = v_runs.id AND w.key = wanted.key AND w.value = wanted.value)))
  AND (?6 = 0 OR held)
  AND (?7 = 0 OR EXISTS (SELECT 1 FROM delayed d WHERE d.run_id = v_runs.id))
  AND (?8 IS NULL OR created_at >= ?8)
  AND (?9 IS NULL OR created_at < ?9)
  AND (?10 IS NULL OR started_at >= ?10)
  AND (?11 IS NULL OR started_at < ?11)
  AND (?12 IS NULL OR finished_at >= ?12)
  AND (?13 IS NULL OR finished_at < ?13)
  AND (?15 IS NULL OR owner_id = ?15)
ORDER BY id DESC
LIMIT ?14
