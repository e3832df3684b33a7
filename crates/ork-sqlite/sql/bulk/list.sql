SELECT id, workspace_id, external_id, action, filter, status, before_id, seen, changed, actor_kind, created_by, created_at, finished_at
FROM bulk_jobs WHERE (?1 IS NULL OR workspace_id = ?1) AND (?2 IS NULL OR id < ?2)
ORDER BY id DESC LIMIT ?3
