SELECT r.id FROM runs r
WHERE r.workspace_id = ?1 AND r.finished_at < ?2
    AND NOT EXISTS (SELECT 1 FROM runs l WHERE l.retry_of = r.id AND l.finished_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.reused_run_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.run_id = r.id AND d.status = 'pending')
ORDER BY r.finished_at, r.id LIMIT ?3
