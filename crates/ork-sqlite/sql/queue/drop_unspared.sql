DELETE FROM ready WHERE lane = ?1 AND workspace_id = ?2 AND run_id = ?3
  AND g NOT IN (SELECT gr.g FROM groups gr WHERE gr.run_id = ?3 AND gr.run_if IS NOT NULL)
