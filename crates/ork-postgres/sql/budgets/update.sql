UPDATE budgets b SET since = s.since, used_tokens = s.used_tokens, used_micros = s.used_micros, reserved_tokens = s.reserved_tokens,
    reserved_micros = s.reserved_micros
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
     AS s (workspace_id, period, since, used_tokens, used_micros, reserved_tokens, reserved_micros)
WHERE b.workspace_id = ANY (ARRAY[s.workspace_id]) AND b.period = s.period
