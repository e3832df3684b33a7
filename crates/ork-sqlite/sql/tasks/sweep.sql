-- Cancels what holds no lease and has no attempt that is not over. What holds one is settled by its worker, or by the reaper.
UPDATE tasks SET status = 'cancelled', reason = ?2, available_at = NULL, finished_at = ?3
WHERE run_id = ?1 AND (status = 'pending' OR status = 'waiting' OR status = 'retrying') AND open_as IS NULL
  AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.run_id = tasks.run_id AND l.n = tasks.n)
  AND (?4 = 0 OR EXISTS (SELECT 1 FROM groups gr WHERE gr.run_id = tasks.run_id AND gr.g = tasks.g AND gr.run_if IS NULL))
RETURNING g, n
