-- Steps as they are now. What they were born with stays.
INSERT INTO steps (run_id, n, attempt, round, position, try, workspace_id, name, phase, type, status, lease, output, error, exit_code,
                   model, prompt, input_tokens, output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens,
                   reserved_micros, started_at, finished_at)
SELECT s.run_id, s.n, s.attempt, s.round, s.position, s.try, s.workspace_id, s.name, s.phase, s.type, s.status, s.lease,
       s.output::json, s.error::json, s.exit_code, s.model, s.prompt, s.input_tokens, s.output_tokens, s.cached_tokens,
       s.cost_tokens, s.cost_micros, s.reserved_tokens, s.reserved_micros, s.started_at, s.finished_at
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::uuid[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::integer[], $16::text[], $17::text[],
            $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[],
            $25::bigint[], $26::bigint[])
     AS s (run_id, n, attempt, round, position, try, workspace_id, name, phase, type, status, lease, output, error, exit_code,
           model, prompt, input_tokens, output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens,
           reserved_micros, started_at, finished_at)
ON CONFLICT (run_id, n, attempt, round, position, try) DO UPDATE
SET status = excluded.status, lease = excluded.lease, output = excluded.output, error = excluded.error,
    exit_code = excluded.exit_code, model = excluded.model, prompt = excluded.prompt, input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens, cached_tokens = excluded.cached_tokens, cost_tokens = excluded.cost_tokens,
    cost_micros = excluded.cost_micros, reserved_tokens = excluded.reserved_tokens, reserved_micros = excluded.reserved_micros,
    finished_at = excluded.finished_at
WHERE steps.status IN ('running', 'waiting')
