SELECT run_id, workspace_id, owner_id, name, status, seq, finished_at, pruned_at,
       seal_seq, seal_link, seal_key_id FROM pruned_runs
WHERE run_id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
