UPDATE workflows SET description = ?2, revision_id = ?3, updated_at = ?4, deleted_at = NULL WHERE id = ?1
