SELECT run_id, n, attempt, round, position, try, workspace_id, name, phase, type, status, lease, output, error, exit_code, model, prompt,
       input_tokens, output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens, reserved_micros, started_at, finished_at
FROM steps WHERE run_id = $1 ORDER BY n, attempt, round, position, try
