UPDATE schedules SET enabled = 1, next_at = ?3, updated_by = ?4, updated_at = ?5
WHERE workspace_id = ?1 AND name = ?2 AND NOT enabled
