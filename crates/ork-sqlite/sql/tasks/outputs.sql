SELECT g, task_index, status, output FROM tasks
WHERE run_id = ?1 AND (n = ?2 OR n BETWEEN ?3 AND ?4) AND (?5 IS NULL OR workspace_id = ?5)
  AND status IN ('success', 'failed', 'skipped', 'cancelled')
ORDER BY task_index
