DELETE FROM ready WHERE ctid = ANY (ARRAY (
    SELECT own.place
    FROM unnest($1::uuid[], $2::boolean[]) AS s (run_id, spare_run_if)
    CROSS JOIN LATERAL (
        SELECT own.ctid AS place FROM ready own
        WHERE own.run_id = s.run_id
          AND NOT (s.spare_run_if AND EXISTS (SELECT 1 FROM groups gr WHERE gr.run_id = own.run_id AND gr.g = own.g AND gr.run_if IS NOT NULL OFFSET 0))
        OFFSET 0
    ) AS own
))
