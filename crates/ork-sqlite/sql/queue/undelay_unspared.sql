DELETE FROM delayed WHERE run_id = ?1
  AND (?2 = 0 OR n IN (SELECT t.n FROM tasks t JOIN groups gr ON gr.run_id = t.run_id AND gr.g = t.g
                       WHERE t.run_id = ?1 AND gr.run_if IS NULL))
