DELETE FROM delayed WHERE ctid = ANY (ARRAY (
    SELECT own.place
    FROM unnest($1::uuid[], $2::boolean[]) AS s (run_id, spare_run_if)
    CROSS JOIN LATERAL (
        SELECT own.ctid AS place FROM delayed own
        WHERE own.run_id = s.run_id
          AND NOT (s.spare_run_if
                   AND EXISTS (
                   SELECT 1 FROM tasks t
                   CROSS JOIN LATERAL (SELECT run_if FROM groups WHERE run_id = t.run_id AND g = t.g OFFSET 0) AS gr
                   WHERE t.run_id = own.run_id AND t.n = own.n AND gr.run_if IS NOT NULL OFFSET 0))
        OFFSET 0
    ) AS own
))
