-- Those that wait longest first, after a place: two comparisons that the index answers, without a choice between them.
SELECT id, workspace_id, url, next_attempt_at FROM webhook_deliveries
WHERE status = 'pending' AND next_attempt_at <= ?1 AND (next_attempt_at, id) > (?2, ?3)
ORDER BY next_attempt_at, id LIMIT ?4
