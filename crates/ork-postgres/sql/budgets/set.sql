-- A new one begins with what is reserved already.
INSERT INTO budgets (workspace_id, period, since, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros)
SELECT $1::uuid, $2::text, $3::bigint, $4::bigint, $5::bigint, 0, 0, coalesce(sum(reserved_tokens), 0)::bigint,
       coalesce(sum(reserved_micros), 0)::bigint
FROM steps WHERE workspace_id = $1 AND (reserved_tokens > 0 OR reserved_micros > 0)
ON CONFLICT (workspace_id, period) DO UPDATE SET limit_tokens = excluded.limit_tokens, limit_micros = excluded.limit_micros
