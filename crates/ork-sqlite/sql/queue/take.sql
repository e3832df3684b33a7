DELETE FROM ready WHERE lane = ?1 AND workspace_id = ?2 AND rank = ?3 AND seq = ?4
