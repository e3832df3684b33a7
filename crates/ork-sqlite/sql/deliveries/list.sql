SELECT id, workspace_id, run_id, n, endpoint_id, type, url, NULL AS payload, status, attempts, next_attempt_at, log, created_at, delivered_at
FROM webhook_deliveries
WHERE (?1 IS NULL OR workspace_id = ?1) AND (?2 IS NULL OR run_id = ?2) AND (?3 IS NULL OR endpoint_id = ?3)
  AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR (created_at, id) < (?5, ?6))
ORDER BY created_at DESC, id DESC LIMIT ?7
