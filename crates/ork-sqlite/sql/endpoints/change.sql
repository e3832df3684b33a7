UPDATE webhook_endpoints
SET url = coalesce(?3, url), events = coalesce(?4, events), told = coalesce(?5, told), format = coalesce(?6, format),
    disabled_at = CASE WHEN ?7 IS NULL THEN disabled_at WHEN ?7 THEN NULL ELSE coalesce(disabled_at, ?9) END,
    disabled_because = CASE WHEN ?7 IS NULL THEN disabled_because WHEN ?7 THEN NULL ELSE coalesce(disabled_because, ?8) END,
    updated_at = ?9
WHERE id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
