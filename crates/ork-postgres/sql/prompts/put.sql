-- Others are counted only where this one is new. The row is locked from here on, so that versions come one after the other.
INSERT INTO prompts (workspace_id, id, category, context, version)
SELECT $1::uuid, $2::text, $3::text, $4::text, 0 WHERE (SELECT count(*) FROM prompts WHERE workspace_id = $1 AND id <> $2) < $5::bigint
ON CONFLICT (workspace_id, id) DO UPDATE SET category = excluded.category, context = excluded.context
