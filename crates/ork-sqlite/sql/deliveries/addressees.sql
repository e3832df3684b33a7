-- Whom a run's news are for: the one that it names, with slot 0, and the endpoints of its workspace.
SELECT NULL AS id, 0 AS slot, webhook_url AS url, webhook_events AS events
FROM runs WHERE id = ?1 AND webhook_url IS NOT NULL
UNION ALL
SELECT id, slot, url, events FROM webhook_endpoints WHERE workspace_id = ?2 AND disabled_at IS NULL
