DELETE FROM delayed d USING unnest($1::uuid[], $2::boolean[]) AS s (run_id, spare_run_if)
WHERE d.run_id = s.run_id
  AND NOT (s.spare_run_if
           AND EXISTS (SELECT 1 FROM tasks t JOIN groups gr ON gr.run_id = t.run_id AND gr.g = t.g
                       WHERE t.run_id = d.run_id AND t.n = d.n AND gr.run_if IS NOT NULL))
