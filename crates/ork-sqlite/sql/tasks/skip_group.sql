UPDATE tasks SET status = 'skipped', reason = ?3, finished_at = ?4
WHERE run_id = ?1 AND g = ?2 AND status IN ('pending', 'waiting', 'retrying')
