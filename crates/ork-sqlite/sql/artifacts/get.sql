SELECT * FROM v_artifacts WHERE id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
