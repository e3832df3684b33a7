UPDATE schedules SET enabled = 0, updated_by = ?3, updated_at = ?4
WHERE workspace_id = ?1 AND name = ?2 AND enabled
