-- Others are counted only where this one is new.
INSERT INTO prices (workspace_id, model, input_micros, output_micros, cached_micros, updated_by, updated_at)
SELECT $1::uuid, $2::text, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::bigint
WHERE (SELECT count(*) FROM prices WHERE workspace_id = $1 AND model <> $2) < $8::bigint
ON CONFLICT (workspace_id, model) DO UPDATE
SET input_micros = excluded.input_micros, output_micros = excluded.output_micros, cached_micros = excluded.cached_micros,
    updated_by = excluded.updated_by, updated_at = excluded.updated_at
