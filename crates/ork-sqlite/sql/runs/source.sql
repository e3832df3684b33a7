SELECT coalesce(r.plan_source, v.source) FROM runs r LEFT JOIN workflow_revisions v ON v.id = r.revision_id
WHERE r.id = ?1 AND (?2 IS NULL OR r.workspace_id = ?2)
