-- Tasks without a lease whose attempt is not over.
SELECT g, n, attempt + 1, status = 'waiting' FROM tasks
WHERE run_id = ?1 AND open_as IS NOT NULL AND (?2 IS NULL OR n = ?2)
  AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.run_id = tasks.run_id AND l.n = tasks.n)
  AND (?3 = 0 OR EXISTS (SELECT 1 FROM groups gr WHERE gr.run_id = tasks.run_id AND gr.g = tasks.g AND gr.run_if IS NULL))
ORDER BY n
