SELECT id, workspace_id, external_id, action, filter, status, before_id, seen, changed, actor_kind, created_by, created_at, finished_at
FROM bulk_jobs WHERE workspace_id = $1 AND external_id = $2
