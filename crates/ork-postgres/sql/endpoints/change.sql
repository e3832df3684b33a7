UPDATE webhook_endpoints
SET url = coalesce($3::text, url), events = coalesce($4::text, events), told = coalesce($5::integer, told), format = coalesce($6::text, format),
    disabled_at = CASE WHEN $7::boolean IS NULL THEN disabled_at WHEN $7 THEN NULL ELSE coalesce(disabled_at, $9::bigint) END,
    disabled_because = CASE WHEN $7::boolean IS NULL THEN disabled_because WHEN $7 THEN NULL ELSE coalesce(disabled_because, $8::text) END,
    updated_at = $9
WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)
