SELECT id, workspace_id, external_id, action, filter, status, before_id, seen, changed, actor_kind, created_by, created_at, finished_at
FROM bulk_jobs WHERE status = 'running' ORDER BY id LIMIT $1
