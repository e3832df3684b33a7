UPDATE runs SET started_at = ?2 WHERE id = ?1 AND started_at IS NULL
