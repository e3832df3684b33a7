-- The same of one run: whose message it is stands in the index too, so that those of others are passed over there, and no page
-- has to sort all that the run has.
SELECT id, workspace_id, url, next_attempt_at FROM webhook_deliveries INDEXED BY webhook_deliveries_due
WHERE run_id = ?5 AND status = 'pending' AND next_attempt_at <= ?1 AND (next_attempt_at, id) > (?2, ?3)
ORDER BY next_attempt_at, id LIMIT ?4
