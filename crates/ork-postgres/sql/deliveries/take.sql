-- Those that wait longest first. Nobody waits for what somebody else is taking.
UPDATE webhook_deliveries d SET next_attempt_at = $2
WHERE d.id = ANY (ARRAY(
    SELECT o.id FROM webhook_deliveries o
    WHERE o.status = 'pending' AND o.next_attempt_at <= $1 AND ($3::uuid IS NULL OR o.run_id = $3)
    ORDER BY o.next_attempt_at LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING d.id, d.workspace_id, d.run_id, d.n, d.endpoint_id, d.type, d.url, d.payload, d.status, d.attempts, d.next_attempt_at, d.log,
          d.created_at, d.delivered_at
