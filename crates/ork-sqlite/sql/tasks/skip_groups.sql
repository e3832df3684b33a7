UPDATE tasks SET status = 'skipped', reason = ?5, finished_at = ?6
WHERE run_id = ?1 AND (n = ?2 OR n BETWEEN ?3 AND ?4) AND (status = 'pending' OR status = 'waiting' OR status = 'retrying')
