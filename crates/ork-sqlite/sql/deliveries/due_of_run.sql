-- The same of one run, by the index of its messages: those of others may be many.
SELECT id, workspace_id, url, next_attempt_at FROM webhook_deliveries
WHERE run_id = ?5 AND status = 'pending' AND next_attempt_at <= ?1 AND (next_attempt_at, id) > (?2, ?3)
ORDER BY next_attempt_at, id LIMIT ?4
