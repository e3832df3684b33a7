-- Ranges of tasks' numbers; of those, the live ones. Number by number: a join by range would be planned as a walk over all
-- tasks of the run, once for each range.
UPDATE tasks t SET status = 'skipped', reason = s.reason, available_at = NULL, finished_at = $5
FROM (
    SELECT s.reason, own.place
    FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[]) AS s (run_id, n_first, n_last, reason)
    CROSS JOIN generate_series(s.n_first, s.n_last) AS number
    CROSS JOIN LATERAL (
        SELECT own.ctid AS place FROM tasks own
        WHERE own.run_id = s.run_id AND own.n = number AND own.status IN ('pending', 'waiting', 'retrying') OFFSET 0
    ) AS own
) AS s
WHERE t.ctid = s.place
