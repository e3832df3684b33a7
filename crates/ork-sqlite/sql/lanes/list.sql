-- What the lanes of queues hold; those of single runs begin with `#`, which sorts before `$`, and queues' names after it.
-- Lanes are found by jumping from one to the next, and counting one ends after ?2 rows. The workspaces are a range, so that
-- one of them is a part of the key. CROSS JOIN: few rows are at work or delayed, and each finds its group by its key.
WITH RECURSIVE found (lane) AS (
    SELECT min(lane) FROM ready WHERE lane >= '$'
    UNION ALL
    SELECT (SELECT min(q.lane) FROM ready q WHERE q.lane > found.lane) FROM found WHERE found.lane IS NOT NULL
),
bounds (low, high) AS (SELECT coalesce(?1, x''), coalesce(?1, x'ffffffffffffffffffffffffffffffff')),
counted (lane, ready, oldest_at, held, delayed, leased) AS (
    SELECT
        found.lane,
        (SELECT count(*) FROM (SELECT 1 FROM ready q WHERE q.lane = found.lane AND q.workspace_id BETWEEN low AND high LIMIT ?2)),
        (SELECT min(queued_at) FROM (SELECT q.queued_at FROM ready q WHERE q.lane = found.lane AND q.workspace_id BETWEEN low AND high
                                     ORDER BY q.workspace_id, q.rank, q.seq LIMIT ?2)),
        0, 0, 0
    FROM found, bounds WHERE found.lane IS NOT NULL
    UNION ALL
    SELECT lane, 0, NULL, count(*), 0, 0 FROM (
        SELECT lane FROM held WHERE lane >= '$' AND (?1 IS NULL OR workspace_id = ?1) LIMIT ?2
    ) GROUP BY lane
    UNION ALL
    SELECT lane, 0, NULL, 0, count(*), 0 FROM (
        SELECT gr.lane FROM delayed d
        CROSS JOIN tasks t ON t.run_id = d.run_id AND t.n = d.n
        CROSS JOIN groups gr ON gr.run_id = t.run_id AND gr.g = t.g
        WHERE gr.lane >= '$' AND (?1 IS NULL OR d.workspace_id = ?1) LIMIT ?2
    ) GROUP BY lane
    UNION ALL
    SELECT lane, 0, NULL, 0, 0, count(*) FROM (
        SELECT gr.lane FROM leases l CROSS JOIN groups gr ON gr.run_id = l.run_id AND gr.g = l.g
        WHERE gr.lane >= '$' AND (?1 IS NULL OR l.workspace_id = ?1) LIMIT ?2
    ) GROUP BY lane
)
SELECT lane, sum(ready), max(oldest_at), sum(held), sum(delayed), sum(leased) FROM counted
GROUP BY lane HAVING sum(ready + held + delayed + leased) > 0 ORDER BY lane
