-- Cancels what holds no lease and has no attempt that is not over. What holds one is settled by its worker, or by the reaper. Runs after the queue was emptied in
-- a statement of its own: that one has waited for claims under way, and this one sees their leases. `OFFSET 0` keeps each
-- question a look-up by key; as a join it may be planned as tasks times leases.
UPDATE tasks t SET status = 'cancelled', reason = s.reason, available_at = NULL, finished_at = $4
FROM (
    SELECT s.reason, own.place
    FROM unnest($1::uuid[], $2::boolean[], $3::text[]) AS s (run_id, spare_run_if, reason)
    CROSS JOIN LATERAL (
        SELECT own.ctid AS place FROM tasks own
        WHERE own.run_id = s.run_id AND own.status IN ('pending', 'waiting', 'retrying') AND own.open_as IS NULL
          AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.run_id = own.run_id AND l.n = own.n OFFSET 0)
          AND NOT (s.spare_run_if AND EXISTS (SELECT 1 FROM groups gr
                                              WHERE gr.run_id = own.run_id AND gr.g = own.g AND gr.run_if IS NOT NULL OFFSET 0))
        OFFSET 0
    ) AS own
) AS s
WHERE t.ctid = s.place
RETURNING t.run_id, t.g, t.n
