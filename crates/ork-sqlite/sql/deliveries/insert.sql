INSERT INTO webhook_deliveries (id, workspace_id, run_id, n, endpoint_id, type, url, status, attempts, next_attempt_at, log,
                                created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', 0, ?8, '[]', ?8)
ON CONFLICT (id) DO NOTHING
