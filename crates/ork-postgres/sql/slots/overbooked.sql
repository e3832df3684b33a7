SELECT x.concurrency_key, max(x.concurrency_limit), count(*)
FROM (
    SELECT q.workspace_id, q.concurrency_key, gr.concurrency_limit
    FROM (SELECT run_id, g, workspace_id, concurrency_key FROM ready WHERE concurrency_key IS NOT NULL
          UNION ALL
          SELECT run_id, g, workspace_id, concurrency_key FROM leases WHERE concurrency_key IS NOT NULL) AS q
    JOIN groups gr ON gr.run_id = q.run_id AND gr.g = q.g
    WHERE $1::uuid IS NULL OR q.workspace_id = $1
) AS x
GROUP BY x.workspace_id, x.concurrency_key
HAVING count(*) > max(x.concurrency_limit)
ORDER BY 1
