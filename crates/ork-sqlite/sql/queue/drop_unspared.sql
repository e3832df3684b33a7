DELETE FROM ready WHERE run_id = ?1
  AND g NOT IN (SELECT gr.g FROM groups gr WHERE gr.run_id = ?1 AND gr.run_if IS NOT NULL)
