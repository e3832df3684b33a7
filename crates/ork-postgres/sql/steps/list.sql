SELECT run_id, n, attempt, round, position, try, workspace_id, name, phase, type, status, lease, output, error, exit_code, model, prompt,
       input_tokens, output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens, reserved_micros, started_at, finished_at
FROM v_steps
WHERE run_id = $1 AND n = $2 AND (attempt, round, position, try) > ($3, $4, $5, $6) AND ($7::uuid IS NULL OR workspace_id = $7)
ORDER BY attempt, round, position, try LIMIT $8
