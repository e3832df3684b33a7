-- Steps that wait for gates. One whose reservation did not fit has not begun: what it is, its plan says.
INSERT INTO steps (run_id, n, attempt, round, position, try, workspace_id, name, phase, type, status, lease, input_tokens,
                   output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens, reserved_micros, started_at)
SELECT s.run_id, s.n, s.attempt, s.round, s.position, s.try, t.workspace_id, s.name,
       coalesce(r.plan #>> ARRAY['nodes', t.g::text, 'action', 'steps', s.position::text, 'phase'], 'execution'),
       CASE WHEN s.kind = 'budget' THEN 'ai_action' ELSE 'gate' END, 'waiting', coalesce(t.lease, 0), 0, 0, 0, 0, 0, 0, 0, $9
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::text[], $8::text[])
     AS s (run_id, n, attempt, round, position, try, name, kind)
CROSS JOIN LATERAL (SELECT * FROM tasks own WHERE own.run_id = s.run_id AND own.n = s.n OFFSET 0) AS t
CROSS JOIN LATERAL (SELECT own.plan FROM runs own WHERE own.id = s.run_id OFFSET 0) AS r
ON CONFLICT (run_id, n, attempt, round, position, try) DO UPDATE SET status = 'waiting' WHERE steps.status = 'running'
