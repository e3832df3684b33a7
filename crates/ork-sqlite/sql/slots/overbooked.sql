SELECT k.concurrency_key, min(k.concurrency_limit), k.taken FROM (
    SELECT x.workspace_id, x.concurrency_key,
           (SELECT max(gr.concurrency_limit) FROM groups gr WHERE gr.run_id = x.run_id AND gr.g = x.g) AS concurrency_limit,
           count(*) OVER (PARTITION BY x.workspace_id, x.concurrency_key) AS taken
    FROM (SELECT run_id, g, workspace_id, concurrency_key FROM ready WHERE concurrency_key IS NOT NULL
          UNION ALL
          SELECT run_id, g, workspace_id, concurrency_key FROM leases WHERE concurrency_key IS NOT NULL) x
) k
WHERE (?1 IS NULL OR k.workspace_id = ?1)
GROUP BY k.workspace_id, k.concurrency_key, k.taken
HAVING k.taken > max(k.concurrency_limit)
