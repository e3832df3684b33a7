-- Steps of attempts that are not over: each place is a run, a task's number and an attempt.
SELECT s.run_id, s.n, s.attempt, s.round, s.position, s.try, workspace_id, name, phase, type, status, lease, output, error, exit_code, model, prompt,
       input_tokens, output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens, reserved_micros, started_at, finished_at
FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS w (run_id, n, attempt)
CROSS JOIN LATERAL (
    SELECT * FROM steps own
    WHERE own.run_id = w.run_id AND own.n = w.n AND own.attempt = w.attempt AND own.status IN ('running', 'waiting') OFFSET 0
) AS s
ORDER BY s.run_id, s.n, s.attempt, s.round, s.position, s.try
