-- Tries of steps of one task. Whoever asks to change them holds the lease of the task, or the head of its run.
SELECT s.run_id, s.n, s.attempt, s.round, s.position, s.try, workspace_id, name, phase, type, status, lease, output, error, exit_code, model, prompt,
       input_tokens, output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens, reserved_micros, started_at, finished_at
FROM unnest($3::integer[], $4::integer[], $5::integer[], $6::integer[]) AS w (attempt, round, position, try)
CROSS JOIN LATERAL (
    SELECT * FROM steps own
    WHERE own.run_id = $1 AND own.n = $2 AND own.attempt = w.attempt AND own.round = w.round AND own.position = w.position
      AND own.try = w.try OFFSET 0
) AS s
