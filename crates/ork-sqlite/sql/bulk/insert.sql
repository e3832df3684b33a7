INSERT INTO bulk_jobs (id, workspace_id, external_id, action, filter, status, before_id, seen, changed, actor_kind, created_by,
                       created_at)
VALUES (?1, ?2, ?3, ?4, ?5, 'running', ?6, 0, 0, ?7, ?8, ?9)
ON CONFLICT (id) DO NOTHING
