-- Whom the news of runs are for: the one that a run names, with slot 0, and the endpoints of its workspace.
SELECT r.id AS run_id, NULL::uuid AS id, 0 AS slot, r.webhook_url AS url, r.webhook_events AS events
FROM runs r WHERE r.id = ANY ($1::uuid[]) AND r.webhook_url IS NOT NULL
UNION ALL
SELECT r.id, e.id, e.slot, e.url, e.events
FROM runs r JOIN webhook_endpoints e ON e.workspace_id = r.workspace_id AND e.disabled_at IS NULL
WHERE r.id = ANY ($1::uuid[])
