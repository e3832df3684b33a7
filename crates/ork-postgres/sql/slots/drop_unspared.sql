DELETE FROM held q USING unnest($1::uuid[], $2::boolean[]) AS s (run_id, spare_run_if)
WHERE q.run_id = s.run_id
  AND NOT (s.spare_run_if AND EXISTS (SELECT 1 FROM groups gr WHERE gr.run_id = q.run_id AND gr.g = q.g AND gr.run_if IS NOT NULL))
