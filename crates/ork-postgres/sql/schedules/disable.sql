UPDATE schedules SET enabled = false, updated_by = $3, updated_at = $4
WHERE workspace_id = $1 AND name = $2 AND enabled
