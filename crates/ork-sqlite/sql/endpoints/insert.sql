-- With the lowest slot that is free, if one is.
INSERT INTO webhook_endpoints (id, workspace_id, name, url, events, told, format, secret, slot, created_by, created_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, s.slot, ?9, ?10, ?10
FROM (SELECT 1 AS slot UNION ALL SELECT slot + 1 FROM webhook_endpoints WHERE workspace_id = ?2) AS s
WHERE s.slot < 256
  AND NOT EXISTS (SELECT 1 FROM webhook_endpoints o WHERE o.workspace_id = ?2 AND o.slot = s.slot)
  AND (SELECT count(*) FROM webhook_endpoints WHERE workspace_id = ?2) < ?11
ORDER BY s.slot LIMIT 1
