UPDATE run_budgets b
SET limit_tokens = s.limit_tokens, limit_micros = s.limit_micros, used_tokens = s.used_tokens, used_micros = s.used_micros,
    reserved_tokens = s.reserved_tokens, reserved_micros = s.reserved_micros
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
     AS s (run_id, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros)
WHERE b.run_id = ANY (ARRAY[s.run_id])
