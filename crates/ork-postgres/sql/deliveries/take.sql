-- Nobody waits for what somebody else is taking.
UPDATE webhook_deliveries d SET next_attempt_at = $3
WHERE d.id = ANY (ARRAY(
    SELECT o.id FROM webhook_deliveries o
    WHERE o.id = ANY ($1::uuid[]) AND o.status = 'pending' AND o.next_attempt_at <= $2
    FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING d.id, d.workspace_id, d.run_id, d.n, d.endpoint_id, d.type, d.url, d.payload, d.status, d.attempts, d.next_attempt_at, d.log,
          d.created_at, d.delivered_at
