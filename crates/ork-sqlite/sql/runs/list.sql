-- Each filter that is not asked for is NULL. The id's order is the order of creation.
SELECT * FROM v_runs
WHERE (?1 IS NULL OR workspace_id = ?1)
  AND (?2 IS NULL OR id < ?2)
  AND (?3 IS NULL OR name = ?3)
  AND (?4 IS NULL OR status IN (SELECT value FROM json_each(?4)))
  AND (?5 IS NULL OR EXISTS (SELECT 1 FROM run_labels w WHERE w.run_id = v_runs.id AND w.key = ?5 AND w.value = ?6))
ORDER BY id DESC
LIMIT ?7
