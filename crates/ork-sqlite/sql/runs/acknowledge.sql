UPDATE runs SET acknowledged_at = ?2, acknowledged_by = ?3
WHERE id = ?1 AND (?4 IS NULL OR workspace_id = ?4) AND finished_at IS NOT NULL AND acknowledged_at IS NULL
