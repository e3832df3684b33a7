-- However many siblings there are, no more rows than groups and statuses.
SELECT g, status, count(*) FROM v_tasks
WHERE run_id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)
GROUP BY g, status
