-- What the lanes of queues hold; those of single runs begin with `#`, which sorts before `$`, and queues' names after it.
-- Lanes are found by jumping from one to the next, and counting one ends after $2 rows.
WITH RECURSIVE found (lane) AS (
    (SELECT lane FROM ready WHERE lane >= '$' ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT q.lane FROM ready q WHERE q.lane > found.lane ORDER BY q.lane LIMIT 1) FROM found WHERE found.lane IS NOT NULL
),
counted (lane, ready, oldest_at, held, delayed, leased) AS (
    SELECT found.lane, own.ready, own.oldest_at, 0::bigint, 0::bigint, 0::bigint
    FROM found CROSS JOIN LATERAL (
        SELECT count(*) AS ready, min(head.queued_at) AS oldest_at FROM (
            SELECT q.queued_at FROM ready q WHERE q.lane = found.lane AND ($1::uuid IS NULL OR q.workspace_id = $1)
            ORDER BY q.workspace_id, q.rank, q.seq LIMIT $2
        ) AS head
    ) AS own
    WHERE found.lane IS NOT NULL
    UNION ALL
    SELECT h.lane, 0, NULL, count(*), 0, 0 FROM (
        SELECT lane FROM held WHERE lane >= '$' AND ($1::uuid IS NULL OR workspace_id = $1) LIMIT $2
    ) AS h GROUP BY h.lane
    UNION ALL
    SELECT w.lane, 0, NULL, 0, count(*), 0 FROM (
        SELECT gr.lane FROM delayed d
        JOIN tasks t ON t.run_id = d.run_id AND t.n = d.n
        JOIN groups gr ON gr.run_id = t.run_id AND gr.g = t.g
        WHERE gr.lane >= '$' AND ($1::uuid IS NULL OR d.workspace_id = $1) LIMIT $2
    ) AS w GROUP BY w.lane
    UNION ALL
    SELECT l.lane, 0, NULL, 0, 0, count(*) FROM (
        SELECT gr.lane FROM leases own JOIN groups gr ON gr.run_id = own.run_id AND gr.g = own.g
        WHERE gr.lane >= '$' AND ($1::uuid IS NULL OR own.workspace_id = $1) LIMIT $2
    ) AS l GROUP BY l.lane
)
SELECT lane, sum(ready)::bigint, max(oldest_at), sum(held)::bigint, sum(delayed)::bigint, sum(leased)::bigint FROM counted
GROUP BY lane HAVING sum(ready + held + delayed + leased) > 0 ORDER BY lane
