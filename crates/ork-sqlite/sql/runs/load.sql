-- What a workspace has that its quotas count; a run that is being born has no head yet.
SELECT count(*), coalesce(sum(h.tasks_left), 0) FROM runs r JOIN run_heads h ON h.run_id = r.id
WHERE r.workspace_id = ?1 AND r.finished_at IS NULL
