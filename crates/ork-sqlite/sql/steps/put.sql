-- A step as it is now. What it was born with stays.
INSERT INTO steps (run_id, n, attempt, round, position, try, workspace_id, name, phase, type, status, lease, output, error, exit_code,
                   model, prompt, input_tokens, output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens,
                   reserved_micros, started_at, finished_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)
ON CONFLICT (run_id, n, attempt, round, position, try) DO UPDATE
SET status = excluded.status, lease = excluded.lease, output = excluded.output, error = excluded.error,
    exit_code = excluded.exit_code, model = excluded.model, prompt = excluded.prompt, input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens, cached_tokens = excluded.cached_tokens, cost_tokens = excluded.cost_tokens,
    cost_micros = excluded.cost_micros, reserved_tokens = excluded.reserved_tokens, reserved_micros = excluded.reserved_micros,
    finished_at = excluded.finished_at
WHERE status = 'running' OR status = 'waiting'
