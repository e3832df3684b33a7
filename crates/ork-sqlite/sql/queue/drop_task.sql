DELETE FROM ready WHERE lane = ?1 AND workspace_id = ?2 AND run_id = ?3 AND n = ?4
