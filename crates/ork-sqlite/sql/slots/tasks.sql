SELECT run_id, n FROM (
    SELECT 0 AS turn, run_id, n FROM leases WHERE concurrency_key = ?1 AND (?2 IS NULL OR workspace_id = ?2)
    UNION ALL
    SELECT 1, run_id, n FROM ready WHERE concurrency_key = ?1 AND (?2 IS NULL OR workspace_id = ?2)
) ORDER BY turn, run_id, n LIMIT ?3
