-- Others are counted only where this one is new.
INSERT INTO prompts (workspace_id, id, category, context, version)
SELECT ?1, ?2, ?3, ?4, 0 WHERE (SELECT count(*) FROM prompts WHERE workspace_id = ?1 AND id <> ?2) < ?5
ON CONFLICT (workspace_id, id) DO UPDATE SET category = excluded.category, context = excluded.context
