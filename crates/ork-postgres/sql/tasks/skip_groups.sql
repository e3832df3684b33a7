UPDATE tasks t SET status = 'skipped', reason = s.reason, available_at = NULL, finished_at = $5
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[]) AS s (run_id, n_first, n_last, reason)
WHERE t.run_id = s.run_id AND t.n BETWEEN s.n_first AND s.n_last AND t.status IN ('pending', 'waiting', 'retrying')
